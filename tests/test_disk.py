"""What an instance's disk holds, on a real server, against a provider's figure."""

from datetime import timedelta

import pytest

from small_history import write_history
from workbench.analyse.capacity import capacity
from workbench.analyse.disk import disk
from workbench.analyse.provider import metrics, summed_up
from workbench.collect import collect
from workbench.estate import load_estate
from workbench.present import busy
from workbench.present import disk as figures
from workbench.present.bench import Bench, open_bench
from workbench.share import reference_estate
from workbench.snapshot import History, load_history, read_figures


@pytest.fixture
def prepared(database, tmp_path):
    with database.connect() as connection:
        connection.execute("CREATE SCHEMA sales")
        connection.execute("CREATE TABLE sales.t AS SELECT n FROM generate_series(1, 20000) AS n")
        connection.execute("CREATE TABLE public.left_over (n int)")
    return database


def estate_of(tmp_path, url, name, storage="storage_gb = 8"):
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "x"\n[instances.main]\nurl = "{url}"\ncapacity = {{ {storage} }}\n'
        f'[services.sales]\ndatabase = "{name}"\nschemas = ["sales"]\n'
    )
    return load_estate(tmp_path)


def imported(tmp_path, estate, snapshot, *rows, hours=0):
    """The snapshot with a provider's figures of its day, ``hours`` before it."""
    at = (snapshot.at - timedelta(hours=hours)).isoformat()
    file = tmp_path / "figures.csv"
    lines = [f"{at},main,{row}\n" for row in rows]
    file.write_text("date,instance,metric,value,unit\n" + "".join(lines))
    brought = read_figures(file, estate, snapshot.at)
    every = sorted([snapshot, *brought], key=lambda s: s.at)
    return History(estate, tuple(every))


def parts(history):
    found = capacity(history)
    return disk(history, found.services, found.databases, history.newest.settled).set_index("part")


def test_the_parts_add_up_to_the_providers_figure_to_the_byte(prepared, tmp_path):
    estate = estate_of(tmp_path, prepared.url, prepared.name)
    snapshot = collect(estate)
    found = parts(imported(tmp_path, estate, snapshot, "storage_used,3.5,GB", hours=1))
    assert found["bytes"].notna().all(), found
    assert found.loc["the provider's figure", "bytes"] == 3_500_000_000
    assert found["bytes"].iloc[:-1].sum() == 3_500_000_000
    assert found.loc["unexplained", "bytes"] > 0
    assert found.loc["sales", "bytes"] >= 20000 * 28
    with prepared.connect() as connection:
        wal, size, shared = connection.execute(
            "SELECT (SELECT sum(size) FROM pg_ls_waldir()), "
            "(SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datistemplate), "
            "pg_tablespace_size('pg_global')"
        ).fetchone()
    assert found.loc["template databases", "bytes"] == size
    assert found.loc["shared catalogues", "bytes"] == pytest.approx(shared, rel=0.5)
    segment = 16 * 2**20
    assert abs(found.loc["WAL", "bytes"] - wal) <= 64 * segment
    assert found.loc["WAL", "bytes"] >= segment


def test_the_databases_and_what_is_in_them_are_the_same_bytes(prepared, tmp_path):
    estate = estate_of(tmp_path, prepared.url, prepared.name)
    history = History(estate, (collect(estate),))
    found, whole = parts(history), capacity(history).databases["bytes"].sum()
    inside = found[
        found["kind"].isin(["service", "unowned", "platform", "catalogue", "rest", "uncollected"])
    ]
    assert inside["bytes"].sum() == whole
    assert found.loc["unowned", "kind"] == "unowned"


def test_temporary_files_are_seen_while_they_are_there(prepared):
    estate_url = prepared.url
    with prepared.connect() as connection, connection.transaction():
        connection.execute("SET LOCAL work_mem = '64kB'")
        connection.execute(
            "DECLARE spilled CURSOR FOR SELECT md5(n::text) AS m FROM generate_series(1, 200000) AS n ORDER BY m"
        )
        connection.execute("FETCH 1 FROM spilled")
        from workbench.estate import estate_from_urls

        snapshot = collect(estate_from_urls([estate_url]), only={"temporary_files"})
    frame = snapshot.frame("temporary_files").set_index("tablespace")
    assert frame.loc["pg_default", "bytes"] > 1_000_000
    assert frame.loc["pg_default", "files"] >= 1
    assert "pg_global" not in frame.index


def test_a_login_without_the_privilege_is_told_the_grant_and_pg_monitor_is_enough(
    prepared, tmp_path
):
    frames = {"wal_files", "temporary_files", "shared_files"}
    with prepared.connect() as connection:
        connection.execute("CREATE ROLE sees_little LOGIN")
    try:
        url = prepared.server.url(prepared.name, "sees_little")
        estate = estate_of(tmp_path, url, prepared.name)
        little = collect(estate)
        with prepared.connect() as connection:
            connection.execute("GRANT pg_monitor TO sees_little")
        enough = collect(estate)
    finally:
        with prepared.connect() as connection:
            connection.execute("DROP ROLE sees_little")
    missing = {m.what: m.remedy for m in little.manifest.missing if m.what in frames}
    assert missing == dict.fromkeys(frames, 'GRANT pg_monitor TO "sees_little";')
    found = parts(History(estate, (little,)))
    for name in ("WAL", "temporary files", "shared catalogues", "template databases"):
        assert found.isna().loc[name, "bytes"]
        assert "GRANT pg_monitor" in found.loc[name, "because"]
    assert "WAL" in found.loc["unexplained", "because"]
    assert not {m.what for m in enough.manifest.missing} & frames
    assert parts(History(estate, (enough,))).loc[["WAL", "template databases"], "bytes"].min() > 0


