-- Every change leaves an event in the transaction that makes it, and can be repeated under a key.

-- What changed, for whom, in order. Rows are only added. A moment later they get their place in the chain of their
-- customer: number and hash, once.
CREATE TABLE events (
  customer_id bigint NOT NULL,  -- no reference: the log outlives what it tells of
  id          bigint GENERATED ALWAYS AS IDENTITY,
  at          timestamptz NOT NULL,
  actor_kind  text NOT NULL,
  actor_name  text NOT NULL,    -- tells tokens apart, and is none
  action      text NOT NULL,
  subject_id  text,             -- the opaque id of what was changed
  consumer_id bigint,           -- stays when the consumer is erased
  request_id  text,
  number      bigint,
  hash        bytea,
  PRIMARY KEY (customer_id, id),
  CONSTRAINT events_number UNIQUE (customer_id, number),
  CONSTRAINT events_sealed CHECK ((number IS NULL) = (hash IS NULL))
);
CREATE INDEX events_unsealed ON events (customer_id, id) WHERE number IS NULL;
CREATE INDEX events_newest ON events (customer_id, at DESC, id DESC);
CREATE INDEX events_of_consumer ON events (customer_id, consumer_id, at DESC, id DESC);
CREATE INDEX events_by_action ON events (customer_id, action, at DESC, id DESC);

-- How far each customer's chain was at the end of each day. The first event of a day rests on the day before.
CREATE TABLE event_days (
  customer_id bigint NOT NULL,
  day         date NOT NULL,
  number      bigint NOT NULL,
  hash        bytea NOT NULL,
  PRIMARY KEY (customer_id, day)
);

-- Nobody changes an event, the owner of the table included; sealing adds what was not there.
CREATE FUNCTION events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.number IS NULL AND NEW.number IS NOT NULL AND
      (NEW.customer_id, NEW.id, NEW.at, NEW.actor_kind, NEW.actor_name, NEW.action, NEW.subject_id, NEW.consumer_id, NEW.request_id) IS NOT DISTINCT FROM
      (OLD.customer_id, OLD.id, OLD.at, OLD.actor_kind, OLD.actor_name, OLD.action, OLD.subject_id, OLD.consumer_id, OLD.request_id) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE insufficient_privilege USING MESSAGE = 'events are not changed';
END $$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION events_stay();
CREATE TRIGGER events_stay_all BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_stay();

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY read ON events FOR SELECT TO insightgraph_app USING (customer_id = (SELECT nullif(current_setting('app.customer', true), '')::bigint)
  AND (SELECT coalesce(current_setting('app.consumer', true), '') = ''));
CREATE POLICY add ON events FOR INSERT TO insightgraph_app WITH CHECK (customer_id = (SELECT nullif(current_setting('app.customer', true), '')::bigint)
  AND ((SELECT coalesce(current_setting('app.consumer', true), '') = '') OR consumer_id = (SELECT nullif(current_setting('app.consumer', true), '')::bigint)));
CREATE POLICY every ON events TO insightgraph_system USING (true);
GRANT SELECT, INSERT ON events TO insightgraph_app, insightgraph_system;
GRANT UPDATE (number, hash) ON events TO insightgraph_system;
ALTER TABLE event_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_days FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON event_days TO insightgraph_app USING (customer_id = (SELECT nullif(current_setting('app.customer', true), '')::bigint)
  AND (SELECT coalesce(current_setting('app.consumer', true), '') = ''));
CREATE POLICY every ON event_days TO insightgraph_system USING (true);
GRANT SELECT ON event_days TO insightgraph_app;
GRANT SELECT, INSERT, UPDATE ON event_days TO insightgraph_system;

-- Kept answers are encrypted from now on. Versions before this one go on with the column answer, and neither reads what the
-- other has kept: a key that was used on both sides is refused.
ALTER TABLE idempotency_keys ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY, ALTER COLUMN answer DROP NOT NULL,
  ADD COLUMN sealed bytea,
  ADD COLUMN about bigint NOT NULL DEFAULT 0; -- the consumer that the answer is about, 0: none
CREATE INDEX idempotency_keys_id ON idempotency_keys (customer_id, id);
CREATE INDEX idempotency_keys_about ON idempotency_keys (customer_id, about) WHERE about <> 0;
CREATE INDEX idempotency_keys_over ON idempotency_keys (created_at);
