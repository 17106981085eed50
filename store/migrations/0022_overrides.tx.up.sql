-- The entries that overrode the duplicate check: after one of them the period has its entry.
CREATE INDEX feed_entries_overrides ON feed_entries (customer_id, consumer_id, occurrence_to) WHERE revision > 0;
