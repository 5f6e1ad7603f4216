"""The next moves, what they cost and what they gain: from recorded histories and what an estate declares."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from workbench import load_history
from workbench.decide.facts import Interval, Status
from workbench.decide.order import _homes, _one_by_one, next_moves
from workbench.decide.remedies import Remedies
from workbench.decide.runway import NEVER, Runway
from workbench.decide.whatif import Moves
from workbench.estate import EFFORT, MOVE, Capacity, Prices
from workbench.share import reference_estate

PRICES = Prices("EUR", 30, 4, 0.12)
NOW = 2 * 30 + 4 * 4 + 1 * 0.12
"""what the one instance of marketplace and of hauspet costs a month"""


def moves_of(name):
    return Moves.of(load_history(reference_estate(name) / "history"))


@pytest.fixture(scope="module")
def marketplace():
    return moves_of("marketplace")


@pytest.fixture(scope="module")
def hauspet():
    return moves_of("hauspet")


def declared(moves, **said):
    """The same moves in an estate that declares something else."""
    estate = replace(moves.estate, **said)
    return replace(moves, estate=estate, remedies=Remedies.of(estate))


def sized(moves, **capacity):
    (instance,) = moves.estate.instances
    return declared(moves, instances=(replace(instance, capacity=Capacity(**capacity)),))


# -- effort


def test_person_days_of_the_estate_change_the_effort(marketplace):
    before = marketplace.what_if(["order"]).effort
    calls = {b.services for b in marketplace.what_if(["order"]).breaks if b.kind == "view"}
    dearer = declared(marketplace, effort={"API call": (102, 205)}).what_if(["order"]).effort
    # one call for each that order reads, and for payment that reads order
    assert (dearer.low - before.low, dearer.high - before.high) == (
        100 * len(calls),
        200 * len(calls),
    )
    assert declared(marketplace, effort={"saga": (1, 1)}).what_if(["order"]).effort == before


def test_a_service_that_nothing_joins_takes_the_move_itself(marketplace):
    found = marketplace.what_if(["monolith"])
    assert found.breaks == ()
    assert tuple(found.effort) == EFFORT[MOVE]


def test_two_that_meet_are_cheaper_together_than_two_that_do_not(marketplace):
    near, far = (
        marketplace.what_if(pair) for pair in (["order", "inventory"], ["order", "content"])
    )
    move = marketplace.remedies.days(MOVE).middle
    assert far.cheaper_together == pytest.approx(move)
    assert near.cheaper_together > far.cheaper_together


# -- cost


def test_without_prices_no_currency(hauspet):
    found = hauspet.what_if(["eventstore"])
    assert (found.cost, found.no_cost) == (None, None)
    assert "currency" not in json.dumps(found.to_json())


def test_what_is_declared_for_the_target_is_priced(hauspet):
    priced = declared(hauspet, prices=PRICES)
    cost = priced.what_if(["eventstore"]).cost
    target = 4 * 30 + 4 * 4 + 0.12
    assert cost.currency == "EUR"
    assert (cost.now, cost.both) == pytest.approx((NOW, NOW + target))
    assert cost.after <= cost.both
    # the read models are wished with replicas: the server twice
    twice = priced.what_if(["readmodels"]).cost
    assert twice.both - twice.now == pytest.approx(2 * (2 * 30 + 2 * 4 + 0.12))


def test_a_target_that_nobody_declared_is_as_large_as_its_share(marketplace):
    cost = declared(marketplace, prices=PRICES).what_if(["order"]).cost
    assert cost.both - cost.now == pytest.approx(30 + 4 + 0.12)
    assert any("by its share" in said for said in cost.because)


def test_waiting_costs_what_has_to_grow(hauspet):
    filling = declared(hauspet, prices=PRICES).what_if(["eventstore"]).cost
    # its disk is full within a year, and its processors are idle
    assert filling.waiting == pytest.approx(NOW + 0.12)
    small = sized(declared(hauspet, prices=PRICES), vcpus=0.5, memory_gb=4, storage_gb=1)
    busy = small.what_if(["eventstore"]).cost
    assert busy.waiting == pytest.approx(2 * (0.5 * 30 + 4 * 4 + 0.12))


def test_what_is_not_declared_has_no_cost_and_says_what_to_write(hauspet):
    bare = sized(declared(hauspet, prices=PRICES), storage_gb=1)
    found = bare.what_if(["eventstore"])
    assert found.cost is None
    assert found.no_cost.startswith("write capacity = { vcpus = ...")


# -- order


def test_hauspets_event_store_is_first_for_its_own_limits(hauspet):
    first, *_ = next_moves(hauspet)
    assert first.service == "eventstore"
    assert "crossed already" in first.because
    assert first.gain_days.high == NEVER
    assert first.effort == hauspet.what_if(["eventstore"]).effort


def test_each_move_is_weighed_after_those_before_it(marketplace):
    moves = next_moves(marketplace)
    assert len({m.service for m in moves}) == len(moves) == 3
    runway = Runway(marketplace.estate, marketplace.capacity)
    gone = []
    for move in moves:
        before, _ = runway.of("main", gone)
        assert move.effort == marketplace.days_of([move.service], gone)
        gone.append(move.service)
        after, _ = runway.of("main", gone)
        ends = sorted((after.low - before.low, after.high - before.high))
        assert move.gain_days == Interval(*(max(e, 0) for e in ends))
        assert move.because


def test_no_other_first_move_gains_more_for_its_effort(marketplace):
    first = next_moves(marketplace, 1)[0]
    runway = Runway(marketplace.estate, marketplace.capacity)
    before, _ = runway.of("main")
    best = first.gain_days.middle / first.effort.middle
    for service in marketplace.estate.services:
        after, _ = runway.of("main", [service.name])
        gain = ((after.low - before.low) + (after.high - before.high)) / 2
        assert gain / marketplace.days_of([service.name]).middle <= best + 1e-9


def crossed(moves, *services):
    """The same moves with a crossed hard limit of its own for each of some services."""
    limits = moves.capacity.limits
    own = limits[limits["service"] == "notification"].head(1)
    own = own.assign(kind="hard", crossed=True)
    rows = [own.assign(service=name) for name in services]
    more = replace(moves.capacity, limits=pd.concat([limits, *rows], ignore_index=True))
    return replace(moves, capacity=more)


def test_two_that_gain_only_together_are_found_where_one_by_one_is_blind(marketplace):
    both = crossed(marketplace, "admin", "order")
    found = next_moves(both, 2)
    assert {m.service for m in found} == {"admin", "order"}
    assert (found[0].gain_days.high, found[1].gain_days.low > 50) == (0, True)
    assert "without it" in found[0].because
    homes = _homes(both)
    greedy = _one_by_one(both, Runway(both.estate, both.capacity), homes, 2, None)
    assert sum(m.gain_days.high for m in greedy) == 0


def test_above_so_many_candidates_each_next_move_is_the_best_by_itself(marketplace, monkeypatch):
    both = crossed(marketplace, "admin", "order")
    monkeypatch.setattr("workbench.decide.order.EXHAUSTIVE", 12)
    assert all(m.gain_days.high == 0 for m in next_moves(both, 2))


def test_a_limit_of_the_instance_besides_storage_is_gained_by_who_takes_most_of_it(marketplace):
    busy = Status("load", "share", "hard", 0.05, "crossed", Interval(0.06, 0.06), "main")
    first = next_moves(marketplace, 1, [busy])[0]
    assert first.service == "product"
    assert first.gain_days.high > 0
    assert "main's load (0.05 share), crossed already" in first.because
    idle = replace(busy, state="clear", value=Interval(0.01, 0.01))
    assert next_moves(marketplace, 1, [idle]) == next_moves(marketplace, 1)


def test_moves_that_take_no_work_are_weighed_too_and_the_name_decides_between_equals(hauspet):
    free = declared(hauspet, effort=dict.fromkeys(EFFORT, (0, 0)))
    assert next_moves(free, 1)[0].service == "eventstore"
    assert next_moves(free, 1)[0].effort == (0, 0)
    small = declared(moves_of("hauspet-small"), effort=dict.fromkeys(EFFORT, (0, 0)))
    assert [m.service for m in next_moves(small)] == ["app", "eventstore"]


def test_without_a_trend_no_days_are_told_and_the_least_effort_comes_first():
    history = load_history(reference_estate("marketplace") / "history")
    short = Moves.of(replace(history, snapshots=history.snapshots[-5:]))
    moves = next_moves(short)
    assert [m.gain_days for m in moves] == [None] * 3
    assert all("a trend needs" in m.because for m in moves)
    assert moves[0].effort == short.remedies.days(MOVE)


def test_who_has_an_instance_alone_need_not_move():
    assert next_moves(moves_of("edtech")) == ()


def test_external_services_do_not_move():
    shop = moves_of("shop")
    external = {s.name for s in shop.estate.services if s.external}
    assert external
    assert not external & {m.service for m in next_moves(shop, 99)}


def test_the_order_is_the_same_each_time(marketplace):
    texts = {json.dumps([m.to_json() for m in next_moves(replace(marketplace))]) for _ in range(2)}
    assert len(texts) == 1
