-- Kept answers are found by their keys, numbers and consumers, and those that are over by idempotency_keys_over: nobody asked for this one.
DROP INDEX idempotency_keys_age;
