-- The first day that the consumer agreed to when it gave the consent; NULL: given before this was kept.
ALTER TABLE consents ADD COLUMN since date;
