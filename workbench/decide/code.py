"""What a server holds as code: the SQL of views, triggers and functions, and how often functions run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse.gaps import quoted
from workbench.model import Reference, ReferenceEnd
from workbench.snapshot import Snapshot, Window, records
from workbench.snapshot.spans import Span

_PLACE = ["instance", "database"]
_FUNCTIONS = frozenset({"function", "procedure", "aggregate", "window function"})
_COUNT = "ALTER SYSTEM SET track_functions = 'all'; SELECT pg_reload_conf(); counts them"
_UNSEEN = {
    "locked": "its text was not read, somebody held what it reads locked: collect anew",
    "locks": "its text was not read, it would have taken too many locks: pg_get_viewdef shows it",
    "long": "its text is too long to be kept: pg_get_viewdef shows it",
}

_UNKNOWN = "its text is not known: pg_get_viewdef shows it"

Name = tuple[str, str, str, str]
"""(instance, database, relation or function as references name it, object on it or "")"""


def name_of(end: ReferenceEnd) -> Name:
    """Return by what name an end's text and calls are found."""
    return end.instance or "", end.database or "", end.relation, end.object or ""


@dataclass(frozen=True)
class Runs:
    """How often something runs a day; None with the reason, and what would settle it. ``because`` may also bound a count."""

    per_day: float | None
    because: str = ""


