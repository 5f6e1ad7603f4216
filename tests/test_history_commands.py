"""What a person does with a history: merge parts, tag, join, import, thin; and old formats are read."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from schemas import faults
from test_commands import workbench
from workbench.analyse.capacity import capacity
from workbench.errors import SnapshotError, UsageError
from workbench.estate import load_estate
from workbench.model import Missing
from workbench.snapshot import (
    FORMAT,
    History,
    adopt,
    find_tag,
    load_history,
    merge,
    new_snapshot,
    read_figures,
    tag,
    thin,
    window_of,
)

START = datetime(2026, 6, 1, 2, tzinfo=UTC)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
MB = 10**6
ESTATE = """
[estate]
name = "shop"
[instances.east]
url = "service=east"
[instances.west]
url = "service=west"
[services.order]
instance = "east"
database = "shop"
schemas = ["orders"]
[services.user]
instance = "west"
database = "people"
schemas = ["users"]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "estate.toml").write_text(ESTATE)
    return tmp_path / "history"


def estate_of(folder):
    return load_estate(folder.parent)


def part(
    estate,
    day,
    *instances,
    size=MB,
    profile="full",
    unread=(),
    timeline=1,
    unreached=(),
    sizes=True,
):
    """A snapshot of these instances; of ``unread`` databases nothing but the gap is known."""
    place = {"east": ("shop", "orders"), "west": ("people", "users")}
    answers, gaps = [], []
    for name in instances:
        database, schema = place[name]
        identity = {
            "system_identifier": [len(name)],
            "timeline_id": [timeline],
            "in_recovery": [False],
        }
        held = {"datname": [database], "bytes": [2 * size], "datallowconn": [True]}
        answers.append(("identity", name, None, pa.table(identity), 1.0))
        if profile == "pulse":
            continue
        answers.append(("databases", name, None, pa.table(held), 1.0))
        if database in unread:
            gaps.append(Missing("database", name, database, "locked", "run again"))
            continue
        relations = {
            "oid": [1],
            "schema": [schema],
            "relation": ["t"],
            "relkind": ["r"],
            "root_oid": [1],
            "extension": pa.nulls(1, pa.string()),
        }
        heap = {"relation_oid": [1], "part": ["heap"], "bytes": [size], "estimated": [False]}
        answers.append(("relations", name, database, pa.table(relations), 1.0))
        if sizes:
            answers.append(("sizes", name, database, pa.table(heap), 1.0))
    gaps += [Missing("instance", n, None, "no route", "run there") for n in unreached]
    at = START + timedelta(days=day)
    return new_snapshot(estate, answers, gaps, instances, unreached, taken_at=at, profile=profile)


def sizes(history):
    found = capacity(history).services
    return dict(zip(found["service"], found["total_bytes"], strict=True))


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_parts_of_one_night_from_two_networks_count_as_one(folder, tmp_path):
    estate = estate_of(folder)
    other = tmp_path / "elsewhere"
    for day in range(3):
        part(estate, day, "east", size=(day + 1) * MB, unreached=["west"]).save(folder)
        part(estate, day + 0.1, "west", size=7 * MB).save(other)
    brought = merge(folder, other)
    assert (len(brought.added), brought.known) == (3, 0)
    assert merge(folder, other).added == ()
    history = load_history(folder, estate)
    assert (len(history), len(history.nights)) == (6, 3)
    assert sizes(history) == {"order": 3 * MB, "user": 7 * MB}
    assert history.coverage.reached == ("east", "west")
    assert history.coverage.unreached == ()
    assert history.coverage.missing == ()
    assert capacity(history).services.set_index("service").loc["order", "per_day"] == MB


def test_a_night_goes_on_past_midnight_for_what_it_does_not_hold_yet(folder):
    estate = estate_of(folder)
    late = 21.5 / 24  # 23:30, the history beginning at 02:00
    parts = [
        s
        for day in range(3)
        for s in (part(estate, day + late, "east"), part(estate, day + late + 1 / 24, "west"))
    ]
    assert len(History(estate, tuple(parts)).nights) == 3


def test_a_database_that_the_later_reading_lost_is_taken_from_the_earlier(folder):
    estate = estate_of(folder)
    both = part(estate, 0, "east", "west", size=5 * MB)
    again = part(estate, 0.1, "east", "west", size=6 * MB, unread=["people"])
    history = History(estate, (both, again))
    assert sizes(history) == {"order": 6 * MB, "user": 5 * MB}
    gone = part(estate, 0.2, "east", size=6 * MB)
    assert "people" not in set(
        History(estate, (part(estate, 0, "east"), gone)).newest.frame("relations")["database"]
    )


