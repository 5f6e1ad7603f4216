"""Texts of statements: fetched once, and carried from snapshot to snapshot as long as their entry lives.

The server keeps the texts in a file that can hold hundreds of megabytes, and reads all of it whenever
one is asked for. The counters need no text, and tell which entries are new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from workbench import __version__
from workbench.collect.standing import answer_before
from workbench.snapshot import Snapshot
from workbench.snapshot.differences import STATEMENT_KEY

TEXTS = "statement_texts"

AT_MOST = 2000
"""How many queryids a question names; where more are unknown, all texts are asked for."""

Entry = tuple[Any, ...]
"""What makes an entry of pg_stat_statements one: see ``STATEMENT_KEY``."""


@dataclass(frozen=True)
class Texts:
    """What is known of the texts before they are asked for.

    ``carried`` are the rows of an earlier snapshot that still hold, redacted then; None where none does.
    ``elsewhere`` are entries whose texts another endpoint gave: they are not kept a second time.
    ``unknown`` are the queryids of the other entries.
    """

    carried: pa.Table | None
    unknown: tuple[int, ...]
    elsewhere: frozenset[Entry] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether there is nothing to ask."""
        return (self.carried is not None or bool(self.elsewhere)) and not self.unknown

    @property
    def settings(self) -> dict[str, str]:
        """The settings that limit the question to what is unknown."""
        if (self.carried is None and not self.elsewhere) or len(self.unknown) > AT_MOST:
            return {}
        return {"workbench.queryids": ",".join(map(str, self.unknown))}

    def with_fetched(self, fetched: pa.Table | None) -> pa.Table | None:
        """Return what was carried and what was fetched now, in the order of the question; None without either."""
        if self.elsewhere and fetched is not None:
            fetched = fetched.filter(
                pa.array([e not in self.elsewhere for e in entries_of(fetched)], pa.bool_())
            )
        if self.carried is None or fetched is None:
            return fetched if self.carried is None else self.carried
        new = set(entries_of(fetched))
        old = self.carried.filter(
            pa.array([k not in new for k in entries_of(self.carried)], pa.bool_())
        )
        whole = pa.concat_tables([fetched, old], promote_options="permissive")
        return whole.sort_by([(name, "ascending") for name in STATEMENT_KEY]).combine_chunks()


NOTHING_KNOWN = Texts(None, ())


def known_texts(
    previous: Snapshot,
    instance: str,
    entries: pa.Table,
    info: pa.Table | None,
    names: Mapping[str, Mapping[int, str]],
) -> Texts:
    """Say which texts of ``entries`` (the frame statements, as read now) ``previous`` holds.

    The snapshot must be of the same cluster and major version, in which a queryid means the same. A text
    holds as long as its entry is the same one: its ``stats_since`` did not move (from 17 on); before that,
    while nothing was reset or evicted (``info``, the frame statements_info) and its calls did not fall.
    A text that another version of the workbench redacted is asked for again. ``names`` gives, for
    datname and rolname, what each oid is called now: an entry outlives a renaming.
    """
    before, texts, info_before = (
        answer_before(previous, frame, instance, None)
        for frame in ("statements", TEXTS, "statements_info")
    )
    if before is None or texts is None or previous.manifest.workbench != __version__:
        return NOTHING_KNOWN
    quiet = (
        info is not None and info_before is not None and _evicted(info) == _evicted(info_before[0])
    )
    living = set(_living(before[0], entries, quiet))
    held = [
        key in living and text is not None
        for key, text in zip(
            entries_of(texts[0]), texts[0].column("query").to_pylist(), strict=True
        )
    ]
    carried = texts[0].filter(pa.array(held, pa.bool_()))
    if not carried.num_rows:
        return NOTHING_KNOWN
    known = set(entries_of(carried))
    unknown = {
        queryid
        for key, queryid in zip(
            entries_of(entries), entries.column("queryid").to_pylist(), strict=True
        )
        if queryid is not None and key not in known
    }
    return Texts(_renamed(carried, names).combine_chunks(), tuple(sorted(unknown)))


def known_elsewhere(known: frozenset[Entry], entries: pa.Table) -> Texts:
    """Say which texts of ``entries`` are still to be asked for where another endpoint gave those of ``known``."""
    unknown = {
        queryid
        for key, queryid in zip(
            entries_of(entries), entries.column("queryid").to_pylist(), strict=True
        )
        if queryid is not None and key not in known
    }
    return Texts(None, tuple(sorted(unknown)), known)


def entries_of(table: pa.Table) -> Iterator[Entry]:
    """Yield the key of every row of a frame of pg_stat_statements."""
    return zip(*(table.column(name).to_pylist() for name in STATEMENT_KEY), strict=True)


def _evicted(info: pa.Table) -> list[tuple[Any, ...]]:
    columns = (info.column(name).to_pylist() for name in ("dealloc", "stats_reset"))
    return list(zip(*columns, strict=True))


def _living(before: pa.Table, now: pa.Table, quiet: bool) -> Iterator[Entry]:
    """The entries of ``now`` that are still what they were; ``quiet``: nothing was reset or evicted."""

    def marks(table: pa.Table) -> Iterator[tuple[Entry, Any, int]]:
        columns = (table.column(name).to_pylist() for name in ("stats_since", "calls"))
        return zip(entries_of(table), *columns, strict=True)

    was = {key: (since, calls) for key, since, calls in marks(before)}
    for key, since, calls in marks(now):
        since_then, calls_then = was.get(key, (None, None))
        if calls_then is None or calls < calls_then:
            continue
        if since == since_then and (since is not None or quiet):
            yield key


def _renamed(table: pa.Table, names: Mapping[str, Mapping[int, str]]) -> pa.Table:
    for column, oid in (("datname", "dbid"), ("rolname", "userid")):
        held = zip(table.column(oid).to_pylist(), table.column(column).to_pylist(), strict=True)
        now = pa.array([names.get(column, {}).get(o, name) for o, name in held], pa.string())
        table = table.set_column(table.schema.get_field_index(column), column, now)
    return table
