-- All that a customer has, the newest first: partial, so that only who says customer_id > 0, as all are, can use these indexes.
DROP INDEX transactions_by_customer;
CREATE INDEX transactions_by_customer ON transactions (customer_id, booking_date DESC, id DESC) WHERE customer_id > 0;
DROP INDEX feed_entries_newest;
CREATE INDEX feed_entries_newest ON feed_entries (customer_id, created_at DESC, id DESC) WHERE customer_id > 0;
