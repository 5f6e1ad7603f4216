"""What a server's refusal means to a person, and what would help. Never shows a password."""

from __future__ import annotations

import re

import psycopg
import pyarrow as pa

from workbench.collect.guards import GuardLost, Unasked
from workbench.collect.sessions import NoTimeLeft
from workbench.conninfo import Target
from workbench.errors import WorkbenchError

_UNASKED: dict[type[Unasked], str] = {
    GuardLost: "name an endpoint that is not behind this pooler",
    NoTimeLeft: "run again at a quieter hour, or name a replica as the endpoint to read",
}

_BY_STATE = {
    "42501": "grant pg_monitor to the role the workbench logs in with: GRANT pg_monitor TO {user};",
    "40001": "the standby cancels long readings: raise its max_standby_streaming_delay, or name the primary",
    "40P01": "run again at a quieter hour",
    "57014": "the query passed its time limit; run again at a quieter hour",
    "22P05": "CREATE EXTENSION pg_stat_statements in a database of encoding UTF8",
    "22021": "CREATE EXTENSION pg_stat_statements in a database of encoding SQL_ASCII",
    "55P03": "a lock was held on the relations; run again when the DDL that holds it has ended",
    "55000": "add pg_stat_statements to shared_preload_libraries and restart the server",
    "42P01": "the server has no such relation; upgrade the server or the extension",
    "42883": "the server has no such function; upgrade the server or the extension",
    "42703": "the server has no such column; upgrade the server or the extension",
}

_BY_TEXT = (
    (
        r"password authentication failed|no password supplied|SASL|SCRAM",
        "check the login and its password: PGPASSFILE, a service file or password_command give it",
    ),
    (
        r"starting up|shutting down|in recovery mode|cannot connect now|consistent recovery state",
        "run again when the server accepts connections",
    ),
    (
        r"too many clients|too many connections|remaining connection slots",
        "leave the workbench four connections, or raise the limit of its role",
    ),
    (
        r"transaction blocks not allowed in statement pooling mode",
        "name an endpoint whose pooler works in transaction mode, or a direct one",
    ),
    (
        r"no such database",
        "add the database to the pooler's list, or name a direct endpoint",
    ),
    (
        r"database \"?.*\"? does not exist",
        "correct the database's name in the estate file, or create it",
    ),
    (
        r"role \"?.*\"? does not exist",
        "correct the login in the URL, or create it: `workbench check --help` names its grants",
    ),
    (
        r"no pg_hba\.conf entry",
        "let this host and login in through pg_hba.conf, or reach it another way",
    ),
    (
        r"permission denied for database|not currently accepting connections",
        "GRANT CONNECT ON DATABASE to the role the workbench logs in with",
    ),
    (
        r"refused|No such file|timeout|timed out|could not translate|resolve|unreachable",
        "check that the server is up and that host and port can be reached from here",
    ),
    (
        r"definition of service",
        "name the service in ~/.pg_service.conf, or the file that PGSERVICEFILE names",
    ),
    (r"SSL|certificate", "check sslmode and the certificates of the instance in the estate file"),
)


FAILURES = (psycopg.Error, WorkbenchError, pa.ArrowInvalid)
"""What the reading of one place may end with, without ending that of the others."""


def explain(error: Exception, target: Target | None) -> tuple[str, str]:
    """Return what went wrong in one line, and what would help.

    Reads the SQLSTATE where there is one; a refused connection has only its text.
    """
    if isinstance(error, WorkbenchError):
        return str(error), "correct the estate file, or the command it names"
    if not isinstance(error, psycopg.Error | Unasked):
        return f"its answer could not be read: {error}", "report this with the server's version"
    if isinstance(error, Unasked):
        return str(error), _UNASKED[type(error)]
    text = error.diag.message_primary or str(error) or type(error).__name__
    why = re.sub(r"\s+", " ", _without_secret(text, target)).strip()
    user = (target.params.get("user") if target else None) or "the_role"
    known = _BY_STATE.get(error.sqlstate or "")
    if known is not None:
        return why, known.format(user=user)
    for pattern, remedy in _BY_TEXT:
        if re.search(pattern, why, re.IGNORECASE):
            return why, remedy
    return why, "read the server's log at this moment"


def names_database(error: Exception, name: str) -> bool:
    """Whether the refusal is about this one database and not about the whole server."""
    text = str(error)
    return "database" in text and (f'"{name}"' in text or f"no such database: {name}" in text)


def _without_secret(text: str, target: Target | None) -> str:
    secret = target.params.get("password") if target else None
    return text.replace(secret, "***") if secret else text
