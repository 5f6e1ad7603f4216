"""The commands as a person and a script use them: words, exit codes, one JSON document and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.share import reference_estate

ESTATE = (
    '[estate]\nname = "two"\n[instances.main]\nurl = "{url}"\n[services.shop]\nschemas = ["shop"]\n'
)


def workbench(*arguments, cwd=None, **environ):
    """Run the command in a process of its own, as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ
        | {"COLUMNS": "80", "PYTHONPATH": str(Path(__file__).parent.parent)}
        | environ,
    )


@pytest.fixture
def estate(database, tmp_path):
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("CREATE EXTENSION pg_walinspect")
        connection.execute("CREATE SCHEMA shop")
        connection.execute("CREATE TABLE shop.orders AS SELECT generate_series(1, 1000) AS id")
        connection.execute("CREATE SCHEMA scratch")
        connection.execute("CREATE TABLE scratch.left_behind (id int)")
    with database.connect() as connection:
        connection.execute("VACUUM")
        connection.execute("ANALYZE")
    (tmp_path / "estate.toml").write_text(ESTATE.format(url=database.url))
    return tmp_path


def test_every_command_of_the_contract_explains_itself():
    listed = workbench("--help")
    assert listed.returncode == 0
    for command in (
        "init",
        "check",
        "collect",
        "history",
        "capacity",
        "workload",
        "review",
        "demo",
        "lab",
    ):
        assert re.search(rf"\b{command}\b", listed.stdout), command
        shown = workbench(command, "--help")
        assert shown.returncode == 0, shown.stderr
        assert "Usage" in shown.stdout


@pytest.mark.parametrize("command", ["check", "collect", "capacity", "workload", "review"])
def test_no_estate_is_wrong_usage_and_names_the_way_out(command):
    done = workbench(command)
    assert done.returncode == 2
    assert "--estate PATH" in done.stderr
    assert "workbench init" in done.stderr


