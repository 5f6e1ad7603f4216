"""The busiest hour beside the mean, over all databases of an instance."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from workbench.analyse.busiest import mean_and_busiest
from workbench.estate import Estate
from workbench.present import busy
from workbench.present.bench import Bench, open_bench
from workbench.share import reference_estate
from workbench.snapshot import History, new_snapshot, window_of
from workbench.snapshot.differences import COUNTERS

START = datetime(2026, 11, 21, 6, tzinfo=UTC)
ESTATE = Estate("shop", instances=(), implicit=True)
MOMENT = pa.timestamp("us", tz="UTC")


def taken(minutes, commits, wal):
    """A reading; ``commits`` are of the databases a and b."""
    at = START + timedelta(minutes=minutes)
    identity = {
        "system_identifier": [7],
        "timeline_id": [1],
        "in_recovery": [False],
        "server_version_num": [180006],
        "started_at": pa.array([START - timedelta(days=1)], MOMENT),
        "counters_since": pa.array([START - timedelta(days=1)], MOMENT),
        "wal_position": [1000 + minutes],
        "read_at": pa.array([at], MOMENT),
    }
    counters = {name: [0, 0] for name in COUNTERS["database_statistics"]}
    databases = {"datid": [5, 6], "datname": ["a", "b"], **counters, "xact_commit": commits}
    databases |= {"numbackends": [1, 1], "stats_reset": pa.nulls(2, MOMENT)}
    written = {name: [0] for name in COUNTERS["wal_statistics"]} | {"wal_bytes": [wal]}
    written |= {"stats_reset": pa.nulls(1, MOMENT)}
    frames = {"identity": identity, "database_statistics": databases, "wal_statistics": written}
    answers = [(name, "main", None, pa.table(columns), 1.0) for name, columns in frames.items()]
    return new_snapshot(ESTATE, answers, [], ["main"], [], taken_at=at)


def pulsed(busy_a, busy_b, hours=4):
    """Readings every quarter of an hour; database a is busy in the hour ``busy_a``, b in ``busy_b``."""
    commits, wal, pulses = [0, 0], 0, []
    for quarter in range(hours * 4 + 1):
        pulses.append(taken(quarter * 15, list(commits), wal))
        hour = quarter // 4
        commits[0] += 9000 if hour == busy_a else 900
        commits[1] += 9000 if hour == busy_b else 0
        wal += 1_800_000 if hour == busy_b else 90_000
    return History(ESTATE, tuple(pulses))


def test_the_busiest_hour_is_that_of_all_databases_together():
    together = mean_and_busiest(window_of(pulsed(2, 2))).set_index("metric")
    assert together.loc["commits", "busiest_per_second"] == 20.0
    assert together.loc["commits", "busiest_hour"] == START + timedelta(hours=2)
    apart = mean_and_busiest(window_of(pulsed(1, 3))).set_index("metric")
    assert apart.loc["commits", "busiest_per_second"] == 11.0, "not the sum of two different hours"
    assert apart.loc["commits", "busiest_hour"] == START + timedelta(hours=3)
    assert apart.loc["commits", "per_second"] == pytest.approx((12 * 900 + 8 * 9000) / (4 * 3600))


def test_wal_has_its_busiest_hour_too():
    wal = mean_and_busiest(window_of(pulsed(0, 1))).set_index("metric").loc["wal_bytes"]
    assert wal["busiest_per_second"] == 2000.0
    assert wal["busiest_hour"] == START + timedelta(hours=1)
    assert wal["per_second"] == pytest.approx((4 * 1_800_000 + 12 * 90_000) / (4 * 3600))
    assert wal["because"] is None


def test_without_pulses_the_mean_stands_alone_and_the_command_is_named():
    found = mean_and_busiest(window_of(open_bench(reference_estate("marketplace")).history))
    assert found["metric"].tolist() == [
        *("commits", "rows_written", "wal_bytes", "blocks_read", "temp_bytes", "sessions")
    ]
    assert found["per_second"].notna().all()
    assert found["busiest_per_second"].isna().all()
    assert found["because"].str.contains("--profile pulse").all()


def test_the_table_says_how_many_times_the_mean_and_when():
    html = busy.busiest_hour(Bench(pulsed(2, 2)))._repr_html_()
    assert "21 Nov 2026, 08:00 UTC" in html
    commits = busy.busiest_hour(Bench(pulsed(2, 2))).frame.set_index("metric").loc["commits"]
    mean = (12 * 900 + 4 * 9000 + 4 * 9000) / (4 * 3600)
    assert commits["times"] == pytest.approx(20 / mean)
