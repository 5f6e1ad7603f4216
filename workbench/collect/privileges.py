"""What the login may see: gaps in an answer are told from "there is none", and the grant that fills them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from workbench.collect.queries import Query
from workbench.collect.sessions import Answer, Session

REFUSED = "42501"
"""The SQLSTATE of a question that the login may not put."""

UNSEEN = frozenset({"42883", "42P01"})
"""The SQLSTATEs of what is not there, or stands in a schema that the login may not use."""

_PART_OF_MONITOR = frozenset({"pg_read_all_stats", "pg_read_all_settings", "pg_stat_scan_tables"})
_CAUTION = {
    "pg_read_all_data": "lets it read rows too, which the workbench never does; "
    "without it these figures stay unknown",
}
_UNLOCKED = "run again when the DDL that holds the lock has ended"
_MORE_LOCKS = "ALTER SYSTEM SET max_locks_per_transaction to a higher number, and restart"


@dataclass(frozen=True)
class Login:
    """Whom a server takes the workbench for, and the predefined roles whose rights it has."""

    name: str
    roles: frozenset[str]

    def grant(self, query: Query) -> str:
        """Return the statement that lets this login put ``query``, or see all of its answer.

        >>> q = Query("instance", "x", __import__("pathlib").Path(), (), "", "pg_read_all_stats")
        >>> Login("Ann", frozenset()).grant(q)
        'GRANT pg_monitor TO "Ann";'
        """
        name = sql.Identifier(self.name).as_string(None)
        if query.if_refused is not None:
            return query.if_refused.replace("{login}", name)
        role = query.sees_all_with or "pg_monitor"
        if role in _PART_OF_MONITOR:
            role = "pg_monitor"
        caution = _CAUTION.get(role)
        return f"GRANT {role} TO {name};" + (f" -- {caution}" if caution else "")

    def usage(self, schema: str) -> str:
        """Return the statement that lets this login use what stands in ``schema``.

        >>> Login("Ann", frozenset()).usage("public")
        'GRANT USAGE ON SCHEMA "public" TO "Ann";'
        """
        names = (sql.Identifier(n).as_string(None) for n in (schema, self.name))
        return "GRANT USAGE ON SCHEMA {} TO {};".format(*names)

    def gaps(self, query: Query, answer: pa.Table) -> Iterator[tuple[str, str]]:
        """Yield why a part of ``answer`` is not there, and what would fill it; nothing where it is whole.

        A column ``unseen`` counts exactly; without one, the roles that the login has decide. What is too long
        to be kept is marked in its row alone: nothing would fill it.
        """
        if "unseen" in answer.column_names:
            column = answer.column("unseen")
            for reason in sorted(pc.unique(column.drop_null()).to_pylist()):
                rows = pc.sum(pc.equal(column, reason)).as_py()
                count = f"{rows} of {answer.num_rows} rows"
                if reason == "privilege":
                    yield f"the server withholds {count} from {self.name}", self.grant(query)
                elif reason == "locks":
                    yield f"{count} would have taken too many locks and were left out", _MORE_LOCKS
                elif reason != "long":
                    yield f"{count} would have waited for a lock and were left out", _UNLOCKED
        elif query.sees_all_with is not None and query.sees_all_with not in self.roles:
            yield (
                f"{self.name} is not in {query.sees_all_with}: the server shows it a part only",
                self.grant(query),
            )


WHO = Query(
    "instance",
    "login",
    Path(),
    (),
    "SELECT CURRENT_USER AS login, r.rolname AS role FROM pg_catalog.pg_roles AS r "
    r"WHERE r.rolname LIKE 'pg\_%' AND pg_catalog.pg_has_role(r.oid, 'USAGE') "
    "UNION ALL SELECT CURRENT_USER, NULL",
)
"""The one question that is no file: it is put first, and its answer is not stored."""


NOBODY = Login("the login", frozenset())


def who_we_are(session: Session) -> Login:
    """Ask the server who we are to it; where it does not say, the login is one without any role."""
    outcome = session.alone(WHO)
    if not isinstance(outcome, Answer):
        return NOBODY
    names = outcome.table.column("login").to_pylist()
    return Login(names[0], frozenset(outcome.table.column("role").drop_null().to_pylist()))
