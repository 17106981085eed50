-- Linking banks: sessions, flows, consents, refreshes. What must not be readable in a copy of the database is encrypted
-- before it comes here (the columns named sealed).

-- Origins of pages that may frame the connect app.
CREATE TABLE origins (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  origin      text NOT NULL,
  created_at  timestamptz NOT NULL,
  PRIMARY KEY (customer_id, origin)
);

CREATE TABLE sessions (
  customer_id         bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  id                  bigint GENERATED ALWAYS AS IDENTITY,
  psu                 jsonb NOT NULL,
  scope               jsonb NOT NULL,
  lifetime_days       int NOT NULL,
  language            text NOT NULL,
  bank_code           text,
  redirect_return_url text,
  created_at          timestamptz NOT NULL,
  expires_at          timestamptz NOT NULL,
  closed_at           timestamptz,
  PRIMARY KEY (customer_id, id)
);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_psu ON sessions (expires_at) WHERE psu <> '{}';

CREATE TABLE flows (
  customer_id          bigint NOT NULL,
  id                   bigint GENERATED ALWAYS AS IDENTITY,
  session_id           bigint NOT NULL,
  consumer_id          bigint,
  consumer_external_id text,
  state                text NOT NULL,
  stage                text NOT NULL,
  version              int NOT NULL,
  bank_code            text,
  store_consent        text NOT NULL,
  storing              boolean NOT NULL,
  scope                jsonb NOT NULL,
  retention_minutes    int,
  sealed               bytea,
  tries                int NOT NULL,
  failures             int NOT NULL,
  problem              text,
  consent_stored       boolean NOT NULL,
  account_ids          bigint[],
  handle               text NOT NULL,
  token_hash           bytea NOT NULL,
  working_until        timestamptz,
  started_at           timestamptz NOT NULL,
  expires_at           timestamptz NOT NULL,
  finished_at          timestamptz,
  PRIMARY KEY (customer_id, id),
  CONSTRAINT flows_handle UNIQUE (handle),
  FOREIGN KEY (customer_id, session_id) REFERENCES sessions ON DELETE CASCADE,
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
-- A session has one open flow at most.
CREATE UNIQUE INDEX flows_open ON flows (customer_id, session_id) WHERE state IN ('PROCESSING', 'CONSUMER_INPUT_NEEDED');
CREATE INDEX flows_by_session ON flows (customer_id, session_id);
CREATE INDEX flows_by_consumer ON flows (customer_id, consumer_id);
CREATE INDEX flows_waiting ON flows (expires_at) WHERE state IN ('PROCESSING', 'CONSUMER_INPUT_NEEDED');

CREATE TABLE consents (
  customer_id bigint NOT NULL,
  consumer_id bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  flow_id     bigint NOT NULL,
  bank_code   text NOT NULL,
  bank_name   text NOT NULL,
  state       text NOT NULL,
  sealed      bytea,
  granted_at  timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  closed_at   timestamptz,
  PRIMARY KEY (customer_id, consumer_id, id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE
);
CREATE INDEX consents_active ON consents (expires_at) WHERE state = 'ACTIVE';

-- Which stored account is which of a bank's, and under which consent it can be fetched.
CREATE TABLE account_links (
  customer_id     bigint NOT NULL,
  consumer_id     bigint NOT NULL,
  account_id      bigint NOT NULL,
  bank_code       text NOT NULL,
  bank_account_id text NOT NULL,
  consent_id      bigint,
  refreshed_at    timestamptz NOT NULL,
  PRIMARY KEY (customer_id, consumer_id, bank_code, bank_account_id),
  FOREIGN KEY (customer_id, consumer_id, account_id) REFERENCES accounts ON DELETE CASCADE,
  FOREIGN KEY (customer_id, consumer_id, consent_id) REFERENCES consents ON DELETE CASCADE
);
CREATE INDEX account_links_account ON account_links (customer_id, consumer_id, account_id);
CREATE INDEX account_links_consent ON account_links (customer_id, consumer_id, consent_id);

-- Fetches of data: at the end of a flow, on demand, and by themselves; what clients see of them.
CREATE TABLE refreshes (
  customer_id bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  kind        text NOT NULL,
  consumer_id bigint, -- null until a flow has made its consumer
  flow_id     bigint,
  state       text NOT NULL,
  problem     text,
  created     int NOT NULL DEFAULT 0,
  parts_left  int NOT NULL DEFAULT 0,
  started_at  timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (customer_id, id),
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE,
  FOREIGN KEY (customer_id, flow_id) REFERENCES flows ON DELETE CASCADE
);
CREATE INDEX refreshes_by_flow ON refreshes (customer_id, flow_id);
CREATE INDEX refreshes_by_consumer ON refreshes (customer_id, consumer_id, id);
CREATE INDEX refreshes_finished ON refreshes (finished_at) WHERE finished_at IS NOT NULL;

-- A refresh's work: one for each access that it uses, done in the manner of run_shards.
CREATE TABLE refresh_parts (
  customer_id bigint NOT NULL,
  refresh_id  bigint NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  consumer_id bigint,
  consent_id  bigint, -- null: the access of the refresh's flow
  bank_code   text NOT NULL,
  accounts    text[] NOT NULL, -- the bank's ids; empty once it is over
  days        jsonb NOT NULL,
  state       text NOT NULL DEFAULT 'READY', -- READY, RUNNING, DONE, FAILED
  problem     text,
  asked_at    timestamptz, -- when the bank was asked first
  attempts    int NOT NULL DEFAULT 0,
  run_after   timestamptz NOT NULL,
  enqueued_at timestamptz,
  lease       bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  PRIMARY KEY (customer_id, refresh_id, id),
  CONSTRAINT refresh_parts_id UNIQUE (id),
  FOREIGN KEY (customer_id, refresh_id) REFERENCES refreshes ON DELETE CASCADE,
  FOREIGN KEY (customer_id, consumer_id) REFERENCES consumers ON DELETE CASCADE,
  FOREIGN KEY (customer_id, consumer_id, consent_id) REFERENCES consents ON DELETE CASCADE
);
CREATE INDEX refresh_parts_by_consent ON refresh_parts (customer_id, consumer_id, consent_id, asked_at);
CREATE INDEX refresh_parts_open ON refresh_parts (run_after) WHERE state IN ('READY', 'RUNNING');
-- Under one consent one fetch is under way at most.
CREATE UNIQUE INDEX refresh_parts_running ON refresh_parts (customer_id, consumer_id, consent_id) WHERE state IN ('READY', 'RUNNING') AND consent_id IS NOT NULL;

CREATE TABLE automatic_refreshes (
  customer_id                bigint NOT NULL,
  consumer_id                bigint NOT NULL,
  account_id                 bigint NOT NULL,
  interval                   text,
  interval_minutes           int NOT NULL,
  refresh_days               int,
  created_at                 timestamptz NOT NULL,
  last_refresh_at            timestamptz,
  last_state                 text,
  last_problem               text,
  last_successful_refresh_at timestamptz,
  next_refresh_at            timestamptz,
  failed_count               int NOT NULL DEFAULT 0,
  PRIMARY KEY (customer_id, consumer_id, account_id),
  FOREIGN KEY (customer_id, consumer_id, account_id) REFERENCES accounts ON DELETE CASCADE
);
CREATE INDEX automatic_refreshes_next ON automatic_refreshes (next_refresh_at) WHERE next_refresh_at IS NOT NULL;

-- Data that a flow brought for a time only. Rows without a moment stay.
ALTER TABLE consumers ADD COLUMN erase_empty boolean NOT NULL DEFAULT false; -- made by such a flow: goes with its last account
ALTER TABLE accounts ADD COLUMN erase_at timestamptz;
ALTER TABLE transactions ADD COLUMN erase_at timestamptz;
CREATE INDEX consumers_erase_empty ON consumers (customer_id, id) WHERE erase_empty;
CREATE INDEX accounts_erase_at ON accounts (erase_at) WHERE erase_at IS NOT NULL;
CREATE INDEX transactions_erase_at ON transactions (erase_at) WHERE erase_at IS NOT NULL;

DO $$
DECLARE t text; own text;
BEGIN
  FOREACH t IN ARRAY ARRAY['origins', 'sessions', 'flows', 'consents', 'account_links', 'refreshes', 'refresh_parts', 'automatic_refreshes'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    own := 'customer_id = nullif(current_setting(''app.customer'', true), '''')::bigint';
    IF t IN ('origins', 'sessions') THEN -- nothing of one consumer
      own := own || ' AND coalesce(current_setting(''app.consumer'', true), '''') = ''''';
    ELSE
      own := own || ' AND (coalesce(current_setting(''app.consumer'', true), '''') = '''' OR consumer_id = nullif(current_setting(''app.consumer'', true), '''')::bigint)';
    END IF;
    EXECUTE format('CREATE POLICY own ON %I TO insightgraph_app USING (%s)', t, own);
    EXECUTE format('CREATE POLICY every ON %I TO insightgraph_system USING (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO insightgraph_app, insightgraph_system', t);
  END LOOP;
END $$;
