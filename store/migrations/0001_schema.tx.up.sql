-- The schema. Money is numeric, days are date, moments are timestamptz. Every row belongs to a customer, and the
-- keys of consumer data begin with (customer_id, consumer_id): row level security and any later distribution over
-- machines go by them.

-- Roles that own nothing. insightgraph_app serves requests and sees one customer (and for user-level tokens one
-- consumer) at a time; insightgraph_system plans and imports over all customers.
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['insightgraph_app', 'insightgraph_system'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- roles are shared by all databases of a server
    END;
    -- Since PostgreSQL 16 who makes a role may give it to anybody, but neither use it nor see what it sees.
    IF NOT pg_has_role(current_user, r, CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
      BEGIN
        EXECUTE format('GRANT %I TO CURRENT_USER', r);
      EXCEPTION WHEN insufficient_privilege THEN
        RAISE insufficient_privilege USING MESSAGE = format('the role %I was made by another login: have that one, or a superuser, GRANT %1$I TO %2$I', r, current_user);
      END;
    END IF;
  END LOOP;
  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema()); -- everybody's before PostgreSQL 15
END $$;

CREATE TABLE customers (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL,
  client_id   text NOT NULL CONSTRAINT customers_client_id UNIQUE,
  secret_hash bytea NOT NULL,
  time_zone   text NOT NULL,
  currency    text NOT NULL,
  created_at  timestamptz NOT NULL
);

-- Access tokens by the SHA-256 of their text. They are looked up before the customer is known.
CREATE TABLE tokens (
  hash        bytea PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  consumer_id bigint,
  expires_at  timestamptz NOT NULL
);
CREATE INDEX tokens_expires_at ON tokens (expires_at);
CREATE INDEX tokens_customer ON tokens (customer_id, consumer_id);

CREATE TABLE public_keys (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  key_id      text NOT NULL,
  algorithm   text NOT NULL,
  pem         text NOT NULL,
  created_at  timestamptz NOT NULL,
  revoked_at  timestamptz,
  PRIMARY KEY (customer_id, key_id)
);

CREATE TABLE consumers (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  external_id text,
  time_zone   text NOT NULL,
  currency    text NOT NULL,
  created_at  timestamptz NOT NULL,
  changed_at  timestamptz NOT NULL, -- when anything held about the consumer changed last
  PRIMARY KEY (customer_id, id),
  CONSTRAINT consumers_external_id UNIQUE (customer_id, external_id)
);
ALTER TABLE tokens ADD FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE;
CREATE INDEX consumers_changed_at ON consumers (customer_id, changed_at);
CREATE INDEX consumers_time_zone ON consumers (customer_id, time_zone, id);

CREATE TABLE accounts (
  customer_id   bigint NOT NULL,
  consumer_id   bigint NOT NULL,
  id            bigint GENERATED ALWAYS AS IDENTITY,
  external_id   text,
  container     text NOT NULL,
  type          text NOT NULL,
  name          text NOT NULL,
  provider_name text NOT NULL,
  status        text NOT NULL,
  currency      text NOT NULL,
  iban          text,
  balance       numeric,
  balance_as_of timestamptz,
  credit_limit  numeric,
  opened_on     date,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, id),
  CONSTRAINT accounts_consumer FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE,
  CONSTRAINT accounts_external_id UNIQUE (customer_id, consumer_id, external_id)
);
CREATE INDEX accounts_by_external_id ON accounts (customer_id, external_id);

CREATE TABLE transactions (
  customer_id       bigint NOT NULL,
  consumer_id       bigint NOT NULL,
  account_id        bigint NOT NULL,
  id                bigint GENERATED ALWAYS AS IDENTITY,
  external_id       text,
  base_type         text NOT NULL CHECK (base_type IN ('CREDIT', 'DEBIT')),
  amount            numeric NOT NULL CHECK (amount >= 0),
  currency          text NOT NULL,
  booking_date      date NOT NULL,
  value_date        date,
  status            text NOT NULL CHECK (status IN ('POSTED', 'PENDING')),
  description       text NOT NULL,
  counterparty_name text,
  counterparty_iban text,
  mcc               text,
  category_id       int NOT NULL,
  category_source   text NOT NULL,
  merchant_name     text,
  transfer_id       bigint, -- the other leg of a movement between the consumer's own accounts
  created_at        timestamptz NOT NULL,
  changed_at        timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, id),
  CONSTRAINT transactions_account FOREIGN KEY (customer_id, consumer_id, account_id) REFERENCES accounts ON DELETE CASCADE,
  CONSTRAINT transactions_external_id UNIQUE (customer_id, consumer_id, account_id, external_id)
);
CREATE INDEX transactions_by_account ON transactions (customer_id, consumer_id, account_id, booking_date DESC, id DESC);
CREATE INDEX transactions_transfers ON transactions (customer_id, consumer_id, transfer_id) WHERE transfer_id IS NOT NULL;
CREATE INDEX transactions_by_customer ON transactions (customer_id, booking_date DESC, id DESC);

