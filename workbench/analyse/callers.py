"""Who ran a statement: a ladder from the login down to *unknown*, which is never taken for the owner.

pg_stat_statements records the login and nothing else. What several services share a login for is told
apart by what sessions said of themselves when somebody looked: application_name and client address
beside the ``query_id`` of what they ran last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal, NamedTuple

from workbench.analyse.cells import text_of
from workbench.estate import Estate
from workbench.snapshot import History, records

CallerRung = Literal["login", "application_name", "network", "unknown"]

CALLER_RUNGS: tuple[CallerRung, ...] = ("login", "application_name", "network", "unknown")

LEAST_LOOKS = 2
"""So many looks at sessions must agree before they name the caller of a shared login's statement."""


_IDLE = ("idle", "idle in transaction", "idle in transaction (aborted)")


class Caller(NamedTuple):
    """Who ran a statement, and how that is known."""

    service: str | None
    rung: CallerRung
    because: str


class Session(NamedTuple):
    """What a session says of itself; None where it was not seen."""

    login: str | None
    application_name: str | None = None
    client_addr: str | None = None


Entry = tuple[str, str, str, int]
"""Instance, datname, login and queryid."""


@dataclass(frozen=True)
class Callers:
    """The estate's actors, and how often which session was seen with which statement."""

    estate: Estate
    seen: Mapping[Entry, Counter[Session]]

    @staticmethod
    def of(history: History) -> Callers:
        """Read every look at sessions in a history: the frames activity and session_samples."""
        seen: dict[Entry, Counter[Session]] = {}
        columns = ["datname", "usename", "application_name", "client_addr", "query_id"]
        for name in ("activity", "session_samples"):
            looks = history.frame(name, *columns, "state", "looks", "rest")
            known = looks[columns[:2]].notna().all(axis=1) & looks["query_id"].notna()
            looks = looks[known & ~looks["rest"].fillna(False).astype(bool)]
            counts = looks["looks"].astype("Int64").fillna(1)
            # however often an idle session is looked at, its last statement was seen once
            looks = looks.assign(looks=counts.where(~looks["state"].isin(_IDLE), 1))
            counted = looks.groupby(["instance", *columns], dropna=False)["looks"].sum()
            for r in records(counted.reset_index()):
                entry = (r["instance"], r["datname"], r["usename"], int(r["query_id"]))
                said = (text_of(r["application_name"]) or None, text_of(r["client_addr"]) or None)
                seen.setdefault(entry, Counter())[Session(r["usename"], *said)] += int(r["looks"])
        return Callers(history.newest.settled, seen)

    def of_session(self, session: Session) -> Caller:
        """Return which service a session belongs to: by login, else application_name, else network.

        >>> from workbench.share import reference_estate
        >>> from workbench.estate import load_estate
        >>> callers = Callers(load_estate(reference_estate("marketplace")), {})
        >>> callers.of_session(Session("app", "order-service"))[:2]
        ('order', 'application_name')
        >>> callers.of_session(Session("app")).service is None
        True
        """
        service = self._logins.get(session.login or "")
        if service:
            return Caller(service, "login", f"the estate maps the login {session.login} to it")
        name = session.application_name
        service = self._names.get(name or "")
        if service:
            return Caller(
                service, "application_name", f"the estate maps sessions called {name} to it"
            )
        nets = self._inside(session.client_addr)
        if len(nets) == 1:
            because = f"the estate maps the network of {session.client_addr} to it"
            return Caller(nets.pop(), "network", because)
        return Caller(
            None, "unknown", "the estate maps neither its login nor its name nor its network"
        )

    def of_entry(self, instance: str, datname: object, login: object, queryid: object) -> Caller:
        """Return who ran an entry of pg_stat_statements, all of it; else *unknown*, with the next step."""
        if not isinstance(login, str):
            return Caller(
                None,
                "unknown",
                "its login was dropped, or may not be seen: GRANT pg_read_all_stats",
            )
        looks = None
        if isinstance(datname, str) and isinstance(queryid, int) and login not in self._logins:
            looks = self.seen.get((instance, datname, login, queryid))
        if not looks:
            return self._by_login(login)
        found: Counter[tuple[str | None, CallerRung]] = Counter()
        for session, times in looks.items():
            said = self._of_sessions.get(session) or self.of_session(session)
            self._of_sessions[session] = said
            found[said[:2]] += times
        times = sum(found.values())
        services = {s for s, _ in found}
        if services == {None}:
            because = (
                "no session seen with it says who it is: set application_name, or map its network"
            )
            return Caller(None, "unknown", because)
        if len(services) > 1:
            names = ", ".join(
                sorted(s or "sessions that do not say who they are" for s in services)
            )
            return Caller(None, "unknown", f"several run it over the login {login}: {names}")
        if times < LEAST_LOOKS:
            because = f"seen once only, with {services.pop()}: more samples would settle it"
            return Caller(None, "unknown", because)
        service = services.pop()
        rung: CallerRung = "network" if (service, "network") in found else "application_name"
        return Caller(service, rung, f"all {times} sessions seen with it are {service}'s")

    def _by_login(self, login: str) -> Caller:
        """Who ran what nobody was seen with; thousands of entries share the answer."""
        if login not in self._of_logins:
            because = (
                f"the estate maps the login {login} to no service, and no session was seen with it: map "
                "the login, or take samples with `workbench collect --sample 30s`"
            )
            found = Caller(None, "unknown", because)
            if service := self._logins.get(login):
                found = Caller(service, "login", f"the estate maps the login {login} to it")
            self._of_logins[login] = found
        return self._of_logins[login]

    @cached_property
    def _of_logins(self) -> dict[str, Caller]:
        return {}

    @cached_property
    def _logins(self) -> dict[str, str]:
        return {a.login: a.service for a in self.estate.actors if a.login}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {a.application_name: a.service for a in self.estate.actors if a.application_name}

    @cached_property
    def _of_sessions(self) -> dict[Session, Caller]:
        return {}

    @cached_property
    def _networks(self) -> list[tuple[str, IPv4Network | IPv6Network]]:
        found = []
        for actor in self.estate.actors:
            with suppress(ValueError):  # no network: then nobody is in it
                found += [(actor.service, ip_network(actor.network or "", strict=False))]
        return found

    def _inside(self, address: str | None) -> set[str]:
        """The services in whose networks a client's address lies, as the server prints an inet."""
        try:
            at = ip_address((address or "").split("/")[0])
        except ValueError:
            return set()
        return {service for service, network in self._networks if at in network}