@pytest.mark.parametrize(
    ("row", "used"),
    [
        ("FreeStorageSpace,7000000000,bytes", 1_000_000_000),
        ("storage_used,25,percent", 2_000_000_000),
        ("disk/bytes_used,2,GiB", 2 * 2**30),
    ],
)
def test_a_providers_own_names_and_units_are_understood(prepared, tmp_path, row, used):
    estate = estate_of(tmp_path, prepared.url, prepared.name)
    found = parts(imported(tmp_path, estate, collect(estate), row))
    assert found.loc["the provider's figure", "bytes"] == used


@pytest.mark.parametrize(
    ("rows", "hours", "why"),
    [
        ((), 0, "workbench history import"),
        (("cpu,40,percent",), 0, "workbench history import"),
        (("storage_used,2,blocks",), 0, "'blocks'"),
        (("storage_used,2,GB",), 50, "import one of that day"),
    ],
)
def test_without_a_figure_of_that_day_the_rest_is_unknown_and_says_what_to_import(
    prepared, tmp_path, rows, hours, why
):
    estate = estate_of(tmp_path, prepared.url, prepared.name)
    snapshot = collect(estate)
    history = imported(tmp_path, estate, snapshot, *rows, hours=hours) if rows else None
    found = parts(history or History(estate, (snapshot,)))
    for name in ("unexplained", "the provider's figure"):
        assert found.isna().loc[name, "bytes"]
        assert why in found.loc[name, "because"]


def test_wal_leaves_less_room_on_the_disk(prepared, tmp_path):
    estate = estate_of(tmp_path, prepared.url, prepared.name)
    found = capacity(History(estate, (collect(estate),)))
    (row,) = found.instances.to_dict("records")
    assert row["beside_bytes"] >= 16 * 2**20
    used = found.limits.set_index("kind").loc["hard", "value"]
    assert used == pytest.approx((row["bytes"] + row["beside_bytes"]) / 8e9)


def test_an_older_snapshot_says_that_it_was_not_asked(tmp_path):
    history = load_history(write_history(tmp_path / "shop" / "history", ["orders"], days=2))
    found = parts(history)
    assert found.isna().loc["WAL", "bytes"]
    assert "workbench collect" in found.loc["WAL", "because"]
    assert capacity(history).instances["beside_bytes"].isna().all()


def test_the_figure_is_a_waterfall_and_its_message_says_what_is_left(prepared, tmp_path):
    estate = estate_of(tmp_path, prepared.url, prepared.name)
    history = imported(tmp_path, estate, collect(estate), "storage_used,3.5,GB")
    drawn = figures.made_of(Bench(history))
    assert "of main's 3.5 GB are unexplained" in drawn.title
    assert "unexplained" in drawn.wide
    recorded = figures.made_of(open_bench(reference_estate("marketplace")))
    assert "smaller services" in recorded.wide
    assert "not known" in recorded.title


def brought(tmp_path, *rows):
    folder = write_history(tmp_path / "shop" / "history", ["orders"], days=5)
    file = tmp_path / "figures.csv"
    file.write_text("date,instance,metric,value,unit\n" + "".join(f"{r}\n" for r in rows))
    history = load_history(folder)
    for snapshot in read_figures(file, history.estate, history.newest.manifest.taken_at):
        snapshot.save(folder)
    return load_history(folder)


def test_a_providers_metrics_are_shown_with_latest_mean_and_peak(tmp_path):
    history = brought(
        tmp_path,
        "2026-11-01,main,cpu,40,percent",
        "2026-11-02,main,cpu,80,percent",
        "2026-11-03,main,cpu,30,percent",
        "2026-11-03,main,iops,500,per second",
    )
    cpu, iops = summed_up(metrics(history)).to_dict("records")
    assert (cpu["latest"], cpu["mean"], cpu["peak"], cpu["readings"]) == (30, 50, 80, 3)
    assert (cpu["peak_at"].day, cpu["latest_at"].day) == (2, 3)
    assert iops["readings"] == 1
    drawn = busy.provider_over_time(Bench(history))
    assert drawn.title == "What the provider measured of cpu, percent"
    assert "iops" not in drawn.wide, "one reading is no line"


def test_nothing_imported_says_how_it_would_be(tmp_path):
    history = load_history(write_history(tmp_path / "shop" / "history", ["orders"], days=2))
    assert "workbench history import" in busy.provider_metrics(Bench(history))._repr_html_()
    assert "two readings" in busy.provider_over_time(Bench(history)).title


def test_a_metric_with_a_hostile_name_breaks_nothing(tmp_path):
    history = brought(
        tmp_path,
        "2026-11-01,main,<script>$x$,-1,<b>",
        "2026-11-02,main,<script>$x$,0,<b>",
    )
    for shown in (busy.provider_over_time, busy.provider_metrics):
        html = shown(Bench(history))._repr_html_()
        assert "<script" not in html
        assert "<b>" not in html