-- Pairs that a person said are no transfer.
CREATE TABLE refused_transfers (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  debit_id    bigint NOT NULL,
  credit_id   bigint NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, debit_id, credit_id),
  FOREIGN KEY (customer_id, consumer_id, debit_id) REFERENCES transactions ON DELETE CASCADE,
  FOREIGN KEY (customer_id, consumer_id, credit_id) REFERENCES transactions ON DELETE CASCADE
);
CREATE INDEX refused_transfers_credit ON refused_transfers (customer_id, consumer_id, credit_id);

-- Monthly totals of posted transactions, kept by the triggers below in the transaction that changes the rows.
CREATE TABLE account_months (
  customer_id     bigint NOT NULL,
  consumer_id     bigint NOT NULL,
  account_id      bigint NOT NULL,
  month           date NOT NULL,
  credit          numeric NOT NULL,
  debit           numeric NOT NULL,
  count           int NOT NULL,
  transfer_credit numeric NOT NULL,
  transfer_debit  numeric NOT NULL,
  transfer_count  int NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, account_id, month),
  FOREIGN KEY (customer_id, consumer_id, account_id) REFERENCES accounts ON DELETE CASCADE,
  -- A program's decimal holds nineteen digits: a sum that does not fit is refused, never rounded.
  CONSTRAINT account_months_exact CHECK (greatest(credit, debit, transfer_credit, transfer_debit)
    < 10::numeric ^ (19 - greatest(min_scale(credit), min_scale(debit), min_scale(transfer_credit), min_scale(transfer_debit))))
) WITH (fillfactor = 70);
CREATE INDEX account_months_sums ON account_months (customer_id, consumer_id, month)
  INCLUDE (account_id, credit, debit, count, transfer_credit, transfer_debit, transfer_count);

CREATE TABLE category_months (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  account_id  bigint NOT NULL,
  month       date NOT NULL,
  category_id int NOT NULL,
  credit      numeric NOT NULL,
  debit       numeric NOT NULL,
  count       int NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, account_id, month, category_id),
  FOREIGN KEY (customer_id, consumer_id, account_id) REFERENCES accounts ON DELETE CASCADE
) WITH (fillfactor = 70);

-- The totals change by what a statement did: the new rows less the old ones, in key order so that two statements
-- never wait for each other in a circle.
CREATE FUNCTION transactions_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_months AS m (customer_id, consumer_id, account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count)
  SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date,
    coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NULL), 0),
    coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NULL), 0),
    count(*) FILTER (WHERE transfer_id IS NULL),
    coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NOT NULL), 0),
    coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NOT NULL), 0),
    count(*) FILTER (WHERE transfer_id IS NOT NULL)
  FROM new_rows WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (customer_id, consumer_id, account_id, month) DO UPDATE SET
    credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count,
    transfer_credit = m.transfer_credit + excluded.transfer_credit, transfer_debit = m.transfer_debit + excluded.transfer_debit,
    transfer_count = m.transfer_count + excluded.transfer_count;
  INSERT INTO category_months AS m (customer_id, consumer_id, account_id, month, category_id, credit, debit, count)
  SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date, category_id,
    coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT'), 0), coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT'), 0), count(*)
  FROM new_rows WHERE status = 'POSTED' AND transfer_id IS NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (customer_id, consumer_id, account_id, month, category_id) DO UPDATE SET
    credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count;
  RETURN NULL;
END $$;
CREATE TRIGGER transactions_inserted AFTER INSERT ON transactions REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION transactions_inserted();

CREATE FUNCTION transactions_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO account_months AS m (customer_id, consumer_id, account_id, month, credit, debit, count, transfer_credit, transfer_debit, transfer_count)
  SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date,
    coalesce(sum(sign * amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NULL), 0),
    coalesce(sum(sign * amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NULL), 0),
    coalesce(sum(sign) FILTER (WHERE transfer_id IS NULL), 0),
    coalesce(sum(sign * amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NOT NULL), 0),
    coalesce(sum(sign * amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NOT NULL), 0),
    coalesce(sum(sign) FILTER (WHERE transfer_id IS NOT NULL), 0)
  FROM (SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows) changed
  WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (customer_id, consumer_id, account_id, month) DO UPDATE SET
    credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count,
    transfer_credit = m.transfer_credit + excluded.transfer_credit, transfer_debit = m.transfer_debit + excluded.transfer_debit,
    transfer_count = m.transfer_count + excluded.transfer_count;
  INSERT INTO category_months AS m (customer_id, consumer_id, account_id, month, category_id, credit, debit, count)
  SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date, category_id,
    coalesce(sum(sign * amount) FILTER (WHERE base_type = 'CREDIT'), 0), coalesce(sum(sign * amount) FILTER (WHERE base_type = 'DEBIT'), 0), sum(sign)
  FROM (SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows) changed
  WHERE status = 'POSTED' AND transfer_id IS NULL GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (customer_id, consumer_id, account_id, month, category_id) DO UPDATE SET
    credit = m.credit + excluded.credit, debit = m.debit + excluded.debit, count = m.count + excluded.count;
  RETURN NULL;
