"""Reviews: what is called done is done, what is published is whole, and nothing outlives an interruption."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from notebook_cells import write_notebook
from small_history import write_history
from workbench.errors import SnapshotError, UsageError
from workbench.model import Missing
from workbench.present.text import file_name
from workbench.review import Wanted, run_notebooks, run_review
from workbench.review.execute import check_parameters
from workbench.review.publish import publish, staging, write_status


@pytest.fixture
def history(tmp_path):
    return write_history(tmp_path / "small" / "history", ["orders", "users"], days=3)


def status(out):
    return json.loads((out / "status.json").read_text())


# -- what is done, and what is not


FAULTS = {
    "raises midway": ("raise ValueError('<b>no</b>')", "ValueError: <b>no</b>; later cells"),
    "exits at its end": ("import sys; sys.exit(0)", "SystemExit"),
    "killed midway": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "kernel ended"),
    "vanishes at its end": ("import os; os._exit(0)", "kernel ended"),
}

ODD = "/tmp/{estate} \"quoted\" 'too'\\n $(id)"

CLEAN = "import sys; assert 'intruder' not in globals(); print(sys.executable)"

MEET = """
import pathlib, time
pathlib.Path({mine!r}).touch()
while not pathlib.Path({other!r}).exists(): time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The outcomes of good and faulty notebooks, run in one go by a person with an odd set-up.

    A start-up file that raises, a kernel called python3 that is none, a site's Jupyter settings.
    """
    folder = tmp_path_factory.mktemp("ran")
    kernel = folder / "home/.local/share/jupyter/kernels/python3"
    startup = folder / "home/.ipython/profile_default/startup"
    kernel.mkdir(parents=True)
    startup.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        '{"argv": ["false"], "display_name": "x", "language": "python"}'
    )
    (startup / "00.py").write_text("intruder = 1")
    (folder / "startup.py").write_text("intruder = 1")
    cells = {
        fault: ["# A title", "ran = 1", source, *(["never = 1"] if "midway" in fault else [])]
        for fault, (source, _) in FAULTS.items()
    }
    one, two = str(folder / "one.here"), str(folder / "two.here")
    cells["one"] = [MEET.format(mine=one, other=two)]
    cells["two"] = [MEET.format(mine=two, other=one)]
    cells["good"] = ["print(repr(estate), until)", "   ", CLEAN]
    notebooks = [write_notebook(folder / f"{name}.ipynb", *told) for name, told in cells.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("PYTHONSTARTUP", str(folder / "startup.py"))
        patch.setenv("JUPYTER_PATH", str(folder / "home/.local/share/jupyter"))
        parameters = {"estate": ODD}
        outcomes = run_notebooks(notebooks, parameters, folder / "w", timeout=300, at_once=3)
    assert [outcome.name for outcome in outcomes] == list(cells)
    return {outcome.name: outcome for outcome in outcomes}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_notebook_that_did_not_run_to_its_end_is_failed_and_names_the_cell(fault, ran):
    source, said = FAULTS[fault]
    assert ran[fault].cell == 3  # the parameters are the first, prose is not counted
    assert ran[fault].failure.startswith(f"code cell 3, `{source[:40]}")
    assert said in ran[fault].failure
    assert ran[fault].to_json()["status"] == "failed"


def test_a_notebook_that_runs_too_long_is_ended_and_names_the_cell(tmp_path):
    notebook = write_notebook(tmp_path / "long.ipynb", "ran = 1", "import time; time.sleep(600)")
    for number, timeout in enumerate((6, 20, 60)):  # as long as this machine takes to get there
        (outcome,) = run_notebooks([notebook], {}, tmp_path / str(number), timeout=timeout)
        assert f"still running after {timeout} s" in outcome.failure
        if outcome.cell == 3:
            break
    assert outcome.failure.startswith("code cell 3, `import time; time.sleep(600)`")
    assert outcome.to_json()["status"] == "failed"


def test_a_notebook_that_ran_is_done_with_the_parameters_it_was_given(ran):
    """An empty cell is not an unrun one."""
    assert ran["good"].failure is None
    outputs = [cell.outputs for cell in ran["good"].notebook.cells if cell.get("outputs")]
    assert outputs[0][0].text == f"{ODD!r} None\n"


def test_a_persons_own_set_up_does_not_reach_the_notebooks(ran):
    assert ran["good"].failure is None
    assert ran["good"].notebook.cells[-1].outputs[0].text.strip() == sys.executable


def test_notebooks_run_side_by_side(ran):
    """Each waits for the other's file: one after the other, both would wait for ever."""
    assert [ran["one"].failure, ran["two"].failure] == [None, None]


