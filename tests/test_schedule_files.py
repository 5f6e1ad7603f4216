"""What is in deploy/: each file is taken by its own tool, and means what the documentation says."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from workbench.cli.commands import app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
COMMAND = "/opt/workbench/.venv/bin/workbench"
pytestmark = pytest.mark.skipif(not DEPLOY.exists(), reason="this is no checkout")


def options():
    from typer.main import get_command

    review = get_command(app).commands["review"]
    return {option for parameter in review.params for option in parameter.opts}


def test_systemd_takes_the_units(tmp_path):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace(COMMAND, sys.executable)
        (tmp_path / unit.name).write_text(text)
    command = [tool, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True)
    if "Failed to initialize manager" in done.stderr:
        pytest.skip(f"systemd-analyze cannot work here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_say_what_a_night_needs():
    timer = (UNITS / "workbench-review.timer").read_text()
    service = (UNITS / "workbench-review.service").read_text()
    assert "Persistent=true" in timer
    assert "Type=oneshot" in service
    assert "EnvironmentFile=-" in service
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(
        service.splitlines()
    )


def jobs():
    lines = (DEPLOY / "cron" / "workbench").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    return [line for line in lines if not re.match(r"[A-Z]+=", line)]


def test_cron_takes_the_job(tmp_path):
    tool = shutil.which("crontab")
    helped = subprocess.run([tool, "-h"], capture_output=True, text=True) if tool else None
    told = helped.stdout + helped.stderr if helped else ""
    check = "-T" if re.search(r"-T\b", told) else "-n" if re.search(r"-n\b.*dry", told) else None
    if check is None:
        pytest.skip("no crontab is installed that can check a file")
    done = subprocess.run([tool, check, str(DEPLOY / "cron" / "workbench")], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_cron_job_is_one_line_with_a_user_and_no_percent_sign():
    (job,) = jobs()
    *moment, user, command = job.split(None, 6)
    assert len(moment) == 5
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in moment)
    assert user == "workbench"
    assert "%" not in command  # cron makes a new line of it
    assert command.startswith("flock -n ")
    assert (DEPLOY / "cron" / "workbench").read_text().endswith("\n")


def night(tmp_path, ending):
    """The command of the cron job, its paths in a folder, its workbench a script that ends with a code."""
    (job,) = jobs()
    command = job.split(None, 6)[6]
    script = tmp_path / "workbench"
    script.write_text(f"#!/bin/sh\necho told\nexit {ending}\n")
    script.chmod(0o755)
    command = command.replace(COMMAND, str(script)).replace("/var/lib/workbench", str(tmp_path))
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_cron_mails_what_failed_and_nothing_else(tmp_path):
    assert night(tmp_path, 0).stdout == ""
    assert "ended with code 3" in night(tmp_path, 3).stdout
    assert (tmp_path / "review.log").read_text() == "told\ntold\n"


def documents():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "cronjob.yaml").read_text()))


def test_kubernetes_takes_the_job():
    schema = json.loads((ROOT / "tests/expected/kubernetes-1.31.json").read_text())
    names = {"CronJob": "io.k8s.api.batch.v1.CronJob"}
    names["PersistentVolumeClaim"] = "io.k8s.api.core.v1.PersistentVolumeClaim"
    for document in documents():
        wanted = {"$ref": f"#/$defs/{names[document['kind']]}", **schema}
        assert [e.message for e in Draft202012Validator(wanted).iter_errors(document)] == []
    document["spec"]["concurencyPolicy"] = "Forbid"
    assert [e.validator for e in Draft202012Validator(wanted).iter_errors(document)]


def test_the_kubernetes_job_never_overlaps_and_is_locked_down():
    (job,) = [d for d in documents() if d["kind"] == "CronJob"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    volumes = {v["name"] for v in pod["volumes"]}
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {m["name"] for m in container["volumeMounts"]} <= volumes


def test_every_option_that_a_schedule_gives_is_one():
    (job,) = jobs()
    service = (UNITS / "workbench-review.service").read_text()
    (cronjob,) = [d for d in documents() if d["kind"] == "CronJob"]
    pod = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    started = re.search(r"^ExecStart=(.*)$", service, re.MULTILINE).group(1)
    for words in (
        shlex.split(job.split(">>")[0]),
        shlex.split(started),
        pod["containers"][0]["args"],
    ):
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert "--check" in given
        assert given <= options()


def test_the_documentation_names_each_file_and_each_exit_code():
    text = (ROOT / "docs" / "schedule.md").read_text()
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert os.fspath(path.relative_to(ROOT)) in text
    assert {f"| {code} |" for code in (0, 1, 2, 3)} <= {line[:5] for line in text.splitlines()}


def test_the_example_for_airflow_is_python():
    text = (ROOT / "docs" / "schedule.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(example, "schedule.md", "exec")
    given = set(re.findall(r"--[a-z]+", example))
    assert given <= options()
