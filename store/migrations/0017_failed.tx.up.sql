-- Which of a customer's callbacks have failed, among all that arrived.
CREATE INDEX deliveries_failed ON deliveries (customer_id, created_at DESC, id DESC) WHERE status = 'FAILED';