# -- parameters


def test_an_unknown_parameter_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "1")
    with pytest.raises(UsageError, match=r"no parameter 'esate'; it has estate, history"):
        check_parameters(notebook, {"esate": "x"})


def test_a_notebook_without_parameters_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "1", parameters=None)
    with pytest.raises(UsageError, match="tag 'parameters'"):
        check_parameters(notebook, {"estate": "x"})


@pytest.mark.parametrize(
    "value",
    ["postgresql://app:hunter2@db/shop", "host=db password=hunter2", "PGPASSWORD='hunter2'"],
)
def test_a_secret_is_refused_as_a_parameter_and_not_repeated(value, tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "1")
    with pytest.raises(UsageError, match="looks like a secret") as caught:
        check_parameters(notebook, {"estate": value})
    assert "hunter2" not in str(caught.value)


def test_a_parameter_named_like_a_secret_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "1", parameters="api_token = None")
    with pytest.raises(UsageError, match="looks like a secret"):
        check_parameters(notebook, {"api_token": "x"})


# -- what is published


def test_a_review_is_published_whole_and_latest_points_to_it(history, tmp_path):
    notebook = write_notebook(tmp_path / "07_one.ipynb", "# One\n\nAnswers it.", "1 + 1")
    out = tmp_path / "reports"
    result = run_review(None, history, Wanted(notebooks=(notebook,)), out=out)
    place = out / "small"
    assert result.status == status(place)["status"] == status(result.folder)["status"] == "done"
    assert str((place / "latest").readlink()) == result.folder.name == status(place)["report"]
    assert sorted(p.name for p in place.iterdir()) == sorted(
        ["latest", result.folder.name, "status.json"]
    )
    assert sorted(p.name for p in result.folder.iterdir()) == [
        "assets",
        "index.html",
        "one.html",
        "service",
        "status.json",
    ]
    assert result.exit_code == 0


def test_a_failed_review_is_published_but_latest_stays_on_the_last_good_one(history, tmp_path):
    out = tmp_path / "reports"
    good = write_notebook(tmp_path / "n.ipynb", "1")
    first = run_review(None, history, Wanted(notebooks=(good,)), out=out)
    bad = write_notebook(tmp_path / "n.ipynb", "raise ValueError('<script>alert(1)</script>')")
    second = run_review(None, history, Wanted(notebooks=(bad,)), out=out)
    place = out / "small"
    assert (place / "latest").resolve() == first.folder
    assert status(place)["status"] == "failed"
    assert status(place)["report"] == second.folder.name
    assert second.exit_code == 3
    index = second.index.read_text()
    assert "code cell 2" in index
    assert "<script>alert" not in index + (second.folder / "n.html").read_text()


def test_an_estate_that_was_not_reached_whole_is_partial(tmp_path):
    gap = Missing("database", "main", "secret", "permission denied", "GRANT CONNECT ...")
    folder = write_history(tmp_path / "small" / "history", ["orders"], days=2, missing=(gap,))
    notebook = write_notebook(tmp_path / "n.ipynb", "1")
    result = run_review(None, folder, Wanted(notebooks=(notebook,)), out=tmp_path / "reports")
    assert result.status == "partial"
    assert (tmp_path / "reports/small/latest").resolve() == result.folder
    assert "permission denied" in result.index.read_text()


