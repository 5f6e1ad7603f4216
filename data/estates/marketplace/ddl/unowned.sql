-- Left behind by an import that nobody remembers: owned by no service, touched by no statement.
CREATE SCHEMA legacy_import;

CREATE TABLE legacy_import.import_batches (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_file  text NOT NULL,
    row_count    integer NOT NULL,
    imported_at  timestamptz NOT NULL
);

CREATE TABLE legacy_import.raw_products (
    batch_id     integer NOT NULL REFERENCES legacy_import.import_batches (id),
    line_number  integer NOT NULL,
    raw          text NOT NULL,
    error        text,
    PRIMARY KEY (batch_id, line_number)
);
