"""Resources besides sizes: how far transaction numbers are used up, and the busiest hour; over readings made by hand."""

from dataclasses import replace

import pyarrow as pa
import pytest

from test_busy_thresholds import HEAD, START, hours, reading
from workbench.analyse.upkeep import LAST_TRANSACTION
from workbench.decide.busiest import Busiest
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Interval, Resource
from workbench.decide.resources import resources, together
from workbench.decide.wraparound import NAME
from workbench.estate.resolve import estate_from_text
from workbench.snapshot import History, new_snapshot

SESSIONS = Resource("active sessions", "main", 0.5, Interval(0.1, 0.2))


def evidence_of(readings):
    estate = estate_from_text(HEAD, environ={})
    return Evidence(History(estate, tuple(replace(r, estate=estate) for r in readings)))


def aged(orders, users, database, settings=True):
    """A reading in which the tables of two services, and their database, have these ages."""
    at = START
    tables = {
        "oid": [100, 101],
        "schema": ["orders", "users"],
        "relation": ["lines", "people"],
        "relkind": ["r", "r"],
        "root_oid": [100, 101],
        "extension": pa.nulls(2, pa.string()),
    }
    ages = {"relation_oid": [100, 101], "frozen_xid_age": [orders, users], "min_mxid_age": [0, 0]}
    whole = {"datname": ["shop"], "frozen_xid_age": [database], "min_mxid_age": [0]}
    answers = [("relations", "shop", tables), ("table_statistics", "shop", ages)]
    answers += [("schemas", "shop", {"schema": ["orders", "users"]}), ("databases", None, whole)]
    if settings:
        named = {"name": ["autovacuum_freeze_max_age"], "reset_val": ["200000000"]}
        answers.append(("settings", None, named))
    shaped = [(name, "main", place, pa.table(columns), 1.0) for name, place, columns in answers]
    estate = estate_from_text(HEAD, environ={})
    return new_snapshot(estate, shaped, [], ["main"], [], taken_at=at)


def ages_of(snapshot):
    evidence = evidence_of([snapshot])
    found = resources(evidence.workload, evidence.capacity, evidence.estate)
    return {s: next(r for r in held if r.name == NAME) for s, held in found.items()}


def test_the_oldest_table_of_a_service_is_its_share_of_the_age():
    found = ages_of(aged(400_000_000, 100_000_000, 400_000_000))
    order, user = found["order"], found["user"]
    assert order.used == user.used == pytest.approx(400_000_000 / LAST_TRANSACTION)
    assert (order.share.low, user.share.high) == (1.0, 0.25)
    assert order.after.low == pytest.approx(100_000_000 / LAST_TRANSACTION)
    assert order.after.high == order.used
    assert "autovacuum_freeze_max_age is 200,000,000, which is past it" in order.because
    both = together([order, user])
    assert both[0].share == (1.0, 1.0)


def test_an_age_that_was_not_read_is_unknown():
    found = ages_of(aged(None, 100, 400))
    assert found["order"].share is None
    assert "was not read" in found["order"].because
    assert found["user"].share.high == 0.25
    bare = ages_of(aged(100, 100, 100, settings=False))
    assert "autovacuum_freeze_max_age was not read" in bare["user"].because
    gone = ages_of(aged(100, 100, None))
    assert gone["user"].used is None
    assert gone["user"].because


@pytest.mark.parametrize("every", [15, 60])
def test_the_share_of_the_busiest_hour_stands_beside_the_mean(every):
    evidence = evidence_of(hours({2: 99.0}, every=every))
    found = Busiest(evidence).of("order", SESSIONS)
    # user's one call is of before
    assert found.busiest == (1.0, 1.0)
    assert found.no_busiest is None
    assert Busiest(evidence).of("order", replace(SESSIONS, name="storage")).no_busiest


def test_two_services_share_the_busiest_hour():
    def at(minutes, order, user):
        took = {1: (order, 10.0 * order), 2: (user, 10.0 * user)}
        return reading(START.replace(minute=0, hour=6 + minutes // 60), took)

    # user has most in all; in the hour in which most is done order has three quarters
    evidence = evidence_of([at(0, 0, 0), at(60, 10, 90), at(120, 310, 190), at(180, 310, 490)])
    found = {s: Busiest(evidence).of(s, SESSIONS).busiest for s in ("order", "user")}
    assert found == {"order": (0.75, 0.75), "user": (0.25, 0.25)}


def test_readings_far_apart_say_why_there_is_no_hour_and_what_was_seen():
    evidence = evidence_of(hours({6: 120.0}, hours=18, every=360))
    found = Busiest(evidence).of("order", SESSIONS)
    assert found.busiest is None
    assert "readings are 6 hours apart" in found.no_busiest
    assert "there it took 100 %" in found.no_busiest
