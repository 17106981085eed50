-- Consents that are over here and are to be given back at their banks. Only what that takes is kept, and not whose they
-- were: that consumer may be erased. A row goes when the bank has taken the consent back, or after the last try.
CREATE TABLE revocations (
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  flow_id     bigint NOT NULL, -- part of what the secret is bound to
  bank_code   text NOT NULL,
  sealed      bytea NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  run_after   timestamptz NOT NULL,
  PRIMARY KEY (customer_id, id),
  CONSTRAINT revocations_id UNIQUE (id)
);
CREATE INDEX revocations_run_after ON revocations (run_after);
ALTER TABLE revocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE revocations FORCE ROW LEVEL SECURITY;
CREATE POLICY add ON revocations FOR INSERT TO insightgraph_app WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer', true), '')::bigint));
CREATE POLICY every ON revocations TO insightgraph_system USING (true);
GRANT INSERT ON revocations TO insightgraph_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON revocations TO insightgraph_system;
