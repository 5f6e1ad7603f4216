"""Statements run on a real server, read before and after, and attributed."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.sql import SQL, Identifier

from workbench.analyse.workload import workload
from workbench.collect import collect
from workbench.estate.resolve import estate_from_text
from workbench.snapshot import History, window_of

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@contextmanager
def made(server, databases, logins, *, encoding=None):
    """Make databases and logins on a server for the length of a ``with`` block."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        for name in logins:
            admin.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
        for name in databases:
            how = f"TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'" if encoding else ""
            how += " LOCALE_PROVIDER libc" if encoding and server.version >= (15, 0) else ""
            admin.execute(SQL(f"CREATE DATABASE {{}} {how}").format(Identifier(name)))
    try:
        yield
    finally:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            for name in databases:
                admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
            for name in logins:
                admin.execute(SQL("DROP ROLE {}").format(Identifier(name)))


def unseen(server, database, **options):
    """Connect as superuser without a trace in pg_stat_statements."""
    said = {"pg_stat_statements.track": "none", **options}
    options = " ".join(f"-c {name}={value}" for name, value in said.items())
    return psycopg.connect(server.url(database), autocommit=True, options=options)


def estate_of(server, database, text, login="postgres", **urls):
    """The estate of one instance ``main`` and of what ``text`` declares; ``urls`` are further instances'."""
    head = f'[instances.main]\nurl = "{server.url(database, login)}"\ndatabase = "{database}"\n'
    more = "".join(f'[instances.{name}]\nurl = "{url}"\n' for name, url in urls.items())
    return estate_from_text(head + more + text)


def wait_until(answer, expected, seconds=90):
    """Ask again until the answer is as expected, for the server counts late."""
    deadline = time.monotonic() + seconds
    while (found := answer()) != expected:
        assert time.monotonic() < deadline, f"{found!r}, not {expected!r}"
        time.sleep(0.2)


def looked_at(estate, number=0, previous=None, **how):
    """A snapshot that stands for the ``number``-th day, taken when every count had settled."""
    at = DAY + timedelta(days=number)
    return collect(estate, simulated_at=at, previous=previous, **how)


def worked(*snapshots):
    """The workload between the first and the last of some snapshots."""
    return workload(window_of(History(snapshots[-1].estate, snapshots)))


class Entries:
    """What a workload says of the entries of one database, looked up by a piece of their text."""

    def __init__(self, found, database=None):
        self.found = found
        entries = found.attributed.entries
        self.rows = entries if database is None else entries[entries["datname"] == database]

    def all(self, piece, login=None):
        held = self.rows[self.rows["query"].fillna("").str.contains(piece, regex=False)]
        return held if login is None else held[held["rolname"] == login]

    def row(self, piece, login=None):
        held = self.all(piece, login)
        assert len(held) == 1, f"{len(held)} entries have {piece!r}: {list(held['query'])}"
        return held.iloc[0]

    def touches(self, piece, login=None):
        return self.found.attributed.facts[self.row(piece, login).name].attribution.touches

    def sure(self, piece, login=None):
        """``access schema.relation`` of what is touched for certain."""
        return {
            f"{t.access} {t.relation.qualified}" for t in self.touches(piece, login) if t.certain
        }

    def maybe(self, piece, login=None):
        """The same of what may be touched."""
        found = {f"{t.access} {t.relation.qualified}" for t in self.touches(piece, login)}
        return found - self.sure(piece, login)

    def interval(self, service, name, instance="main"):
        rows = self.found.services
        row = rows[(rows["service"] == service) & (rows["instance"] == instance)].iloc[0]
        return float(row[f"{name}_low"]), float(row[f"{name}_high"])
