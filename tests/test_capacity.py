"""Sizes, growth and headroom, from histories whose answers are known beforehand."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from workbench.analyse.capacity import capacity
from workbench.errors import SnapshotError
from workbench.estate import load_estate
from workbench.snapshot import History, new_snapshot

START = datetime(2026, 10, 1, 2, tzinfo=UTC)
MB = 10**6

ESTATE = """
[estate]
name = "shop"
[instances.main]
url = "service=shop"
capacity = { storage_gb = 1 }
[services.order]
database = "shop"
schemas = ["orders"]
[services.user]
database = "shop"
schemas = ["users"]
was = ["customer"]
"""


@pytest.fixture
def estate(tmp_path):
    (tmp_path / "estate.toml").write_text(ESTATE)
    return load_estate(tmp_path)


def taken(estate, day, tables, *, leaves=None, sizes=True):
    """One snapshot; ``tables`` maps (schema, table) to (bytes, live rows), ``leaves`` to (root, those)."""
    leaves = leaves or {}
    root_of = {leaf: root for leaf, (root, _) in leaves.items()}
    measured = tables | {leaf: figures for leaf, (_, figures) in leaves.items()}
    oids = {name: 100 + n for n, name in enumerate(measured)}
    relations = {
        "oid": list(oids.values()),
        "schema": [schema for schema, _ in measured],
        "relation": [table for _, table in measured],
        "relkind": ["p" if name in root_of.values() else "r" for name in measured],
        "root_oid": [oids[root_of.get(name, name)] for name in measured],
        "extension": pa.nulls(len(oids), pa.string()),
    }
    heaps = {
        "relation_oid": list(oids.values()),
        "part": ["heap"] * len(oids),
        "bytes": [size for size, _ in measured.values()],
        "estimated": [False] * len(oids),
    }
    statistics = {
        "relation_oid": list(oids.values()),
        "reltuples": [-1.0] * len(oids),
        "n_live_tup": [rows for _, rows in measured.values()],
    }
    databases = {"datname": ["shop"], "bytes": [sum(heaps["bytes"])], "datallowconn": [True]}
    answers = [
        ("databases", "main", None, pa.table(databases), 1.0),
        ("relations", "main", "shop", pa.table(relations), 1.0),
    ]
    if sizes:
        answers.append(("sizes", "main", "shop", pa.table(heaps), 1.0))
        answers.append(("table_statistics", "main", "shop", pa.table(statistics), 1.0))
    at = START + timedelta(days=day)
    return new_snapshot(estate, answers, [], ["main"], [], taken_at=at)


def growing(estate, days, per_day=MB, **kwargs):
    return History(
        estate,
        tuple(
            taken(
                estate,
                day,
                {
                    ("orders", "o"): (100 * MB + day * per_day, 1000 + 10 * day),
                    ("users", "u"): (50 * MB, 500),
                    ("scratch", "left"): (MB, 3),
                    ("orders", "_prisma_migrations"): (8192, 4),
                },
                **kwargs,
            )
            for day in range(days)
        ),
    )


def by_service(found):
    return found.services.set_index([found.services["service"].fillna(""), "standing"])


def test_growth_is_the_slope_over_the_days(estate):
    order = by_service(capacity(growing(estate, 28))).loc[("order", "owned")]
    assert order["per_day"] == MB
    assert order["rows_per_day"] == 10
    assert order["total_bytes"] == 127 * MB
    assert order["because"] is None


def test_what_no_service_owns_stands_apart(estate):
    found = by_service(capacity(growing(estate, 2)))
    assert found.loc[("", "unowned"), "total_bytes"] == MB
    assert found.loc[("", "platform"), "total_bytes"] == 8192
    assert found["share"].sum() == pytest.approx(1.0)


def test_one_purge_does_not_turn_the_trend(estate):
    history = growing(estate, 28)
    purged = taken(estate, 28, {("orders", "o"): (20 * MB, 10), ("users", "u"): (50 * MB, 500)})
    grown = capacity(History(estate, (*history.snapshots, purged)))
    assert by_service(grown).loc[("order", "owned"), "per_day"] == pytest.approx(MB)


def test_a_purge_that_is_an_event_of_the_estate_is_no_part_of_the_trend(estate, tmp_path):
    event = '[[events]]\ndate = 2026-10-15\nwhat = "purge"\nservice = "order"\n'
    (tmp_path / "estate.toml").write_text(ESTATE + event)

    def day(n):
        lost = 40 * MB if n >= 14 else 0
        return taken(told, n, {("orders", "o"): (100 * MB + n * MB - lost, 10)})

    told = load_estate(tmp_path)
    order = by_service(capacity(History(told, tuple(map(day, range(28)))))).loc[("order", "owned")]
    assert order["per_day"] == MB
    assert order["ahead"] == order["ahead_high"] == order["total_bytes"] + 90 * MB


def test_one_day_gives_no_growth_and_says_so(estate):
    order = by_service(capacity(growing(estate, 1))).loc[("order", "owned")]
    assert order.isna()["per_day"]
    assert "one day only" in order["because"]


def test_several_snapshots_of_one_day_are_one_point(estate):
    same = tuple(taken(estate, 0.1 * n, {("orders", "o"): (MB + n, 1)}) for n in range(3))
    found = capacity(History(estate, same))
    assert found.days == 1
    assert by_service(found).loc[("order", "owned"), "total_bytes"] == MB + 2


def test_the_day_the_disk_is_full_needs_a_trend(estate):
    few = capacity(growing(estate, 13)).instances.iloc[0]
    assert few["full_on"] is None
    assert few["because"] == "13 daily points; a trend needs 14: from 2026-10-14 on"
    enough = capacity(growing(estate, 14)).instances.iloc[0]
    left = 10**9 - enough["bytes"]
    assert enough["full_on"] == (START + timedelta(days=13 + left / MB)).date()


def test_a_disk_that_does_not_fill_has_no_date(estate):
    found = capacity(growing(estate, 20, per_day=0)).instances.iloc[0]
    assert (found["full_on"], found["because"]) == (None, "it does not grow")


def test_partitions_that_come_and_go_are_one_table(estate):
    root = ("orders", "log")

    def day(first):
        leaves = {("orders", f"log_{n}"): (root, (MB, 10)) for n in range(first, first + 3)}
        return taken(estate, first, {root: (0, 0)}, leaves=leaves)

    found = capacity(History(estate, (day(0), day(1))))
    (row,) = found.relations.to_dict("records")
    assert (row["table"], row["total_bytes"], row["rows"], row["partitions"]) == (
        "log",
        3 * MB,
        30,
        3,
    )
    assert row["per_day"] == 0


def test_a_renamed_service_keeps_its_history(estate, tmp_path):
    history = growing(estate, 3)
    (tmp_path / "estate.toml").write_text(ESTATE.replace("services.order", "services.sales"))
    renamed = load_estate(tmp_path)
    found = capacity(
        History(renamed, tuple(type(s)(s.manifest, s.objects, renamed) for s in history))
    )
    assert by_service(found).loc[("sales", "owned"), "per_day"] == MB


def test_sizes_that_were_not_collected_are_unknown_not_zero(estate):
    found = capacity(History(estate, (taken(estate, 0, {("orders", "o"): (MB, 1)}, sizes=False),)))
    row = found.relations.iloc[0]
    assert row.isna()["total_bytes"]
    assert row.isna()["rows"]
    assert row["because"] == "its size was not collected: `workbench check` names what helps"
    json = [r for r in found.rows() if r["table"] == "o"]
    assert all(r["value"] is None and r["because"] for r in json)


def test_a_view_holds_nothing_and_is_no_gap(estate):
    whole = taken(estate, 0, {("orders", "o"): (MB, 1), ("orders", "v"): (0, 0)})
    views = whole.frame("relations").drop(columns=["instance", "database"])
    views["relkind"] = ["r", "v"]
    heap = whole.frame("sizes").drop(columns=["instance", "database"]).head(1)
    rows = whole.frame("table_statistics").drop(columns=["instance", "database"]).head(1)
    answers = [
        (frame, "main", "shop", pa.Table.from_pandas(table, preserve_index=False), 1.0)
        for frame, table in {"relations": views, "sizes": heap, "table_statistics": rows}.items()
    ]
    snapshot = new_snapshot(estate, answers, [], ["main"], [], taken_at=START)
    found = capacity(History(estate, (snapshot,))).relations.set_index("table")
    assert found.loc["v", "total_bytes"] == 0
    assert "not collected" not in found.loc["v", "because"]


def test_no_history_is_an_error_with_the_next_step(estate):
    with pytest.raises(SnapshotError, match="workbench collect"):
        capacity(History(estate, ()))


def test_a_declared_service_of_which_nothing_is_found_stays_and_says_so(estate):
    found = capacity(History(estate, (taken(estate, 0, {}),)))
    assert found.relations.empty
    assert found.services["service"].tolist() == ["order", "user"]
    assert found.services["total_bytes"].isna().all()
    assert found.services["because"].str.contains("workbench check").all()
    assert all(r["because"] for r in found.rows() if r["value"] is None)


def test_a_sum_with_an_unknown_part_is_unknown(estate):
    snapshot = taken(estate, 0, {("orders", "o"): (MB, 1), ("orders", "p"): (MB, 1)})
    sizes = snapshot.frame("sizes").drop(columns=["instance", "database"]).head(1)
    kept = [
        (p.frame, p.instance, p.database, snapshot.objects.read(p.content, None), 1.0)
        for p in snapshot.manifest.parts
        if p.frame != "sizes"
    ]
    kept.append(("sizes", "main", "shop", pa.Table.from_pandas(sizes, preserve_index=False), 1.0))
    partly = new_snapshot(estate, kept, [], ["main"], [], taken_at=START)
    order = by_service(capacity(History(estate, (partly,)))).loc[("order", "owned")]
    assert order.isna()["total_bytes"]
    assert "not of every part" in order["because"]


@pytest.mark.parametrize(
    ("reltuples", "live", "changed", "rows"),
    [
        (100_000, 5, 5, 99_995),  # the counters were reset
        (1000, 1100, 100, 1100),  # it grew since it was analysed
        (1000, 2000, 0, 1000),  # counted twice by a session that ended late
        (-1, 70, 70, 70),  # never analysed
        (-1, 0, 0, None),  # never analysed, and the counters know nothing
        (0, 0, 0, 0),
    ],
)
def test_rows_rest_on_the_last_analyze_and_the_changes_since(
    estate, reltuples, live, changed, rows
):
    snapshot = taken(estate, 0, {("orders", "o"): (MB, live)})
    counted = {
        "relation_oid": [100],
        "reltuples": [float(reltuples)],
        "n_live_tup": [live],
        "n_mod_since_analyze": [changed],
    }
    kept = [
        (p.frame, p.instance, p.database, snapshot.objects.read(p.content, None), 1.0)
        for p in snapshot.manifest.parts
        if p.frame != "table_statistics"
    ]
    kept.append(("table_statistics", "main", "shop", pa.table(counted), 1.0))
    found = capacity(
        History(estate, (new_snapshot(estate, kept, [], ["main"], [], taken_at=START),))
    )
    measured = found.relations.iloc[0]["rows"]
    assert (None if pd.isna(measured) else measured) == rows
    (told,) = (r for r in found.rows() if r["table"] == "o" and r["metric"] == "rows")
    assert rows is not None or told["because"] == 'never analysed: ANALYZE "orders"."o";'


def test_every_null_in_the_document_has_its_reason(estate):
    for days in (1, 5, 28):
        for row in capacity(growing(estate, days)).rows():
            if row["value"] is None or row["per_day"] is None:
                assert row["because"], row


def test_the_document_is_the_same_every_time(estate):
    history = growing(estate, 5)
    assert capacity(history).rows() == capacity(history).rows()
