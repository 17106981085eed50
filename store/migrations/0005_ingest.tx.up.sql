-- Ingestion by sets: what was looked at for each row is looked at once for each statement.

-- A foreign key asks for every single row whether its account is there, which was a quarter of the cost of storing it.
-- These triggers ask the same once for each account of a statement, and lock it in the same way against being deleted.
-- What is deleted with an account is deleted by accounts_deleted.
ALTER TABLE transactions DROP CONSTRAINT transactions_account;
ALTER TABLE account_months DROP CONSTRAINT account_months_customer_id_consumer_id_account_id_fkey;
ALTER TABLE category_months DROP CONSTRAINT category_months_customer_id_consumer_id_account_id_fkey;

-- The totals first: then the rows' own trigger finds nothing to subtract from.
CREATE FUNCTION accounts_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM category_months m USING old_rows o WHERE (m.customer_id, m.consumer_id, m.account_id) = (o.customer_id, o.consumer_id, o.id);
  DELETE FROM account_months m USING old_rows o WHERE (m.customer_id, m.consumer_id, m.account_id) = (o.customer_id, o.consumer_id, o.id);
  DELETE FROM transactions t USING old_rows o WHERE (t.customer_id, t.consumer_id, t.account_id) = (o.customer_id, o.consumer_id, o.id);
  RETURN NULL;
END $$;
CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION accounts_deleted();

-- Transactions are summed up once, by category, and the account's totals come from those sums.
CREATE OR REPLACE FUNCTION transactions_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT customer_id, consumer_id, account_id FROM new_rows ORDER BY 1, 2, 3) n WHERE NOT EXISTS
      (SELECT FROM accounts a WHERE (a.customer_id, a.consumer_id, a.id) = (n.customer_id, n.consumer_id, n.account_id) FOR KEY SHARE)) THEN
    RAISE foreign_key_violation USING MESSAGE = 'a transaction''s account is not there', CONSTRAINT = 'transactions_account', TABLE = 'transactions';
  END IF;
  WITH sums AS MATERIALIZED (
    SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date::timestamp)::date AS month, category_id, transfer_id IS NOT NULL AS moved,
      coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT'), 0) AS credit, coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT'), 0) AS debit, count(*) AS count
    FROM new_rows WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4, 5, 6),
  by_category AS (
    INSERT INTO category_months AS m (customer_id, consumer_id, account_id, month, category_id, credit, debit, count)
    SELECT customer_id, consumer_id, account_id, month, category_id, credit, debit, count FROM sums WHERE NOT moved ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (customer_id, consumer_id, account_id, month, category_id) DO UPDATE SET
      credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count)
  INSERT INTO account_months AS m (customer_id, consumer_id, account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count)
  SELECT customer_id, consumer_id, account_id, month,
    coalesce(sum(credit) FILTER (WHERE NOT moved), 0), coalesce(sum(debit) FILTER (WHERE NOT moved), 0), coalesce(sum(count) FILTER (WHERE NOT moved), 0),
    coalesce(sum(credit) FILTER (WHERE moved), 0), coalesce(sum(debit) FILTER (WHERE moved), 0), coalesce(sum(count) FILTER (WHERE moved), 0)
  FROM sums GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (customer_id, consumer_id, account_id, month) DO UPDATE SET
    credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count,
    transfer_credit = m.transfer_credit + excluded.transfer_credit, transfer_debit = m.transfer_debit + excluded.transfer_debit,
    transfer_count = m.transfer_count + excluded.transfer_count;
  RETURN NULL;
END $$;

-- Every statement that may update fires this one, most of them for no row.
CREATE OR REPLACE FUNCTION transactions_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM new_rows) THEN
    RETURN NULL;
  END IF;
  IF EXISTS (SELECT FROM (SELECT DISTINCT customer_id, consumer_id, account_id FROM new_rows ORDER BY 1, 2, 3) n WHERE NOT EXISTS
      (SELECT FROM accounts a WHERE (a.customer_id, a.consumer_id, a.id) = (n.customer_id, n.consumer_id, n.account_id) FOR KEY SHARE)) THEN
    RAISE foreign_key_violation USING MESSAGE = 'a transaction''s account is not there', CONSTRAINT = 'transactions_account', TABLE = 'transactions';
  END IF;
  WITH changed AS (
    SELECT 1 AS sign, customer_id, consumer_id, account_id, booking_date, category_id, transfer_id, base_type, amount, status FROM new_rows
    UNION ALL SELECT -1, customer_id, consumer_id, account_id, booking_date, category_id, transfer_id, base_type, amount, status FROM old_rows),
  sums AS MATERIALIZED (
    SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date::timestamp)::date AS month, category_id, transfer_id IS NOT NULL AS moved,
      coalesce(sum(sign * amount) FILTER (WHERE base_type = 'CREDIT'), 0) AS credit, coalesce(sum(sign * amount) FILTER (WHERE base_type = 'DEBIT'), 0) AS debit, sum(sign) AS count
    FROM changed WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4, 5, 6),
  by_category AS (
    INSERT INTO category_months AS m (customer_id, consumer_id, account_id, month, category_id, credit, debit, count)
    SELECT customer_id, consumer_id, account_id, month, category_id, credit, debit, count FROM sums WHERE NOT moved ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (customer_id, consumer_id, account_id, month, category_id) DO UPDATE SET
      credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count)
  INSERT INTO account_months AS m (customer_id, consumer_id, account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count)
  SELECT customer_id, consumer_id, account_id, month,
    coalesce(sum(credit) FILTER (WHERE NOT moved), 0), coalesce(sum(debit) FILTER (WHERE NOT moved), 0), coalesce(sum(count) FILTER (WHERE NOT moved), 0),
    coalesce(sum(credit) FILTER (WHERE moved), 0), coalesce(sum(debit) FILTER (WHERE moved), 0), coalesce(sum(count) FILTER (WHERE moved), 0)
  FROM sums GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (customer_id, consumer_id, account_id, month) DO UPDATE SET
    credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count,
    transfer_credit = m.transfer_credit + excluded.transfer_credit, transfer_debit = m.transfer_debit + excluded.transfer_debit,
    transfer_count = m.transfer_count + excluded.transfer_count;
  RETURN NULL;
END $$;

-- The settings that tell whose rows may be written are read once for each statement, not for each row. What may be seen
-- stays as it was.
ALTER POLICY own ON transactions WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer', true), '')::bigint)
  AND ((SELECT coalesce(current_setting('app.consumer', true), '') = '') OR consumer_id = (SELECT nullif(current_setting('app.consumer', true), '')::bigint)));
