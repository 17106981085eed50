-- changed_at of the change that erased data of the consumer last: what was loaded before that is not stored any more.
ALTER TABLE consumers ADD COLUMN erased_at timestamptz;