END $$;
CREATE TRIGGER transactions_updated AFTER UPDATE ON transactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION transactions_updated();

-- An account that is being erased has no totals left: then nothing is found to subtract from.
CREATE FUNCTION transactions_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE account_months m SET
    credit = m.credit - o.credit, debit = m.debit - o.debit, count = m.count - o.count,
    transfer_credit = m.transfer_credit - o.transfer_credit, transfer_debit = m.transfer_debit - o.transfer_debit,
    transfer_count = m.transfer_count - o.transfer_count
  FROM (SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date AS month,
      coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NULL), 0) AS credit,
      coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NULL), 0) AS debit,
      count(*) FILTER (WHERE transfer_id IS NULL) AS count,
      coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT' AND transfer_id IS NOT NULL), 0) AS transfer_credit,
      coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT' AND transfer_id IS NOT NULL), 0) AS transfer_debit,
      count(*) FILTER (WHERE transfer_id IS NOT NULL) AS transfer_count
    FROM old_rows WHERE status = 'POSTED' GROUP BY 1, 2, 3, 4) o
  WHERE (m.customer_id, m.consumer_id, m.account_id, m.month) = (o.customer_id, o.consumer_id, o.account_id, o.month);
  UPDATE category_months m SET credit = m.credit - o.credit, debit = m.debit - o.debit, count = m.count - o.count
  FROM (SELECT customer_id, consumer_id, account_id, date_trunc('month', booking_date)::date AS month, category_id,
      coalesce(sum(amount) FILTER (WHERE base_type = 'CREDIT'), 0) AS credit, coalesce(sum(amount) FILTER (WHERE base_type = 'DEBIT'), 0) AS debit,
      count(*) AS count
    FROM old_rows WHERE status = 'POSTED' AND transfer_id IS NULL GROUP BY 1, 2, 3, 4, 5) o
  WHERE (m.customer_id, m.consumer_id, m.account_id, m.month, m.category_id) = (o.customer_id, o.consumer_id, o.account_id, o.month, o.category_id);
  RETURN NULL;
END $$;
CREATE TRIGGER transactions_deleted AFTER DELETE ON transactions REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION transactions_deleted();

-- What customers and consumers have set differently, as they set it.
CREATE TABLE customer_settings (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  insight     text NOT NULL,
  settings    jsonb NOT NULL,
  PRIMARY KEY (customer_id, insight)
);
CREATE TABLE user_settings (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  insight     text NOT NULL,
  settings    jsonb NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, insight),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);

