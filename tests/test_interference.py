"""Whether heavy reads slow the others: found where it was planted, and nowhere else."""

import random
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from attributed import DAY
from workbench import load_history, window_of
from workbench.analyse.interference import LEAST_WINDOWS, association, interference
from workbench.analyse.workload import workload
from workbench.estate.resolve import estate_from_text
from workbench.share import reference_estate
from workbench.snapshot import History, new_snapshot
from workbench.snapshot.differences import COUNTERS, GAUGES

ESTATE = estate_from_text("""
[instances.main]
url = "postgresql://db.example/shop"
[services.reports]
database = "shop"
schemas = ["reports"]
[services.shop]
schemas = ["shop"]
database = "shop"
[services.auth]
schemas = ["auth"]
database = "shop"
""")
REPLAY, CARTS, USERS = 1, 2, 3
TEXTS = {
    REPLAY: "SELECT * FROM reports.facts",
    CARTS: "SELECT id FROM shop.carts WHERE id = $1",
    USERS: "SELECT id FROM auth.users WHERE id = $1",
}


def history(windows, *, slowed=0.0, growth=0.0, seed=1):
    """Nights of three statements; shop's takes ``1 + slowed`` times as long where the replay runs most.

    With ``growth`` the replay reads more, and everybody takes longer, from night to night.
    """
    draw = random.Random(seed)
    sums = {q: dict.fromkeys(("calls", "total_exec_time", "shared_blks_hit"), 0) for q in TEXTS}
    snapshots = []
    for night in range(windows + 1):
        replays = draw.randint(0, 20)
        larger = 1 + growth * night
        for query, calls, ms, blocks in (
            (REPLAY, replays, 50.0, 10_000 * larger),
            (CARTS, draw.randint(800, 1200), 0.1 * (1 + slowed * replays / 20), 3),
            (USERS, draw.randint(800, 1200), 0.1, 3),
        ):
            noise = draw.uniform(0.97, 1.03)
            sums[query]["calls"] += calls
            sums[query]["total_exec_time"] += calls * ms * noise * larger
            sums[query]["shared_blks_hit"] += int(calls * blocks)
        snapshots.append(night_of(night, sums))
    return History(ESTATE, tuple(snapshots))


def night_of(night, sums):
    many = len(TEXTS)
    key = {
        "dbid": [5] * many,
        "userid": [10] * many,
        "queryid": [*TEXTS],
        "toplevel": [True] * many,
    }
    counters = {c: [0] * many for c in (*COUNTERS["statements"], *GAUGES["statements"])}
    counters |= {c: [s[c] for s in sums.values()] for c in sums[REPLAY]}
    oids = [100, 101, 102]
    frames = {
        "statements": {**key, **counters, "stats_since": pa.nulls(many, pa.timestamp("us", "UTC"))},
        "statement_texts": {
            **key,
            "datname": ["shop"] * many,
            "rolname": ["app"] * many,
            "query": [*TEXTS.values()],
        },
        "relations": {
            "oid": oids,
            "schema": ["reports", "shop", "auth"],
            "relation": ["facts", "carts", "users"],
            "relkind": ["r"] * many,
            "root_oid": oids,
            "extension": pa.nulls(many, pa.string()),
        },
        "identity": {"server_version_num": [170000], "read_as": ["workbench"]},
    }
    answers = [
        (name, "main", "shop" if name == "relations" else None, pa.table(columns), 1.0)
        for name, columns in frames.items()
    ]
    at = DAY + timedelta(days=night)
    return new_snapshot(ESTATE, answers, [], ["main"], [], taken_at=at)


def judged(told):
    found = interference(workload(window_of(told)).attributed)
    return {(r.service, r.other): r for r in found.itertuples()}


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_slowdown_is_found_and_only_there(seed):
    found = judged(history(28, slowed=1.0, seed=seed))
    assert set(found) == {("reports", "shop"), ("reports", "auth")}
    suffering = found["reports", "shop"]
    assert suffering.evidence is True
    assert 1.3 < suffering.slower < 2
    assert "times as long" in suffering.because
    assert found["reports", "auth"].evidence is False


@pytest.mark.parametrize("seed", range(3))
def test_the_clean_twin_gives_no_evidence(seed):
    for row in judged(history(28, seed=seed)).values():
        assert row.evidence is False
        assert row.because.startswith("no evidence")


def test_that_both_grow_is_no_evidence():
    for row in judged(history(28, growth=0.1)).values():
        assert row.evidence is False


def test_with_few_windows_it_is_unknown_and_says_how_many_more():
    for row in judged(history(LEAST_WINDOWS - 4, slowed=1.0)).values():
        assert row.evidence is None
        assert f"{LEAST_WINDOWS} are needed: after 4 more readings" in row.because


def test_enough_windows_are_enough():
    found = judged(history(LEAST_WINDOWS, slowed=2.0))
    assert found["reports", "shop"].evidence is True


def test_what_never_changes_cannot_be_compared():
    assert association(np.ones(20), np.arange(20.0)) is None
    assert association(np.arange(20.0), np.ones(20)) is None


def test_the_same_history_gives_the_same_answer():
    told = history(20, slowed=0.5)
    one, other = (interference(workload(window_of(told)).attributed).to_csv() for _ in range(2))
    assert one == other


def test_many_windows_take_little_memory():
    load = np.random.default_rng(3).random(20_000)
    found = association(load, 1 + load)
    assert found.correlation == pytest.approx(1.0)
    assert found.p < 0.001


def test_hauspets_replay_is_judged_from_its_history():
    told = load_history(reference_estate("hauspet") / "history")
    found = interference(workload(window_of(told)).attributed)
    assert len(found)
    print(found[["service", "other", "windows", "correlation", "p", "slower", "evidence"]])
