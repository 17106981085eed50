-- Which runs of one consumer have been over for long.
CREATE INDEX runs_over ON runs (finished_at) WHERE kind = 'ON_DEMAND' AND consumer_id IS NOT NULL;
