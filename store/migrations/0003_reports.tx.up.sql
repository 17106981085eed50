-- Reports: data sources, cases, reports, callbacks; what categories rest on.

-- What a category rests on, and what statement files tell beside the movement itself.
ALTER TABLE transactions ADD COLUMN category_rule text NOT NULL DEFAULT '';          -- what fired
ALTER TABLE transactions ADD COLUMN category_confidence smallint NOT NULL DEFAULT 0; -- percent
ALTER TABLE transactions ADD COLUMN bank_code text;                                  -- ISO 20022 such as PMNT-RCDT-ESCT, or the German GVC
ALTER TABLE transactions ADD COLUMN parts jsonb;                                     -- payments that the bank booked as one

-- A consumer's own corrections, by what transactions have in common.
CREATE TABLE corrections (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  key         text NOT NULL,
  category_id int NOT NULL,
  changed_at  timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, key),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);

-- A customer's rules. The first that fits decides.
CREATE TABLE category_rules (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  name        text NOT NULL,
  text        text NOT NULL,
  iban        text NOT NULL,
  mcc         text NOT NULL,
  base_type   text NOT NULL,
  category_id int NOT NULL,
  merchant    text NOT NULL,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (customer_id, id),
  CONSTRAINT category_rules_name UNIQUE (customer_id, name)
);

-- Where a consumer's data comes from: a bank, or the customer itself.
CREATE TABLE data_sources (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  bank_code   text, -- null: own data
  bank_name   text NOT NULL,
  status      text NOT NULL,
  problem     text,
  refresh_id  bigint, -- that is waited for, while PENDING
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
CREATE UNIQUE INDEX data_sources_of_bank ON data_sources (customer_id, consumer_id, bank_code) WHERE bank_code IS NOT NULL;
CREATE UNIQUE INDEX data_sources_own ON data_sources (customer_id, consumer_id, bank_name) WHERE bank_code IS NULL;
CREATE INDEX data_sources_waiting ON data_sources (customer_id, refresh_id) WHERE refresh_id IS NOT NULL;
ALTER TABLE accounts ADD COLUMN data_source_id bigint;

-- Calls of synchronizeAccounts that want to be told of the end.
CREATE TABLE synchronizations (
  customer_id     bigint NOT NULL,
  consumer_id     bigint NOT NULL,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  source_ids      bigint[] NOT NULL,
  callback_url    text NOT NULL,
  callback_handle text,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);

CREATE TABLE cases (
  customer_id     bigint NOT NULL,
  consumer_id     bigint NOT NULL,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  data_source_ids bigint[] NOT NULL,
  account_ids     bigint[] NOT NULL,
  period_from     date NOT NULL,
  period_to       date NOT NULL,
  created_at      timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);

-- A report is built in the manner of refresh_parts. Its result is kept as it was written, byte for byte.
CREATE TABLE reports (
  customer_id     bigint NOT NULL,
  consumer_id     bigint NOT NULL,
  id              bigint GENERATED ALWAYS AS IDENTITY,
  case_id         bigint NOT NULL,
  type            text NOT NULL,
  status          text NOT NULL,
  period_from     date NOT NULL,
  period_to       date NOT NULL,
  limits          jsonb,
  callback_url    text,
  callback_handle text,
  result          json,
  created_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  attempts        int NOT NULL DEFAULT 0,
  run_after       timestamptz NOT NULL,
  enqueued_at     timestamptz,
  lease           bigint NOT NULL DEFAULT 0,
  lease_until     timestamptz,
  PRIMARY KEY (customer_id, consumer_id, id),
  CONSTRAINT reports_id UNIQUE (id),
  CONSTRAINT reports_of_case UNIQUE (customer_id, consumer_id, case_id, type),
  FOREIGN KEY (customer_id, consumer_id, case_id) REFERENCES cases ON DELETE CASCADE
);
CREATE INDEX reports_newest ON reports (customer_id, created_at DESC, id DESC);
CREATE INDEX reports_of_consumer ON reports (customer_id, consumer_id, created_at DESC, id DESC);
CREATE INDEX reports_open ON reports (run_after) WHERE status IN ('QUEUED', 'RUNNING');

-- What callbacks are signed with; the newest, and older ones until they expire.
CREATE TABLE webhook_secrets (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  sealed      bytea NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz,
  PRIMARY KEY (customer_id, id)
);

-- Callbacks. The body holds ids and states, no account data.
CREATE TABLE deliveries (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  event       text NOT NULL,
  url         text NOT NULL,
  body        text NOT NULL,
  status      text NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  run_after   timestamptz NOT NULL,
  enqueued_at timestamptz,
  lease       bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  created_at  timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (customer_id, consumer_id, id),
  CONSTRAINT deliveries_id UNIQUE (id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
CREATE INDEX deliveries_newest ON deliveries (customer_id, created_at DESC, id DESC);
CREATE INDEX deliveries_open ON deliveries (run_after) WHERE status = 'PENDING';
CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE delivery_attempts (
  customer_id  bigint NOT NULL,
  consumer_id  bigint NOT NULL,
  delivery_id  bigint NOT NULL,
  number       int NOT NULL,
  at           timestamptz NOT NULL,
  status_code  int,
  problem      text,
  milliseconds int NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, delivery_id, number),
  FOREIGN KEY (customer_id, consumer_id, delivery_id) REFERENCES deliveries ON DELETE CASCADE
);

DO $$
DECLARE t text; own text;
BEGIN
  FOREACH t IN ARRAY ARRAY['corrections', 'category_rules', 'data_sources', 'synchronizations', 'cases', 'reports', 'webhook_secrets', 'deliveries', 'delivery_attempts'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    own := 'customer_id = nullif(current_setting(''app.customer'', true), '''')::bigint';
    IF t = 'webhook_secrets' THEN
      own := own || ' AND coalesce(current_setting(''app.consumer'', true), '''') = ''''';
    ELSIF t <> 'category_rules' THEN -- rules are read where a consumer corrects
      own := own || ' AND (coalesce(current_setting(''app.consumer'', true), '''') = '''' OR consumer_id = nullif(current_setting(''app.consumer'', true), '''')::bigint)';
    END IF;
    EXECUTE format('CREATE POLICY own ON %I TO insightgraph_app USING (%s)', t, own);
    EXECUTE format('CREATE POLICY every ON %I TO insightgraph_system USING (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO insightgraph_app, insightgraph_system', t);
  END LOOP;
END $$;
