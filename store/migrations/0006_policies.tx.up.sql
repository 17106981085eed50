-- Policies look at the transaction's settings once a statement instead of once a row: inside a sub-select they are parameters.
DO $$
DECLARE p record;
BEGIN
  FOR p IN SELECT tablename, qual, with_check FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'own' LOOP
    p.qual := replace(p.qual, '(NULLIF(current_setting(''app.customer''::text, true), ''''::text))::bigint', '(SELECT nullif(current_setting(''app.customer'', true), '''')::bigint)');
    p.qual := replace(p.qual, '(NULLIF(current_setting(''app.consumer''::text, true), ''''::text))::bigint', '(SELECT nullif(current_setting(''app.consumer'', true), '''')::bigint)');
    p.qual := replace(p.qual, '(COALESCE(current_setting(''app.consumer''::text, true), ''''::text) = ''''::text)', '(SELECT coalesce(current_setting(''app.consumer'', true), '''') = '''')');
    IF p.qual ~ '[^T] (NULLIF|COALESCE|nullif|coalesce)\(current_setting' THEN
      RAISE EXCEPTION 'a policy of % looks at a setting in another way: %', p.tablename, p.qual;
    END IF;
    EXECUTE format('ALTER POLICY own ON %I USING (%s)', p.tablename, p.qual);
  END LOOP;
END $$;