def test_without_a_snapshot_nothing_is_published(tmp_path):
    with pytest.raises(SnapshotError):
        run_review(None, tmp_path / "empty" / "history", out=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_two_reviews_of_one_second_do_not_clash(tmp_path):
    at = datetime(2026, 11, 28, 2, tzinfo=UTC)
    names = []
    for text in ("a", "b"):
        with staging(tmp_path) as folder:
            (folder / "report").mkdir()
            (folder / "report" / "index.html").write_text(text)
            names.append(publish(folder / "report", tmp_path, at, latest=True).name)
    assert names == ["20261128T020000Z", "20261128T020000Z-2"]
    assert (tmp_path / "latest" / "index.html").read_text() == "b"
    assert not list(tmp_path.glob(".*"))


def test_reviews_of_an_estate_never_overlap_and_what_a_killed_one_left_is_swept(history, tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from workbench.review.publish import staging\n"
    )
    code += "with staging(Path(sys.argv[1])) as folder: print(folder, flush=True); time.sleep(600)"
    place = tmp_path / "small"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE, text=True
    )
    theirs = Path(other.stdout.readline().strip())
    running = {"status": "running", "started": "2026-11-28T02:00:00+00:00", "pid": 7}
    write_status(place / "status.json", running)
    try:
        with pytest.raises(UsageError, match=r"running there since 2026-11-28T02.*process 7"):
            run_review(None, history, out=tmp_path)
        assert theirs.exists()
        assert status(place) == running
    finally:
        other.kill()
        other.communicate()
    assert theirs.exists()
    with staging(place):
        assert not theirs.exists()


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", ".hidden", "..", "<b>", "x" * 300, "\x00", "", "a b"]
)
def test_a_hostile_estate_name_stays_in_its_folder(name, tmp_path):
    write_status(tmp_path / "reports" / file_name(name) / "status.json", {"status": "done"})
    (folder,) = (tmp_path / "reports").iterdir()
    assert not folder.name.startswith(".")
    assert [p.name for p in tmp_path.iterdir()] == ["reports"]


def test_names_that_differ_have_folders_that_differ():
    names = ["a/b", "a b", "a-b", "A/b", "", "-", "заказы", "orders"]
    assert len({file_name(name) for name in names}) == len(names)


# -- interruption


REVIEW = """
import sys
from pathlib import Path
from workbench.review import Wanted, run_review
out, history, notebook = map(Path, sys.argv[1:])
print("ready", flush=True)
run_review(None, history, Wanted(notebooks=(notebook,)), out=out, progress=lambda line: print(line, flush=True))
"""


def started(tmp_path, history):
    """A review in a process of its own, stopped in the middle of a cell; with the pid of its kernel."""
    mark = tmp_path / "kernel"
    source = f"""
    import os, time
    open({str(mark)!r} + ".new", "w").write(str(os.getpid()))
    os.rename({str(mark)!r} + ".new", {str(mark)!r})
    time.sleep(600)
    """
    notebook = write_notebook(tmp_path / "long.ipynb", textwrap.dedent(source))
    command = [sys.executable, "-c", REVIEW, str(tmp_path / "reports"), str(history), str(notebook)]
    review = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not mark.exists():
        assert review.poll() is None, review.communicate()
        time.sleep(0.05)
    children = [child.pid for child in psutil.Process(review.pid).children(recursive=True)]
    assert int(mark.read_text()) in children
    return review, children


def gone(pids):
    """Wait until the processes are no more; True if they went."""
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        alive = [pid for pid in pids if psutil.pid_exists(pid)]
        alive = [pid for pid in alive if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
        if not alive:
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_leaves_no_process_and_no_half_report(history, tmp_path):
    review, children = started(tmp_path, history)
    review.send_signal(signal.SIGINT)
    _, errors = review.communicate(timeout=60)
    assert review.returncode in (-signal.SIGINT, 130, 1)
    assert "KeyboardInterrupt" in errors
    assert gone(children)
    place = tmp_path / "reports" / "small"
    assert [p.name for p in place.iterdir()] == ["status.json"]
    assert status(place)["status"] == "failed"
    assert status(place)["because"] == "interrupted"


def test_a_review_that_is_killed_takes_its_kernels_along_and_is_never_called_done(
    history, tmp_path
):
    review, children = started(tmp_path, history)
    review.kill()
    review.communicate()
    assert gone(children)
    assert status(tmp_path / "reports" / "small")["status"] == "running"
    assert not (tmp_path / "reports" / "small" / "latest").exists()
