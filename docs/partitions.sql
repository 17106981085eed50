-- Splits the large tables into hash partitions by consumer. For a database that was migrated and holds nothing yet:
--   psql "$DATABASE_ADMIN_URL" -v ON_ERROR_STOP=1 -c "SET insightgraph.partitions = 32" -f docs/partitions.sql
-- The program needs no setting for it and notices nothing. See docs/scale.md.
DO $$
DECLARE
  big     text[] := ARRAY['transactions', 'account_months', 'category_months', 'outcomes', 'evaluations', 'feed_entries'];
  parts   int := coalesce(nullif(current_setting('insightgraph.partitions', true), ''), '32')::int;
  t       text;
  again   text[]; -- what goes with a table when it is dropped, in the order in which it comes back
  command text;
BEGIN
  IF EXISTS (SELECT 1 FROM consumers) THEN
    RAISE EXCEPTION 'this is for an empty database; fill it after that';
  END IF;
  SELECT array_agg(text ORDER BY step, text) INTO again FROM (
    SELECT CASE contype WHEN 'p' THEN 1 WHEN 'f' THEN 3 ELSE 2 END AS step,
      format('ALTER TABLE %I ADD CONSTRAINT %I %s', c.conrelid::regclass, conname, pg_get_constraintdef(c.oid)) AS text
    FROM pg_constraint c WHERE contype IN ('p', 'u', 'c', 'f') AND (conrelid = ANY(big::regclass[]) OR contype = 'f' AND confrelid = ANY(big::regclass[]))
    UNION ALL
    SELECT 2, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = ANY(big::regclass[]) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
    UNION ALL
    SELECT 4, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = ANY(big::regclass[]) AND NOT tgisinternal
    UNION ALL
    SELECT 5, format('ALTER TABLE %1$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', one) FROM unnest(big) one
    UNION ALL
    SELECT 5, format('CREATE POLICY %I ON %I TO %s USING (%s)', polname, polrelid::regclass,
      (SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE oid = ANY(polroles)), pg_get_expr(polqual, polrelid))
    FROM pg_policy WHERE polrelid = ANY(big::regclass[])
    UNION ALL
    SELECT 5, format('GRANT %s ON %I TO %I', privilege_type, table_name, grantee) FROM information_schema.role_table_grants
    WHERE table_schema = current_schema() AND table_name = ANY(big) AND grantee LIKE 'insightgraph\_%'
  ) everything;
  FOREACH t IN ARRAY big LOOP
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED INCLUDING STORAGE) PARTITION BY HASH (consumer_id)', t || '_new', t);
  END LOOP;
  FOREACH t IN ARRAY big LOOP
    EXECUTE format('DROP TABLE %I CASCADE', t);
    EXECUTE format('ALTER TABLE %I RENAME TO %I', t || '_new', t);
    FOR i IN 0 .. parts - 1 LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)', t || '_' || i, t, parts, i);
    END LOOP;
  END LOOP;
  FOREACH command IN ARRAY again LOOP
    EXECUTE command;
  END LOOP;
END $$;