@dataclass(frozen=True)
class Code:
    """The code of a window's newest snapshot, by name: see ``name_of``."""

    window: Window

    def text(self, end: ReferenceEnd) -> str | None:
        """Return the SQL of a view, trigger, rule or function, redacted; None where it is not known."""
        return self._texts.get(name_of(end))

    def unseen(self, view: ReferenceEnd) -> str:
        """Say why a view's text is not known, and what would settle it; "" where it is."""
        if name_of(view) in self._texts:
            return ""
        if not self._newest.has("view_definitions", view.instance):
            return "its text was not read by the newest snapshot: collect anew, or pg_get_viewdef shows it"
        return self._unseen.get(name_of(view), _UNKNOWN)

    def runs(self, reference: Reference) -> Runs:
        """Return how often the code of a reference of kind function or trigger runs a day.

        A trigger runs as its function does, where that is this trigger's alone. A function that a view, a
        default or a check calls is counted whoever calls it: its count is told, and is not the reference's.
        """
        source, target = reference.source, reference.target
        if source.object_kind in _FUNCTIONS:
            return self.calls(source)
        if target is None or source.object_kind == "rule":
            return Runs(
                None
            )  # a rule becomes part of each statement that it rewrites: it runs with them
        found = self.calls(target)
        if found.per_day is None:
            return found
        said = f"{target.relation} runs {found.per_day:,.4g} times a day"
        if reference.kind != "trigger":
            return Runs(None, _joined(f"{said}, whoever calls it", found.because))
        many = self._fired_by.get(name_of(target), 1)
        if many > 1:
            return Runs(None, _joined(f"{said} for {many} triggers together", found.because))
        return found

    def calls(self, function: ReferenceEnd) -> Runs:
        """Return the calls a day of a function, as pg_stat_user_functions counts them on the endpoint that was read."""
        instance, database, *_ = name = name_of(function)
        language = self._languages.get(name)
        span = self._spans.get((instance, database))
        if span is None:
            return Runs(None, "its calls were not read by the newest snapshot: collect anew")
        settings = self._tracked.get(instance, ())
        counting = bool(settings) and all(_counts(s, language) for s in settings)
        row = self._called.get(name)
        calls = 0.0 if row is None or pd.isna(row["calls"]) else float(row["calls"])
        if not calls and language == "internal":
            return Runs(None, "the server never counts calls of built-in code")
        if not calls and not counting:
            now = settings[-1] if settings else "not known"
            return Runs(None, f"no call was counted, track_functions is {now}: {_COUNT}")
        if span.kind != "difference" or not span.days or span.days <= 0:
            return Runs(None, "its calls a day are known from the next snapshot on")
        if not calls and language == "sql":
            return Runs(None, "no call was counted, and in SQL it may be inlined: then none is")
        instances = self.window.history.estate.instances
        replicas = any(i.replicas for i in instances if i.name == instance)
        if not calls and replicas:
            return Runs(None, "no call was counted on the primary, and replicas are not asked")
        doubts = [
            said
            for said, holds in (
                ("track_functions did not count it throughout", not counting),
                ("its counters were reset", row is not None and row["counted_from"] == "restarted"),
                ("counters of its database were reset", span.lower_bound),
                ("where it is inlined it is not counted", language == "sql"),
                ("replicas are not asked", replicas),
            )
            if holds
        ]
        return Runs(calls / span.days, f"at least so often: {', '.join(doubts)}" if doubts else "")

    @property
    def _newest(self) -> Snapshot:
        return self.window.history.newest

    @cached_property
    def _spans(self) -> dict[tuple[str, str], Span]:
        """From when to when each database's calls are counted, where the newest snapshot read them."""
        spans = self.window.spans_of("function_statistics")
        return {
            (s.instance, s.database or ""): s
            for s in spans
            if self._newest.has("function_statistics", s.instance)
        }

    @cached_property
    def _called(self) -> dict[Name, dict[str, Any]]:
        return {
            _function(row): row for row in records(self.window.functions.dropna(subset="function"))
        }

    @cached_property
    def _languages(self) -> dict[Name, str]:
        names = ("schema", "function", "arguments", "language")
        return {
            _function(row): row["language"]
            for row in records(self._newest.frame("functions", *names))
        }

    @cached_property
    def _tracked(self) -> dict[str, list[str]]:
        """What each instance counted of functions, at every reading over which its counters were differenced."""
        since: dict[str, Any] = {}
        for span in self._spans.values():
            if span.kind == "difference" and span.since is not None:
                since[span.instance] = min(span.since, since.get(span.instance, span.since))
        held = self.window.history.frame("settings", "name", "reset_val")
        held = held[(held["name"] == "track_functions") & held["reset_val"].notna()]
        found: dict[str, list[str]] = {}
        for row in records(held.sort_values("at")):
            if row["at"] >= since.get(row["instance"], row["at"]):
                found.setdefault(row["instance"], []).append(row["reset_val"])
        own = self._newest.frame("role_settings", "name")
        for instance in own.loc[own["name"] == "track_functions", "instance"]:
            found.setdefault(instance, []).append("set for some roles or databases alone")
        return found

    @cached_property
    def _fired_by(self) -> dict[Name, int]:
        """How many triggers each function serves; those of partitions are their root's."""
        triggers = self._newest.frame("triggers", "function_oid", "parent_oid")
        own = triggers.loc[triggers["parent_oid"].isna(), [*_PLACE, "function_oid"]]
        functions = self._newest.frame("functions", "oid", "schema", "function", "arguments")
        functions = functions.rename(columns={"oid": "function_oid"})
        found: dict[Name, int] = {}
        for row in records(own.merge(functions, "inner", [*_PLACE, "function_oid"])):
            found[_function(row)] = found.get(_function(row), 0) + 1
        return found

    @cached_property
    def _texts(self) -> dict[Name, str]:
        return {
            **dict(self._views()),
            **dict(self._functions()),
            **dict(self._on_relations()),
        }

    def _functions(self) -> Iterator[tuple[Name, str]]:
        functions = self._newest.frame("functions", "schema", "function", "arguments", "body")
        for row in records(functions[functions["body"].notna()]):
            yield _function(row), row["body"]

    def _on_relations(self) -> Iterator[tuple[Name, str]]:
        """The definitions of triggers and rules."""
        for frame, named in (("triggers", "trigger"), ("rules", "rule")):
            held = self._newest.frame(frame, "relation_oid", named, "definition")
            held = held[[*_PLACE, "relation_oid", named, "definition"]].dropna()
            for row in records(held.merge(self._relations, "inner", [*_PLACE, "relation_oid"])):
                yield (*_relation(row)[:3], row[named]), row["definition"]

    def _views(self) -> Iterator[tuple[Name, str]]:
        for row in records(self._defined[self._defined["definition"].notna()]):
            what = "MATERIALIZED VIEW" if row["relkind"] == "m" else "VIEW"
            name = f"{quoted(row['schema'])}.{quoted(row['relation'])}"
            options = json.loads(row["reloptions"]) if isinstance(row["reloptions"], str) else []
            held = f" WITH ({', '.join(options)})" if options else ""
            body = row["definition"].strip().removesuffix(";")
            yield _relation(row), f"CREATE {what} {name}{held} AS\n{body}"

    @cached_property
    def _unseen(self) -> dict[Name, str]:
        held = self._defined[self._defined["unseen"].notna()]
        return {_relation(row): _UNSEEN.get(row["unseen"], _UNKNOWN) for row in records(held)}

    @cached_property
    def _defined(self) -> pd.DataFrame:
        """The views, with their definitions where they are known."""
        held = self._newest.frame("view_definitions", "relation_oid", "definition", "unseen")
        return held.merge(self._relations, "inner", [*_PLACE, "relation_oid"])

    @cached_property
    def _relations(self) -> pd.DataFrame:
        names = ("oid", "schema", "relation", "relkind", "reloptions")
        found = self._newest.frame("relations", *names).rename(columns={"oid": "relation_oid"})
        return found[[*_PLACE, "relation_oid", *names[1:]]]


def _counts(setting: str, language: str | None) -> bool:
    """Whether ``track_functions`` at ``setting`` counts functions in ``language``.

    >>> _counts("pl", "plpgsql"), _counts("pl", "sql"), _counts("all", "sql"), _counts("none", "plpgsql")
    (True, False, True, False)
    """
    if language in ("sql", "c"):
        return setting == "all"
    return setting in ("pl", "all") and language != "internal"


def _joined(*parts: str) -> str:
    return "; ".join(p for p in parts if p)


def _function(row: dict[str, Any]) -> Name:
    name = f"{row['function']}({row['arguments']})"
    end = ReferenceEnd(None, schema=row["schema"], object=name)
    return row["instance"], row["database"], end.relation, name


def _relation(row: dict[str, Any]) -> Name:
    end = ReferenceEnd(None, schema=row["schema"], table=row["relation"])
    return row["instance"], row["database"], end.relation, ""
