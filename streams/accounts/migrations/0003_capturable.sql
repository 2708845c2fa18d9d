-- Times that no reader of the lake can hold stay out: infinity, -infinity, BC, and beyond 9999.
-- NOT VALID: rows that are there already fail no migration. `storyline accounts check` lists them.
ALTER TABLE users ADD CONSTRAINT users_created_at_in_years_1_to_9999
    CHECK (created_at >= '0001-01-01 00:00:00+00' AND created_at < '10000-01-01 00:00:00+00') NOT VALID;
ALTER TABLE users ADD CONSTRAINT users_updated_at_in_years_1_to_9999
    CHECK (updated_at >= '0001-01-01 00:00:00+00' AND updated_at < '10000-01-01 00:00:00+00') NOT VALID;

-- Debezium stops for good at a table with two columns that differ only by case, captured or not:
-- even after the column is dropped, for it reads the changes in between as they were written.
CREATE FUNCTION refuse_columns_that_differ_by_case() RETURNS event_trigger LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
DECLARE
    clash text;
BEGIN
    SELECT string_agg(quote_ident(attname), ' and ') INTO clash FROM pg_attribute
    WHERE attrelid = to_regclass('public.users') AND attnum > 0 AND NOT attisdropped
    GROUP BY lower(attname) HAVING count(*) > 1 LIMIT 1;
    IF clash IS NOT NULL THEN
        RAISE EXCEPTION 'columns % of users differ only by case, which stops the change stream for good', clash
            USING HINT = 'name the new column differently';
    END IF;
END
$$;
CREATE EVENT TRIGGER users_columns_differ_by_more_than_case ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse_columns_that_differ_by_case();
