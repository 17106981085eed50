-- What a customer has for all its consumers is not a consumer's to change, and its keys are not a consumer's to see.
DO $$
DECLARE t text; everybodys constant text := 'coalesce(current_setting(''app.consumer'', true), '''') = ''''';
BEGIN
  EXECUTE 'CREATE POLICY customers_only ON public_keys AS RESTRICTIVE TO insightgraph_app USING (' || everybodys || ')';
  FOREACH t IN ARRAY ARRAY['category_rules', 'customer_settings'] LOOP
    EXECUTE format('CREATE POLICY customers_insert ON %I AS RESTRICTIVE FOR INSERT TO insightgraph_app WITH CHECK (%s)', t, everybodys);
    EXECUTE format('CREATE POLICY customers_update ON %I AS RESTRICTIVE FOR UPDATE TO insightgraph_app USING (%s)', t, everybodys);
    EXECUTE format('CREATE POLICY customers_delete ON %I AS RESTRICTIVE FOR DELETE TO insightgraph_app USING (%s)', t, everybodys);
  END LOOP;
END $$;