-- Evaluations to do. A scheduled run is one insight, customer, time zone and period; one on demand is one request.
CREATE TABLE runs (
  customer_id     bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  kind            text NOT NULL,
  insight         text,        -- of scheduled runs
  frequency       text,        -- of scheduled runs: only consumers whose setting it is
  requests        jsonb NOT NULL,
  consumer_id     bigint,      -- the only consumer, null: all
  time_zone       text,        -- of scheduled runs: only consumers of this zone
  occurrence_from date,
  occurrence_to   date,
  as_of           timestamptz NOT NULL,
  status          text NOT NULL,
  requested_at    timestamptz NOT NULL,
  finished_at     timestamptz,
  shards_left     int NOT NULL DEFAULT 0,
  planned_through timestamptz, -- consumers that changed up to then have been planned
  round           int NOT NULL DEFAULT 0, -- outcomes of earlier rounds that are not final are tried again
  PRIMARY KEY (customer_id, id),
  CONSTRAINT runs_scheduled UNIQUE (customer_id, insight, frequency, time_zone, occurrence_from),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
CREATE INDEX runs_by_consumer ON runs (customer_id, consumer_id);

-- A run's work in ranges of consumer ids.
CREATE TABLE run_shards (
  customer_id bigint NOT NULL,
  run_id      bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  low         bigint NOT NULL, -- first and last consumer id
  high        bigint NOT NULL,
  round       int NOT NULL DEFAULT 0, -- the run's when it was planned
  changed_to  timestamptz,     -- of scheduled runs: consumers that changed after that wait for the next plan
  state       text NOT NULL DEFAULT 'READY', -- READY, RUNNING, DONE, DEAD
  attempts    int NOT NULL DEFAULT 0,
  run_after   timestamptz NOT NULL,
  enqueued_at timestamptz,
  lease       bigint NOT NULL DEFAULT 0, -- a new number for each claim; the effect is stored only under the newest
  lease_until timestamptz,
  outcomes    jsonb,           -- how many of each, once done
  PRIMARY KEY (customer_id, run_id, id),
  CONSTRAINT run_shards_id UNIQUE (id),
  FOREIGN KEY (customer_id, run_id) REFERENCES runs ON DELETE CASCADE
);
CREATE INDEX run_shards_open ON run_shards (run_after) WHERE state IN ('READY', 'RUNNING');

-- What came of each insight for each consumer, whatever it was.
CREATE TABLE evaluations (
  customer_id  bigint NOT NULL,
  consumer_id  bigint NOT NULL,
  run_id       bigint NOT NULL,
  insight      text NOT NULL,
  outcome      text NOT NULL,
  reason       text,
  entry_id     bigint,
  evaluated_at timestamptz NOT NULL,
  data_at      timestamptz NOT NULL, -- changed_at of the consumer when it was evaluated
  round        int NOT NULL DEFAULT 0,   -- the shard's
  PRIMARY KEY (customer_id, run_id, consumer_id, insight),
  FOREIGN KEY (customer_id, run_id) REFERENCES runs ON DELETE CASCADE,
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
CREATE INDEX evaluations_by_consumer ON evaluations (customer_id, consumer_id);

CREATE TABLE feed_entries (
  customer_id     bigint NOT NULL,
  consumer_id     bigint NOT NULL,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  insight         text NOT NULL,
  title           text NOT NULL,
  type            text NOT NULL,
  "trigger"       text NOT NULL,
  subject         text NOT NULL,
  occurrence_from date NOT NULL,
  occurrence_to   date NOT NULL,
  revision        bigint NOT NULL, -- 0, or the run that overrode the duplicate check
  window_from     date NOT NULL,
  window_to       date NOT NULL,
  settings        jsonb NOT NULL,
  accounts        jsonb NOT NULL,
  transaction_derived jsonb,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, id),
  CONSTRAINT feed_entries_duplicate UNIQUE (customer_id, consumer_id, insight, subject, occurrence_from, revision),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
CREATE INDEX feed_entries_newest ON feed_entries (customer_id, created_at DESC, id DESC);
CREATE INDEX feed_entries_of_consumer ON feed_entries (customer_id, consumer_id, created_at DESC, id DESC);

-- Answers kept so that a repeated call has one effect.
CREATE TABLE idempotency_keys (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  consumer_id bigint NOT NULL, -- whose token it was, 0: the customer's own
  operation   text NOT NULL,
  key         text NOT NULL,
  request     bytea NOT NULL, -- SHA-256 of the input
  answer      jsonb NOT NULL,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, operation, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (customer_id, created_at);

-- Units of each currency for one EUR, by day.
CREATE TABLE rates (
  currency text NOT NULL,
  day      date NOT NULL,
  rate     numeric NOT NULL CHECK (rate > 0),
  source   text NOT NULL,
  PRIMARY KEY (currency, day)
);

-- Row level security. The application sees the rows of the customer (and consumer) set for the transaction, and
-- none when nothing is set; FORCE binds the owner too.
DO $$
DECLARE t record; own text;
BEGIN
  FOR t IN SELECT c.relname, EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'consumer_id') AS of_consumer
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind = 'r'
      AND c.relname IN ('customers', 'public_keys', 'consumers', 'accounts', 'transactions', 'refused_transfers', 'account_months',
        'category_months', 'customer_settings', 'user_settings', 'runs', 'run_shards', 'evaluations', 'feed_entries', 'idempotency_keys', 'tokens')
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t.relname);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t.relname);
    own := CASE t.relname WHEN 'customers' THEN 'id' ELSE 'customer_id' END || ' = nullif(current_setting(''app.customer'', true), '''')::bigint';
    IF t.of_consumer OR t.relname = 'consumers' THEN
      own := own || format(' AND (coalesce(current_setting(''app.consumer'', true), '''') = '''' OR %s = nullif(current_setting(''app.consumer'', true), '''')::bigint)',
        CASE t.relname WHEN 'consumers' THEN 'id' ELSE 'consumer_id' END);
    END IF;
    EXECUTE format('CREATE POLICY own ON %I TO insightgraph_app USING (%s)', t.relname, own);
    EXECUTE format('CREATE POLICY every ON %I TO insightgraph_system USING (true)', t.relname);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO insightgraph_app, insightgraph_system', t.relname);
  END LOOP;
END $$;
REVOKE ALL ON tokens FROM insightgraph_app;
REVOKE INSERT, UPDATE, DELETE ON customers FROM insightgraph_app;
GRANT SELECT ON rates TO insightgraph_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON rates TO insightgraph_system;
