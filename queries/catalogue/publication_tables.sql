-- Which tables does each publication name?
-- One row per table that is named; none for a publication of all tables. Before PostgreSQL 15 all columns and rows of it go out.
SELECT
  p.prpubid      AS publication_oid,
  p.prrelid      AS relation_oid,
  NULL::name     AS schema,
  NULL::int2[]   AS columns,
  NULL::text     AS row_filter,
  NULL::text     AS unseen
FROM pg_catalog.pg_publication_rel AS p
ORDER BY 1, 2;
