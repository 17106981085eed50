-- A scheduled run carries all insights that are due together, and what came of them is one row for each consumer.

CREATE TABLE outcomes (
  customer_id  bigint NOT NULL,
  consumer_id  bigint NOT NULL,
  run_id       bigint NOT NULL,        -- a scheduled one of the customer's; those go with the customer only
  outcomes     text NOT NULL,          -- for each of the run's requests the first letter of what came of it, '-': nothing yet
  reasons      jsonb,                  -- by insight, where the letter does not say them
  evaluated_at timestamptz NOT NULL,
  data_at      timestamptz NOT NULL,   -- changed_at of the consumer when it was evaluated
  round        int NOT NULL,           -- the shard's
  PRIMARY KEY (customer_id, consumer_id, run_id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
ALTER TABLE outcomes ENABLE ROW LEVEL SECURITY;
ALTER TABLE outcomes FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON outcomes TO insightgraph_app USING (customer_id = nullif(current_setting('app.customer', true), '')::bigint
  AND (coalesce(current_setting('app.consumer', true), '') = '' OR consumer_id = nullif(current_setting('app.consumer', true), '')::bigint));
CREATE POLICY every ON outcomes TO insightgraph_system USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON outcomes TO insightgraph_app, insightgraph_system;

-- Runs of one customer, frequency, time zone and period become the first of them. What was under way is planned again.
ALTER TABLE runs ADD COLUMN first_id bigint, ADD COLUMN place int;
SET LOCAL ROLE insightgraph_system; -- row level security binds the owner too
UPDATE runs SET first_id = m.first_id, place = m.place
  FROM (SELECT customer_id, id, min(id) OVER same AS first_id, row_number() OVER same AS place FROM runs WHERE kind = 'SCHEDULED'
    WINDOW same AS (PARTITION BY customer_id, frequency, time_zone, occurrence_from ORDER BY id)) m
  WHERE (runs.customer_id, runs.id) = (m.customer_id, m.id);
INSERT INTO outcomes (customer_id, consumer_id, run_id, outcomes, reasons, evaluated_at, data_at, round)
  SELECT c.customer_id, c.consumer_id, c.first_id, string_agg(coalesce(left(e.outcome, 1), '-'), '' ORDER BY r.place),
    jsonb_object_agg(e.insight, e.reason) FILTER (WHERE e.outcome IN ('FAILED', 'INSUFFICIENT_DATA') AND e.reason IS NOT NULL),
    max(e.evaluated_at), min(e.data_at),
    CASE WHEN bool_and(e.round IS NOT NULL AND e.round >= r.round) THEN max(r.round) ELSE -1 END -- -1: due again
  FROM (SELECT DISTINCT e.customer_id, e.consumer_id, r.first_id FROM evaluations e JOIN runs r ON (r.customer_id, r.id) = (e.customer_id, e.run_id)
    WHERE r.kind = 'SCHEDULED') c
  JOIN runs r ON (r.customer_id, r.first_id) = (c.customer_id, c.first_id)
  LEFT JOIN evaluations e ON (e.customer_id, e.run_id, e.consumer_id) = (r.customer_id, r.id, c.consumer_id)
  GROUP BY c.customer_id, c.consumer_id, c.first_id;
DELETE FROM evaluations e USING runs r WHERE (r.customer_id, r.id) = (e.customer_id, e.run_id) AND r.kind = 'SCHEDULED';
DELETE FROM run_shards s USING runs r WHERE (r.customer_id, r.id) = (s.customer_id, s.run_id) AND r.kind = 'SCHEDULED' AND s.state IN ('READY', 'RUNNING');
UPDATE runs r SET requests = m.requests, round = m.round, planned_through = NULL, shards_left = 0,
    status = CASE r.status WHEN 'FAILED' THEN r.status ELSE 'SUCCEEDED' END, finished_at = coalesce(r.finished_at, r.requested_at)
  FROM (SELECT customer_id, first_id, jsonb_agg(jsonb_build_object('insight', insight) ORDER BY place) AS requests, max(round) AS round
    FROM runs WHERE kind = 'SCHEDULED' GROUP BY 1, 2) m
  WHERE (r.customer_id, r.id) = (m.customer_id, m.first_id);
DELETE FROM runs WHERE kind = 'SCHEDULED' AND id <> first_id;
RESET ROLE;
ALTER TABLE runs DROP CONSTRAINT runs_scheduled, DROP COLUMN insight, DROP COLUMN first_id, DROP COLUMN place,
  ADD CONSTRAINT runs_scheduled UNIQUE (customer_id, frequency, time_zone, occurrence_from);
ALTER TABLE evaluations DROP COLUMN round; -- of runs on demand from now on
