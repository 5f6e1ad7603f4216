"""Text of SQL: what may be kept of it, and what a query reads. Knows no server."""

from workbench.sql.outline import Outline, outline
from workbench.sql.redact import Redacted, redact

__all__ = ["Outline", "Redacted", "outline", "redact"]
