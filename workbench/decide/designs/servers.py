"""What designs ask of servers: pools that fit, replicas where reads need them, backups as far as a server tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from workbench.analyse.gaps import gap_of
from workbench.analyse.stored import settings_of
from workbench.decide.designs.facts import Answer, Figure, known
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Interval
from workbench.decide.measured import Ask, Measured
from workbench.decide.measures import MEASURES
from workbench.estate import METRICS, Instance, Metric, Service, limits_on
from workbench.snapshot import records

REPLICA_LOAD = 0.5
"""Over half of a declared capacity, with reads over ``read_share`` of the load, a read replica is needed."""

_KEPT = ("kept_days", "kept_weeks", "kept_months")
_TOLD_BY_NONE = (
    ("full", "full backup"),
    ("incremental", "incremental backup"),
    ("cross_region", "copy in another region"),
)


@dataclass(frozen=True)
class Servers:
    """Answers for each instance whether pools fit and WAL is archived, and for each service whether it needs a replica."""

    evidence: Evidence

    def answers(self) -> Iterator[Answer]:
        """Yield the answers."""
        for instance in self.evidence.estate.instances:
            yield self._pool(instance)
            yield self._archive(instance)
        yield from self._replicas()
        for service in self.evidence.estate.services:
            if not service.external and service.instance is not None:
                yield self._backup(service)

    # -- pools

    def _pool(self, instance: Instance) -> Answer:
        services = [s for s in self._services if s.instance == instance.name]
        silent = [s.name for s in services if s.connection_limit is None]
        clients = sum(s.connection_limit or 0 for s in services)
        held = self.evidence.headroom
        row = held[(held["instance"] == instance.name) & (held["metric"] == "connections")]
        room = None if row.empty or pd.isna(row["limit"].iloc[0]) else int(row["limit"].iloc[0])
        poolers = [e for e in instance.endpoints if e.role == "pooler" and e.pool_size]
        asked, what = clients, f"pools of {len(services) - len(silent)} of {len(services)} services"
        if poolers:
            asked = sum(e.pool_size or 0 for e in poolers) * len(services)
            what = f"the pooler's {asked // max(len(services), 1)} for each of {len(services)} services"
            silent = []
        peak = self._peaks.get(instance.name)
        figures = (
            known("declared connections", "connections", asked),
            known("room", "connections", room)
            if room is not None
            else Figure("room", "connections", None, "max_connections was not read"),
            known("most seen at a look", "connections", peak)
            if peak is not None
            else Figure("most seen at a look", "connections", None, "no look counted them"),
        )
        facts: dict[str, Any] = {
            "subject": instance.name,
            "wished": "the pools of its services fit into max_connections",
            "instance": instance.name,
            "figures": figures,
        }
        seen = "" if peak is None else f"; the most seen at a look: {peak}"
        if room is not None and asked > room:
            because = f"{what} ask for {asked:,} connections of {room:,}{seen}"
            step = f"a pooler before {instance.name}, or smaller pools: {room // max(len(services), 1)} a service fit"
            return Answer("pool", "not met", because=because, next_step=step, **facts)
        if room is None:
            because = (
                gap_of(self.evidence.history.newest, "settings", instance.name) or "no settings"
            )
            step = "run `workbench check`, which says what could not be read"
            return Answer(
                "pool", "unknown", because=f"not read: {because}", next_step=step, **facts
            )
        if silent or not services:
            because = f"{what} ask for {asked:,} of {room:,}; nothing is said of the others{seen}"
            step = "write connection_limit for the services that lack it"
            facts["in_the_way"] = tuple(f"{name} says nothing of its pool" for name in silent)
            return Answer("pool", "unknown", because=because, next_step=step, **facts)
        return Answer("pool", "met", because=f"{what} ask for {asked:,} of {room:,}{seen}", **facts)

    @property
    def _services(self) -> list[Service]:
        return [s for s in self.evidence.estate.services if not s.external]

    @cached_property
    def _peaks(self) -> Mapping[str, int]:
        held = self.evidence.history.frame("database_statistics", "numbackends")
        sums = held.groupby(["instance", "at"])["numbackends"].sum(min_count=1)
        peaks = sums.groupby(level="instance").max()
        return {str(i): int(v) for i, v in peaks.items() if pd.notna(v)}

    # -- replicas

    def _replicas(self) -> Iterator[Answer]:
        """Hold each service against its own limit, with the numbers of its own formula."""
        metric = METRICS["replica_load"]
        variants: dict[tuple[tuple[str, float], ...], dict[str, float]] = {}
        for service in self._services:
            limit, numbers = self._asked(service, metric)
            variants.setdefault(numbers, {})[service.name] = limit
        for numbers, limits in variants.items():
            ask = Ask("service", busiest=True, parameters=dict(numbers), services=frozenset(limits))
            for measured in MEASURES["replica_load"](self.evidence, ask):
                limit = limits[str(measured.thing.service)]
                yield self._of_replica(measured, limit, dict(numbers)["read_share"])

    def _asked(
        self, service: Service, metric: Metric
    ) -> tuple[float, tuple[tuple[str, float], ...]]:
        """The limit of a service, as its threshold has it or else the project's, and the numbers of the formula."""
        thing = {"instance": service.instance, "service": service.name}
        kinds = {s.name: s.kind for s in self._services}
        written = self.evidence.estate.thresholds
        found = limits_on(written, metric, "service", thing, kinds)
        limit, threshold = found.get("hard") or found.get("soft") or (REPLICA_LOAD, None)
        numbers = dict(metric.parameters) | (dict(threshold.parameters) if threshold else {})
        return limit, tuple(sorted(numbers.items()))

    def _of_replica(self, measured: Measured, limit: float, reads: float) -> Answer:
        figure, instance = measured.figure, str(measured.thing.instance)
        name = str(measured.thing.service)
        facts: dict[str, Any] = {
            "subject": name,
            "wished": f"a read replica where reads are over {reads:.0%} and load over {limit:.0%} of the vCPUs",
            "service": name,
            "instance": instance,
        }
        if figure.low is None or figure.high is None:
            step = "declare capacity = { vcpus = ... }, and collect statements over two days"
            why = str(figure.because)
            return Answer("replica", "unknown", because=why, next_step=step, **facts)
        facts["figures"] = (
            known("load, if mostly read", "share", figure.low, figure.high),
            *self._movable.get((instance, name), ()),
        )
        return self._replica(instance, figure.low, figure.high, limit, figure.because, facts)

    def _replica(
        self,
        instance: str,
        low: float,
        high: float,
        limit: float,
        note: str | None,
        facts: dict[str, Any],
    ) -> Answer:
        if high <= limit:
            return Answer("replica", "met", because=f"none is needed: {note}", **facts)
        if low <= limit:
            step = "attribute what is out of sight: `workbench workload` names it"
            return Answer(
                "replica",
                "unknown",
                because=f"it may be needed: {note}",
                next_step=step,
                **facts,
            )
        standbys = self.evidence.health.standbys
        here = standbys[(standbys["instance"] == instance) & standbys["standby"].notna()]
        declared = self.evidence.estate.instance(instance).replicas
        if here.empty and not declared:
            step = "a replica for the reads that may be a little old; say how old with staleness_s"
            because = f"it is needed, and {instance} has none: {note}"
            return Answer("replica", "not met", because=because, next_step=step, **facts)
        lags = here["lag_s"].dropna()
        if lags.empty:
            because = f"it is needed, and how far {instance}'s is behind was not seen: {note}"
            step = "see pg_stat_replication.replay_lag: GRANT pg_monitor, and collect"
            return Answer("replica", "unknown", because=because, next_step=step, **facts)
        facts["figures"] += (known("replay lag", "s", float(lags.max())),)
        because = f"it is needed, and {instance} has one, {float(lags.max()):g} s behind: {note}"
        return Answer("replica", "met", because=because, **facts)

    @cached_property
    def _movable(self) -> Mapping[tuple[str, str], tuple[Figure, ...]]:
        """What share of a service's calls and time could run on a replica: it writes and locks nothing.

        Whether a read stands in a transaction that writes is not counted by pg_stat_statements.
        """
        held = self.evidence.claims
        entries = self.evidence.workload.attributed.entries[["calls", "time_ms"]]
        held = held[held["certain"]].merge(
            entries.astype("Float64").fillna(0.0), "inner", left_on="entry", right_index=True
        )
        found: dict[tuple[str, str], tuple[Figure, ...]] = {}
        for (instance, service), rows in held.groupby(["instance", "service"]):
            reads = rows[rows["only_reads"]]
            found[(str(instance), str(service))] = tuple(
                Figure(
                    f"{name} that only read",
                    "share",
                    # what of it belongs to a writing transaction must stay where it is
                    Interval(0.0, float(reads[c].sum()) / float(rows[c].sum())),
                    "less what stands in a transaction that writes: that is not counted",
                )
                for name, c in (("calls", "calls"), ("time", "time_ms"))
                if float(rows[c].sum()) > 0
            )
        return found

    # -- backups

    def _archive(self, instance: Instance) -> Answer:
        """What a server tells: whether its WAL goes to an archive, without which there is no point in time."""
        name = instance.name
        settings = self._settings.get(name, {})
        mode, level = settings.get("archive_mode"), settings.get("wal_level")
        wanted = [
            s.name
            for s in self._services
            if s.instance == name and _backup_of(s).get("point_in_time")
        ]
        wish = (
            f"restored to a point in time ({len(wanted)} services)"
            if wanted
            else "its WAL is archived"
        )
        facts: dict[str, Any] = {"subject": name, "wished": wish, "instance": name}
        if mode is None or level is None:
            why = gap_of(self.evidence.history.newest, "settings", name) or "settings were not read"
            step = "run `workbench check`, which says what could not be read"
            return Answer("backup", "unknown", because=why, next_step=step, **facts)
        archiving = {r["instance"]: r for r in records(self.evidence.health.archiving)}
        row = archiving.get(name)
        slots = self.evidence.health.slots
        receivers = slots[(slots["instance"] == name) & (slots["kind"] == "physical")]
        facts["figures"] = (
            Figure("failed archivings", "failures", None, "the archiver was not read")
            if row is None or pd.isna(row["failed"])
            else known("failed archivings", "failures", float(row["failed"])),
            known("physical slots", "slots", len(receivers)),
        )
        told = f"wal_level = {level}, archive_mode = {mode}"
        if level == "minimal":
            step = "wal_level = replica, and a restart: no base backup can be made without"
            return Answer("backup", "not met", because=told, next_step=step, **facts)
        if mode == "off":
            if len(receivers) or self._receives(name):
                step = "show that what receives the WAL keeps it: restore to yesterday noon on another server"
                because = f"{told}; something receives the WAL, which may be an archive"
                return Answer("backup", "unknown", because=because, next_step=step, **facts)
            step = "archive_mode = on with an archive_command, or pg_receivewal with a slot"
            because = f"{told}, and no slot or receiver: its WAL is kept nowhere"
            return Answer("backup", "not met", because=because, next_step=step, **facts)
        state = None if row is None else row["state"]
        if state in ("failing", "failed"):
            step = "read the server's log: the archive has a gap since"
            because = f"{told}; the archiver {'fails' if state == 'failing' else 'failed'}"
            return Answer("backup", "not met", because=because, next_step=step, **facts)
        if state != "works":
            because = f"{told}; nothing was archived in the window, as far as was seen"
            step = "collect again: pg_stat_archiver counts what is archived"
            return Answer("backup", "unknown", because=because, next_step=step, **facts)
        return Answer("backup", "met", because=f"{told}; the archiver works", **facts)

    def _receives(self, instance: str) -> bool:
        held = self.evidence.health.standbys
        return bool((held["instance"].eq(instance) & held["standby"].notna()).any())

    @cached_property
    def _settings(self) -> Mapping[str, Mapping[str, str]]:
        return settings_of(self.evidence.history.newest)

    def _backup(self, service: Service) -> Answer:
        """What is declared and no server tells: it stays unknown, however well it sounds."""
        declared = _backup_of(service)
        facts: dict[str, Any] = {
            "subject": service.name,
            "service": service.name,
            "instance": service.instance,
        }
        if not declared:
            return Answer(
                "backup",
                "unknown",
                wished="nothing is written",
                because="no backup is declared, and no server tells of any",
                next_step=f"write backup under [services.{service.name}.attributes]: full, incremental, kept_days",
                **facts,
            )
        told = [
            f"{words}: {'yes' if declared[key] is True else declared[key]}"
            for key, words in _TOLD_BY_NONE
            if declared.get(key)
        ]
        kept = [f"{declared[k]} {k.removeprefix('kept_')}" for k in _KEPT if declared.get(k)]
        told += [f"kept {', '.join(kept)}"] if kept else []
        return Answer(
            "backup",
            "unknown",
            wished="; ".join(told) or "what is declared names no schedule",
            because="it is declared, and no server tells whether it is done",
            next_step="restore the newest one on another server, and write down the date",
            **facts,
        )


def _backup_of(service: Service) -> Mapping[str, Any]:
    held = service.attributes.get("backup")
    if isinstance(held, Mapping):
        return held
    return {"full": held} if held else {}
