-- Up to which transaction a rule was applied when that was cut off; 0: it was not.
ALTER TABLE category_rules ADD COLUMN applied_consumer bigint NOT NULL DEFAULT 0, ADD COLUMN applied_id bigint NOT NULL DEFAULT 0;
