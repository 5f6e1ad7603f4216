"""Text of SQL: what may be kept of it. Knows no server."""

from workbench.sql.redact import Redacted, redact

__all__ = ["Redacted", "redact"]
