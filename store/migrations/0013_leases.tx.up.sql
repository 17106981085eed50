-- How many of a customer's callbacks are being sent, and which is its next.
CREATE INDEX deliveries_leased ON deliveries (customer_id) WHERE lease_until IS NOT NULL;
CREATE INDEX deliveries_waiting ON deliveries (customer_id, run_after, id) WHERE status = 'PENDING';
