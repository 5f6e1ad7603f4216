"""Text of SQL: what a statement says, and what may be kept of it. Knows no server."""

from workbench.sql.read import READER, read_statement, read_statements
from workbench.sql.redact import Redacted, redact
from workbench.sql.statement import Column, Name, Pool, Statement, Use, statement_from_json

__all__ = [
    "READER",
    "Column",
    "Name",
    "Pool",
    "Redacted",
    "Statement",
    "Use",
    "read_statement",
    "read_statements",
    "redact",
    "statement_from_json",
]