def test_pulses_do_not_hide_the_night(folder):
    estate = estate_of(folder)
    night = part(estate, 0, "east", "west", size=5 * MB)
    pulse = part(estate, 0.5, "east", "west", profile="pulse")
    history = History(estate, (night, pulse))
    assert sizes(history) == {"order": 5 * MB, "user": 5 * MB}
    assert history.coverage.until == pulse.at


def test_a_merge_checks_what_it_copies(folder, tmp_path):
    estate = estate_of(folder)
    other = tmp_path / "elsewhere"
    part(estate, 0, "west").save(other)
    victim = next((other / "objects").iterdir())
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    with pytest.raises(SnapshotError, match="is damaged"):
        merge(folder, other)
    assert len(load_history(folder, estate)) == 0
    with pytest.raises(SnapshotError, match="holds no history"):
        merge(folder, tmp_path / "nowhere")


def test_a_baseline_is_a_name_for_good_and_begins_a_period(folder):
    estate = estate_of(folder)
    for day in range(4):
        part(estate, day, "east", size=(day + 1) ** 2 * MB).save(folder)
    history = load_history(folder, estate)
    tag(folder, "before-sale", history.snapshots[2], "agreed in June")
    tag(folder, "before-sale", history.snapshots[2], "agreed in June")
    with pytest.raises(UsageError, match="already"):
        tag(folder, "before-sale", history.snapshots[1])
    with pytest.raises(UsageError, match="no name for a baseline"):
        tag(folder, "../escape", history.snapshots[1])
    with pytest.raises(UsageError, match="there are before-sale"):
        find_tag(folder, "before-sal")
    done = workbench("capacity", "--estate", folder.parent, "--baseline", "before-sale", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["coverage"]["period"]["snapshots"] == 2
    (row,) = (
        r
        for r in document["capacity"]
        if r["service"] == "order" and r["table"] and r["metric"] == "bytes"
    )
    assert row["per_day"] == 7 * MB
    assert "before-sale" in workbench("history", "list", "--estate", folder.parent).stdout


def test_epochs_are_joined_by_a_word_that_is_kept(folder):
    estate = estate_of(folder)
    part(estate, 0, "east").save(folder)
    part(estate, 1, "east", timeline=2).save(folder)
    before = {f: (folder / f).read_bytes() for f in files(folder)}
    with pytest.raises(UsageError, match="no epoch break of west"):
        adopt(load_history(folder, estate), "west", who="ada", why="x", when=NOW)
    done = workbench(
        "history",
        "adopt",
        "east",
        "--estate",
        folder.parent,
        "--who",
        "ada",
        "--why",
        "I watched it",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["history"]["who"] == "ada"
    assert not faults("history", json.loads(done.stdout))
    (broken,) = load_history(folder, estate).coverage.epoch_breaks
    assert broken.adopted == "ada: I watched it"
    assert {f: (folder / f).read_bytes() for f in before} == before
    with pytest.raises(UsageError, match="can be joined"):
        adopt(load_history(folder, estate), "east", who="ada", why="x", when=NOW)


def test_thinning_keeps_a_night_a_week_what_is_tagged_and_all_that_is_young(folder):
    estate = estate_of(folder)
    for day in range(120):
        part(estate, day, "east", size=(day + 1) * MB).save(folder)
    for hour in range(0, 24, 2):
        part(estate, 118 + hour / 24, "east", profile="pulse").save(folder)
        part(estate, 80 + hour / 48, "east", profile="pulse").save(folder)
        part(estate, 2 + hour / 48, "east", profile="pulse").save(folder)
    history = load_history(folder, estate)
    tag(folder, "kept", history.snapshots[1])
    planned = thin(folder, dry=True)
    assert len(load_history(folder, estate)) == len(history)
    done = thin(folder)
    assert done == planned
    after = load_history(folder, estate)
    assert len(after) == done.kept == len(history) - len(done.removed)
    old = [s for s in after.nights if after.newest.at - s.at > timedelta(days=90)]
    weeks = {s.at.isocalendar()[:2] for s in old}
    assert len(old) == len(weeks) + 1, "one a week, and the one that is tagged"
    assert len([s for s in after.nights if s not in old]) == 91
    ages = [(after.collected[-1].at - s.at).days for s in after if s.manifest.profile == "pulse"]
    assert sum(a > 90 for a in ages) == 1
    assert sum(14 < a < 90 for a in ages) == 12
    referred = {p.content for s in after for p in s.manifest.parts}
    assert {p.stem for p in (folder / "objects").iterdir()} == referred
    assert capacity(after).services["total_bytes"].dropna().tolist() == [120 * MB]
    assert thin(folder).removed == ()


def test_nothing_is_thinned_under_a_writer(folder):
    from workbench.snapshot.objects import staging

    part(estate_of(folder), 0, "east").save(folder)
    with staging(folder), pytest.raises(SnapshotError, match="being written to"):
        thin(folder)


SIZES = "date,instance,database,schema,table,bytes\n"


def test_imported_sizes_extend_the_series_backwards(folder, tmp_path):
    estate = estate_of(folder)
    for day in range(2):
        part(estate, day, "east", size=(100 + day) * MB).save(folder)
    lines = []
    for day in range(-20, 2):
        date = f"{START + timedelta(days=day):%Y-%m-%d}"
        lines.append(f"{date},east,shop,orders,t,{(100 + day) * MB}\n")
        lines.append(f"{date},east,shop,orders,,{(100 + day) * MB}\n")
        lines.append(f"{date},east,shop,,,{2 * (100 + day) * MB}\n")
    file = tmp_path / "sizes.csv"
    file.write_text(SIZES + "".join(lines))
    done = workbench("history", "import", file, "--estate", folder.parent, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["history"]["figures"] == 66
    again = workbench("history", "import", file, "--estate", folder.parent)
    assert again.returncode == 0, again.stderr
    history = load_history(folder, estate)
    assert len(history) == 24, "the same file twice is imported once"
    assert history.coverage.snapshots == 2
    found = capacity(history)
    assert found.services["total_bytes"].dropna().tolist() == [101 * MB]
    for frame, bytes_a_day in (
        (found.services, MB),
        (found.schemas, MB),
        (found.relations, MB),
        (found.instances[:1], 2 * MB),
    ):
        assert frame["per_day"].dropna().tolist() == [pytest.approx(bytes_a_day, rel=1e-3)]
    assert len(found.daily) == 23, "a date that was measured is not imported a second time"


def test_metrics_are_kept_with_their_units(folder, tmp_path):
    estate = estate_of(folder)
    file = tmp_path / "cpu.csv"
    file.write_text(
        "\ufeffdate,instance,metric,value,unit\n2026-06-01T10:00:00+02:00,east,cpu,37.5,percent\n"
    )
    for snapshot in read_figures(file, estate, NOW):
        snapshot.save(folder)
    (row,) = load_history(folder, estate).frame("imported_metrics").to_dict("records")
    assert row["at"] == datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert (row["metric"], row["value"], row["unit"]) == ("cpu", 37.5, "percent")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2026-13-01,east,shop,,,1", "'2026-13-01' is no date"),
        ("2027-01-01,east,shop,,,1", "future"),
        ("2026-06-01,north,shop,,,1", "'north' is not in the estate: it has east, west"),
        ("2026-06-01,east,,,,1", "database is empty"),
        ("2026-06-01,east,shop,,t,1", "'t' has no schema"),
        ("2026-06-01,east,shop,,,1 GB", "'1 GB' is no number of bytes"),
        ("2026-06-01,east,shop,,,-1", "'-1' is no number of bytes"),
        ("2026-06-01,east,shop,,,99999999999999999999", "is no number of bytes"),
        ("2026-06-01,east,shop,1", "4 values where the header has 6"),
        ("2026-05-01,east,shop,,,5", "says again what line 2 says"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_imported(folder, tmp_path, line, fault):
    file = tmp_path / "sizes.csv"
    file.write_text(f"{SIZES}2026-05-01,east,shop,,,5\n{line}\n")
    with pytest.raises(UsageError) as raised:
        read_figures(file, estate_of(folder), NOW)
    assert f"{file}:3: " in str(raised.value)
    assert fault in str(raised.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "lacks date"),
        ("date,instance,metric,value\n", "lacks unit"),
        ("date,instance,database,bytes,bytes\n", "twice"),
        ("date,instance,database,bytes,colour\n", "'colour'"),
        (SIZES, "no figures"),
        ('date,instance,metric,value,unit\n2026-06-01,east,cpu,nan,"%"\n', "no finite number"),
    ],
)
def test_a_file_that_is_none_is_refused(folder, tmp_path, text, fault):
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(UsageError, match=fault):
        read_figures(file, estate_of(folder), NOW)


def test_every_older_format_is_read():
    formats = Path(__file__).parent / "formats"
    assert {p.name for p in formats.iterdir()} == {str(n) for n in range(1, FORMAT)}
    for path in formats.iterdir():
        history = load_history(path / "history")
        assert [s.manifest.profile for s in history.nights] == ["full", "full"]
        assert (history.frame("database_statistics", "datname").groupby("at").size() >= 4).all()
        tables = window_of(history).tables.set_index("relation")
        assert tables.loc["orders", "n_tup_ins"] == 9000
        assert capacity(history).services["total_bytes"].notna().all()
