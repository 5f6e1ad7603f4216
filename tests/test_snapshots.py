"""A snapshot is whole or absent, stored once by content, and never changed."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from workbench.errors import SnapshotError
from workbench.estate import estate_from_urls
from workbench.model import Missing
from workbench.snapshot import load_history, load_snapshot, new_snapshot

ESTATE = estate_from_urls(["postgresql:///shop"])
START = datetime(2026, 10, 1, 2, tzinfo=UTC)


def taken(day=0, *, schemas=("a", "b"), live=0, missing=()):
    answers = [
        (
            "schemas",
            "main",
            "shop",
            pa.table({"schema": list(schemas), "oid": [1] * len(schemas)}),
            1.0,
        ),
        (
            "table_statistics",
            "main",
            "shop",
            pa.table({"relation_oid": [7], "n_live_tup": [live]}),
            2.0,
        ),
    ]
    return new_snapshot(
        ESTATE, answers, missing, ["main"], [], taken_at=START + timedelta(days=day)
    )


def files(folder):
    return sorted(p.relative_to(folder) for p in Path(folder).rglob("*") if p.is_file())


def test_what_is_saved_is_what_is_read(tmp_path):
    gap = Missing("sizes", "main", "shop", "timed out", "run again")
    path = taken(live=3, missing=[gap]).save(tmp_path)
    found = load_snapshot(path, ESTATE)
    assert list(found.frame("schemas")["schema"]) == ["a", "b"]
    assert found.frame("schemas")["database"].unique() == ["shop"]
    assert found.frame("table_statistics", "n_live_tup")["n_live_tup"].tolist() == [3]
    assert found.coverage.missing == (gap,)


def test_a_pulse_keeps_the_answers_of_its_instances_together(tmp_path):
    kinds = pa.schema({"pid": pa.int32(), "state": pa.string()})

    def beat(profile):
        answers = [
            ("activity", name, None, pa.table([range(count), ["idle"] * count], schema=kinds), 1.0)
            for name, count in (("west", 2), ("east", 3), ("north", 0))
        ]
        odd = pa.table({"pid": [7], "state": [1]})  # as a server of another version might answer
        answers.append(("activity", "odd", None, odd, 1.0))
        names = [name for _, name, *_ in answers]
        return new_snapshot(ESTATE, answers, [], names, [], taken_at=START, profile=profile)

    found = {p: load_snapshot(beat(p).save(tmp_path / p), ESTATE) for p in ("pulse", "full")}
    objects = {p: len(list((tmp_path / p / "objects").iterdir())) for p in found}
    assert objects == {"pulse": 2, "full": 4}
    for snapshot in (*found.values(), beat("pulse")):
        pids = snapshot.frame("activity", "pid").groupby("instance")["pid"].apply(list)
        assert pids.to_dict() == {"east": [0, 1, 2], "odd": [7], "west": [0, 1]}
        rows = {p.instance: snapshot.objects.answer(p).num_rows for p in snapshot.manifest.parts}
        assert rows == {"east": 3, "north": 0, "odd": 1, "west": 2}


def test_a_catalogue_that_stays_the_same_is_stored_once(tmp_path):
    taken(0, live=1).save(tmp_path)
    before = len(files(tmp_path / "objects"))
    taken(1, live=2).save(tmp_path)
    assert len(files(tmp_path / "objects")) == before + 1


def test_a_frame_over_a_history_carries_its_dates(tmp_path):
    for day in (2, 0, 1):
        taken(day, live=day).save(tmp_path)
    found = load_history(tmp_path, ESTATE).frame("table_statistics", "n_live_tup")
    assert found["n_live_tup"].tolist() == [0, 1, 2]
    assert found["at"].tolist() == [START + timedelta(days=d) for d in range(3)]


def test_a_frame_that_was_not_collected_is_empty_and_has_its_columns(tmp_path):
    found = taken().frame("sizes", "bytes")
    assert found.empty
    assert list(found.columns) == ["instance", "database", "bytes"]


def test_nothing_is_left_when_the_disk_refuses(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        taken().save(tmp_path)
    assert files(tmp_path) == []
    assert not list(tmp_path.glob(".staging-*"))


def test_a_writer_killed_in_the_middle_leaves_no_snapshot(tmp_path):
    script = """
import os, signal, sys
sys.path[:0] = [{tests!r}]
import workbench.snapshot.whole as s
from test_snapshots import taken
puts = 0
real = s.put
def put(*args):
    global puts
    puts += 1
    if puts == 2:
        (args[0] / args[1].name).write_bytes(args[2][:10])
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args)
s.put = put
from pathlib import Path
taken().save(Path({folder!r}))
"""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script.format(tests=str(Path(__file__).parent), folder=str(tmp_path)),
        ]
    )
    assert done.returncode == -9
    assert len(load_history(tmp_path, ESTATE)) == 0
    taken().save(tmp_path)
    assert len(load_history(tmp_path, ESTATE)) == 1
    assert load_history(tmp_path, ESTATE).newest.frame("schemas")["schema"].tolist() == ["a", "b"]


def test_what_a_killed_run_left_is_swept_an_hour_later(tmp_path):
    import os

    left = tmp_path / ".staging-old"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    taken(0).save(tmp_path)
    assert left.exists(), "a run beside this one may still be writing there"
    os.utime(left, (0, 0))
    taken(1).save(tmp_path)
    assert not left.exists()


def test_two_runs_at_once_both_arrive(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda n: taken(0, live=n).save(tmp_path), range(24)))
    assert len(set(paths)) == len(load_history(tmp_path, ESTATE)) == 24


def test_a_newer_format_is_refused_by_name(tmp_path):
    path = taken().save(tmp_path)
    data = json.loads(path.read_text()) | {"format": 99, "workbench": "9.9"}
    path.write_text(json.dumps(data))
    with pytest.raises(SnapshotError, match=r"99 is newer .* 9\.9"):
        load_snapshot(path, ESTATE)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', "not json"])
def test_a_file_that_is_no_manifest_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(SnapshotError, match=r"x\.json is not a snapshot"):
        load_snapshot(path, ESTATE)


def test_an_absent_snapshot_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(SnapshotError, match="no such snapshot"):
        load_snapshot(tmp_path / "none.json", ESTATE)
    with pytest.raises(SnapshotError, match="is a folder"):
        load_snapshot(tmp_path, ESTATE)


def test_a_lost_object_is_named(tmp_path):
    path = taken().save(tmp_path)
    for parquet in tmp_path.rglob("*.parquet"):
        parquet.unlink()
    with pytest.raises(SnapshotError, match="is missing though a snapshot refers to it"):
        load_snapshot(path, ESTATE).frame("schemas")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    first, second = taken().save(tmp_path / "a"), taken().save(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_an_identity_that_changes_breaks_the_epoch():
    def with_identity(day, identifier):
        identity = pa.table(
            {"system_identifier": [identifier], "timeline_id": [1], "in_recovery": [False]}
        )
        return new_snapshot(
            ESTATE,
            [("identity", "main", None, identity, 1.0)],
            [],
            ["main"],
            [],
            taken_at=START + timedelta(days=day),
        )

    from workbench.snapshot import History

    history = History(ESTATE, (with_identity(0, 1), with_identity(1, 1), with_identity(2, 5)))
    (broken,) = history.coverage.epoch_breaks
    assert (broken.instance, broken.at) == ("main", START + timedelta(days=2))
    assert broken.why == "another cluster answers: system identifier 1 became 5"
