"""The demonstration: a real estate, true figures, and nothing left behind however it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from patience import LONG
from workbench.analyse.capacity import capacity
from workbench.analyse.sessions import sessions
from workbench.lab.demo import play_demo
from workbench.lab.workload import load_workload
from workbench.snapshot import load_history

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def demo():
    with play_demo("marketplace", days=1) as running:
        yield running


@pytest.fixture(scope="module")
def found(demo):
    return capacity(load_history(demo.folder / "history"))


@pytest.fixture(scope="module")
def psql(demo):
    url = demo.environ["MARKETPLACE_URL"].replace("workbench@", "postgres@", 1)
    with psycopg.connect(url, autocommit=True) as connection:
        yield lambda text: connection.execute(text).fetchone()[0]


def test_a_shell_reads_the_variables_from_a_file_of_the_owners(demo):
    assert demo.settings.stat().st_mode & 0o077 == 0
    script = f'. "$1" && {sys.executable} -c "import json, os; print(json.dumps(dict(os.environ)))"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", demo.settings], capture_output=True, text=True, check=True
    )
    assert demo.environ.items() <= json.loads(done.stdout).items()
    assert f"  . {demo.settings}" in demo.invitation()


SCHEMA = "WHERE relnamespace = '{}'::regnamespace AND relkind IN ('r', 'm', 'S')"
FIGURES = {
    "bytes of order": (
        "order",
        "total_bytes",
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class " + SCHEMA,
    ),
    "indexes of product": (
        "product",
        "index_bytes",
        "SELECT sum(pg_indexes_size(oid)) FROM pg_class " + SCHEMA,
    ),
    "TOAST of payment": (
        "payment",
        "toast_bytes",
        "SELECT sum(pg_total_relation_size(reltoastrelid)) FROM pg_class "
        + SCHEMA
        + " AND reltoastrelid <> 0",
    ),
    "heap of user": (
        "user",
        "heap_bytes",
        "SELECT sum(pg_table_size(oid) - CASE WHEN reltoastrelid = 0 THEN 0 ELSE pg_total_relation_size(reltoastrelid) END) FROM pg_class "
        + SCHEMA,
    ),
    "rows of auth": (
        "auth",
        "rows",
        "SELECT sum(n_live_tup) FROM pg_stat_all_tables WHERE schemaname = '{}'",
    ),
    "tables of search": (
        "search",
        "tables",
        "SELECT count(*) FROM pg_class "
        + SCHEMA.replace("'m', 'S'", "'p'")
        + " AND NOT relispartition",
    ),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_a_services_figure_is_what_psql_says(found, psql, figure):
    service, column, text = FIGURES[figure]
    row = found.services.set_index("service").loc[service]
    assert row[column] == psql(text.format(f"{service}_service"))
    assert row[column] > 0


def test_a_partitioned_table_is_the_sum_of_its_leaves(found, psql):
    row = found.relations.set_index(["schema", "table"]).loc[
        "notification_service", "notifications"
    ]
    leaves = "FROM pg_partition_tree('notification_service.notifications') WHERE isleaf"
    assert row["total_bytes"] == psql(f"SELECT sum(pg_total_relation_size(relid)) {leaves}")
    assert row["partitions"] == psql(f"SELECT count(*) {leaves}")
    assert row["kind"] == "p"


def test_the_database_is_the_sum_of_its_parts(found, psql):
    row = found.databases.set_index("database").loc["hos_marketplace"]
    assert row["bytes"] == psql("SELECT pg_database_size('hos_marketplace')")
    assert row["catalogue_bytes"] == psql(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind IN ('r', 'm') AND NOT relisshared "
        "AND relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    )


def test_unowned_and_platform_are_what_nobody_claims(found):
    relations = found.relations
    assert set(relations.loc[relations["standing"] == "unowned", "schema"]) == {"legacy_import"}
    platform = relations[(relations["standing"] == "platform") & relations["kind"].isin(["r"])]
    assert set(platform["table"]) == {"_prisma_migrations"}


def test_who_ran_what_is_seen_while_the_day_is_played(demo):
    history = load_history(demo.folder / "history")
    seen = sessions(history)
    assert seen.instances["active_sessions"].notna().all()
    assert {"order-service", "payment-service"} <= set(seen.callers["application_name"])
    texts = history.newest.frame("statement_texts", "queryid")["queryid"]
    assert set(seen.statements["query_id"]) & set(texts)
    assert set(seen.callers["usename"]) == {
        p.login for p in load_workload(demo.folder).sessions.values()
    }


ENDINGS = [
    pytest.param("makes databases", signal.SIGINT, 130, marks=LONG),
    pytest.param("day 1 of", signal.SIGINT, 130, marks=LONG),
    ("01_capacity: running", signal.SIGINT, 130),
    ("day 1 of", signal.SIGTERM, 143),
    pytest.param("day 1 of", signal.SIGHUP, 129, marks=LONG),
]


@pytest.mark.parametrize(("moment", "ending", "code"), ENDINGS)
def test_a_review_that_is_ended_in_the_middle_leaves_nothing(tmp_path, moment, ending, code):
    out = tmp_path / "reports"
    command = ["demo", "marketplace", "--review", "--days", "2", "--out", out]
    with subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", *command],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    ) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if moment in line:
                break
        family = psutil.Process(process.pid).children(recursive=True)
        folders = {
            Path(a) for p in family for a in p.cmdline() if "workbench-" in a and a[:1] == "/"
        }
        os.killpg(process.pid, ending)
        said += process.stderr.readlines()
        assert process.wait(60) == code, "".join(said)
    assert folders, "the server's folder is on its command line"
    _, alive = psutil.wait_procs(family, 30)
    assert alive == []
    assert "Traceback" not in "".join(said)
    assert [f for f in folders if f.exists()] == []
    assert [p for p in tmp_path.iterdir() if p != out] == []
    assert not list(out.glob("*/2*")), "a report was published"
    for status in out.glob("*/status.json"):
        assert json.loads(status.read_text())["status"] == "failed"