@pytest.mark.parametrize(
    "command", ["check", "collect", "capacity", "workload", "review", "history"]
)
def test_an_estate_that_is_not_there_is_named(command, tmp_path):
    arguments = [command, "list"] if command == "history" else [command]
    done = workbench(*arguments, "--estate", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_estate_file_is_refused_with_file_key_and_nearest_name(tmp_path):
    (tmp_path / "estate.toml").write_text(
        '[estate]\nname = "x"\n[instances.main]\nrul = "service=a"\n'
    )
    done = workbench("collect", "--estate", tmp_path)
    assert done.returncode == 2
    for word in ("estate.toml", "instances.main.rul", "url"):
        assert word in done.stderr, word


def test_an_unknown_option_is_wrong_usage():
    done = workbench("collect", "--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr


def test_a_server_that_is_down_is_exit_code_three(tmp_path):
    (tmp_path / "estate.toml").write_text(
        ESTATE.format(url="postgresql://u:t0psecret@127.0.0.1:1/d")
    )
    for command in ("collect", "review", "check"):
        done = workbench(command, "--estate", tmp_path, cwd=tmp_path)
        assert done.returncode == 3, done.stderr
        assert "refused" in done.stdout + done.stderr
        assert "t0psecret" not in done.stdout + done.stderr
    assert not (tmp_path / "history").exists()


def test_a_sample_is_taken_where_it_is_asked_for(estate):
    done = workbench("collect", "--estate", estate, "--sample", "1s@5", "--json")
    assert done.returncode == 0, done.stderr
    taken = {t["frame"] for t in json.loads(done.stdout)["collect"]["taken"]}
    assert {"sampling", "session_samples", "transaction_samples"} <= taken


def test_a_sample_that_is_too_long_is_wrong_usage(estate):
    done = workbench("collect", "--estate", estate, "--sample", "1000s")
    assert done.returncode == 2
    assert "1000 s" in done.stderr
    assert not (estate / "history").exists()


def test_collect_then_list_then_capacity(estate):
    done = workbench("collect", "--estate", estate, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document) == {"coverage", "collect"}
    assert document["coverage"]["missing"] == []
    assert {t["frame"] for t in document["collect"]["taken"]} >= {"sizes", "statements", "columns"}

    listed = json.loads(workbench("history", "list", "--estate", estate, "--json").stdout)
    (row,) = listed["history"]
    assert row["id"] == document["collect"]["id"]

    told = workbench("capacity", "--estate", estate, "--json").stdout
    found = json.loads(told, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert all(r["because"] or r["value"] is not None for r in found["capacity"])
    rows = {(r["service"], r["schema"], r["table"], r["metric"]): r for r in found["capacity"]}
    assert rows["shop", "shop", "orders", "rows"]["value"] == 1000
    assert rows["shop", None, None, "bytes"]["per_day"] is None
    assert "one day only" in rows["shop", None, None, "bytes"]["because"]
    assert {r["standing"] for r in found["capacity"]} >= {"owned", "unowned"}

    shown = workbench("capacity", "--estate", estate)
    assert shown.returncode == 0, shown.stderr
    assert "(unowned)" in shown.stdout
    assert "nan" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80

    alone = json.loads(
        workbench("capacity", "--json", "--snapshot", document["collect"]["path"]).stdout
    )
    assert alone["capacity"] == found["capacity"]


def test_partly_reached_is_done_and_says_partial(estate, database):
    with (estate / "estate.toml").open("a") as file:
        file.write('[services.gone]\ndatabase = "no_such_database"\n')
    text = (estate / "estate.toml").read_text()
    (estate / "estate.toml").write_text(
        text.replace("[services.shop]\n", f'[services.shop]\ndatabase = "{database.name}"\n')
    )
    done = workbench("collect", "--estate", estate, "--json")
    assert done.returncode == 0, done.stderr
    coverage = json.loads(done.stdout)["coverage"]
    assert coverage["status"] == "partial"
    assert any(m["database"] == "no_such_database" for m in coverage["missing"])


def test_check_names_faults_and_statements(estate):
    with (estate / "estate.toml").open("a") as file:
        file.write('[services.ghost]\nschemas = ["shopp"]\n')
    done = workbench("check", "--estate", estate, "--json")
    assert done.returncode == 0, done.stderr
    findings = {f["rule"]: f for f in json.loads(done.stdout)["check"]}
    assert findings["login-too-strong"]["remediation"].startswith("CREATE ROLE")
    assert "shop" in findings["declared-matches-nothing"]["detail"]
    assert "left_behind" in findings["unowned"]["detail"]
    assert all(f["key"] and f["remediation"] for f in findings.values())
    assert workbench("check", "--estate", estate).stdout


def test_check_on_a_bare_server_says_what_is_missing(database):
    done = workbench("check", "--url", database.url, "--json")
    findings = {f["rule"]: f for f in json.loads(done.stdout)["check"]}
    assert "CREATE EXTENSION pg_stat_statements" in findings["unread-statements"]["remediation"]


def test_init_drafts_what_check_accepts_and_update_keeps_what_was_written(
    estate, database, tmp_path
):
    file = tmp_path / "drafted.toml"
    done = workbench("init", database.url, "-o", file)
    assert done.returncode == 0, done.stderr
    assert "[services.shop]" in file.read_text()
    assert workbench("check", "--estate", file).returncode == 0
    assert workbench("init", database.url, "-o", file).returncode == 2
    mine = file.read_text().replace(
        "[services.shop]", '# ours since 2019\n[services.shop]\nteam = "checkout"'
    )
    file.write_text(mine)
    with database.connect() as connection:
        connection.execute("CREATE SCHEMA brand_new")
        connection.execute("CREATE TABLE brand_new.t (id int)")
    assert workbench("init", database.url, "-o", file, "--update").returncode == 0
    after = file.read_text()
    assert "# ours since 2019" in after
    assert 'team = "checkout"' in after
    assert "[services.brand_new]" in after


def test_init_without_a_file_prints_and_writes_nothing(database, tmp_path):
    done = workbench("init", database.url, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("#")
    assert list(tmp_path.iterdir()) == []
    assert workbench("init", database.url, "--update").returncode == 2


def test_a_recorded_estate_opens_with_no_server_at_all():
    done = workbench("capacity", "--estate", reference_estate("marketplace"), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["coverage"]["simulated"]
    assert document["coverage"]["period"]["snapshots"] == 28
    assert all(
        r["per_day"] is not None
        for r in document["capacity"]
        if r["metric"] == "bytes" and r["schema"]
    )


def test_documents_are_the_same_every_time():
    arguments = ("capacity", "--estate", reference_estate("marketplace"), "--json")
    assert workbench(*arguments).stdout == workbench(*arguments, PYTHONHASHSEED="7").stdout


def test_a_target_that_is_too_old_is_exit_code_three(estate):
    with (estate / "estate.toml").open("a") as file:
        file.write('[services.gone]\ndatabase = "gone"\n')
    assert workbench("collect", "--estate", estate).returncode == 0
    (manifest,) = (estate / "history" / "snapshots").glob("*.json")
    old = json.loads(manifest.read_text())
    old |= {"at": "2020-01-01T00:00:00+00:00", "taken_at": "2020-01-01T00:00:00+00:00"}
    old["parts"] = [p | {"database": "gone"} for p in old["parts"][:1]]
    manifest.write_text(json.dumps(old))
    done = workbench("collect", "--estate", estate)
    assert done.returncode == 3, done.stderr
    assert "/gone: last read 2020-01-01" in done.stderr


def test_a_real_day_does_not_follow_simulated_ones(database, tmp_path):
    shutil.copytree(reference_estate("marketplace"), tmp_path / "m")
    done = workbench("collect", "--estate", tmp_path / "m", MARKETPLACE_URL=database.url)
    assert done.returncode == 2, done.stderr
    assert "simulated days" in done.stderr
    assert "--offline" in done.stderr


def test_a_history_that_cannot_be_written_is_one_line(estate, tmp_path):
    (tmp_path / "blocked").write_text("a file where a folder should be")
    done = workbench("collect", "--estate", estate, "--history", tmp_path / "blocked")
    assert done.returncode == 2
    assert "blocked" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_makes_the_folder_it_writes_to(database, tmp_path):
    done = workbench("init", database.url, "-o", tmp_path / "new" / "estate.toml")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "estate.toml").exists()


def test_an_unknown_reference_estate_is_refused():
    done = workbench("demo", "marketplce")
    assert done.returncode == 2
    assert "marketplace" in done.stderr


def test_a_day_that_is_no_day_is_refused():
    done = workbench("capacity", "--estate", reference_estate("marketplace"), "--until", "soon")
    assert done.returncode == 2
    assert "2026-" in done.stderr
