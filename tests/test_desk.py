"""The notebooks on the desk: opened in JupyterLab, run by hand, with limits of one's own; nothing of it is kept."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest

from chromium import CHROMIUM, FLAGS
from notebook_cells import write_notebook
from patience import LONG
from workbench import open_bench
from workbench.errors import EstateError
from workbench.present import separation as show
from workbench.present.html import Frame, notebook_page
from workbench.review.desk import save_without_outputs
from workbench.review.execute import judge
from workbench.share import reference_estate, shared

ESTATES = sorted(found.parent for found in (shared("data") / "estates").glob("*/history"))
NOTEBOOKS = sorted(shared("notebooks").glob("*.ipynb"))


# -- another limit


@pytest.fixture(scope="module")
def bench():
    """One reading of an estate whose verdicts are known; it costs least."""
    place = reference_estate("hauspet-small")
    newest = max((place / "history" / "snapshots").glob("*.json"))
    return open_bench(place, snapshot=newest)


def test_another_limit_changes_verdicts_and_not_the_estate(bench):
    written, digest = bench.estate.thresholds, bench.estate.digest
    other = bench.with_limit("total_bytes", service="app", hard=1, unit="bytes")
    shown = show.otherwise(bench, other).frame.set_index("what")
    assert shown.loc["hard limit on total bytes of app", "before"] == "–"
    assert shown.loc["hard limit on total bytes of app", "after"].startswith("1 B: crossed")
    assert shown.loc["verdict of app", "before"] == "not needed"
    assert shown.loc["verdict of app", "after"] != "not needed"
    assert (bench.estate.thresholds, bench.estate.digest) == (written, digest)
    assert other.coverage.estate_digest != bench.coverage.estate_digest


def test_it_stands_in_place_of_the_one_that_is_written(bench):
    once = bench.with_limit("rows", service="app", soft=10, hard=70)
    twice = once.with_limit("rows", service="app", hard=90)
    held = [t for t in twice.estate.thresholds if (t.metric, t.service) == ("rows", "app")]
    assert [(t.soft, t.hard) for t in held] == [(10, None), (None, 90)]


def test_limits_as_written_say_how_to_name_another(bench):
    assert "Name another in the cell above" in repr(show.otherwise(bench, bench))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"metric": "bytes"}, "bytes"),
        ({"service": "ap", "hard": 1}, "nearest valid: 'app'"),
        ({"instance": "x", "hard": 1}, "no instance 'x'"),
        ({"servic": "app", "hard": 1}, "nearest valid: 'service'"),
        ({"service": "app"}, "give soft, hard or low"),
        ({"hard": "1"}, "hard: '1' is not a number"),
        ({"hard": 1, "unit": "parsec"}, "not in 'parsec'"),
        ({"service": "app", "soft": 2, "hard": 1}, "must be above soft"),
    ],
)
def test_a_limit_that_could_not_be_written_is_refused(given, said, bench):
    with pytest.raises(EstateError, match=said):
        bench.with_limit(**{"metric": "total_bytes", **given})


# -- what is saved, and what is published


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saving_a_notebook_that_was_run_leaves_it_as_it_is_committed(path, tmp_path):
    ran = nbformat.read(path, as_version=4)
    ran.metadata["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    ran.metadata["language_info"]["version"] = "3.11.7"
    for number, cell in enumerate(ran.cells):
        cell.metadata["trusted"] = True
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text="figures of an estate")]
    save_without_outputs({"type": "notebook", "content": ran}, f"/{path.name}")
    nbformat.write(ran, tmp_path / "saved.ipynb")
    saved, committed = (nbformat.read(p, as_version=4) for p in (tmp_path / "saved.ipynb", path))
    for cell in committed.cells:
        if cell.cell_type == "code":
            cell.execution_count = None  # null, or left out
    assert saved == committed


def test_a_persons_own_notebook_is_saved_as_it_is(tmp_path):
    cell = {"cell_type": "code", "outputs": [1], "execution_count": 1, "metadata": {}}
    for path in ("mine.ipynb", "00_overview-Copy1.ipynb", "kept/00_overview.ipynb"):
        save_without_outputs({"type": "notebook", "content": {"cells": [cell]}}, path)
    save_without_outputs({"type": "file", "content": "text"}, "00_overview.ipynb")
    assert cell["outputs"] == [1]


def test_cells_for_the_desk_are_not_published(tmp_path):
    path = write_notebook(tmp_path / "n.ipynb", "# One\n\nAnswers.", "'for all'", "'for the desk'")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].metadata["tags"] = ["desk"]
    page = notebook_page(notebook, Frame("shop", "", False, "", "", ""), here="n.html")
    assert "for all" in page
    assert "for the desk" not in page


# -- by hand


@LONG
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("estate", ESTATES, ids=lambda path: path.name)
def test_each_notebook_runs_on_each_reference_estate(estate, path, tmp_path):
    """By papermill alone, as a person runs it."""
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(path)]
    done = subprocess.run(
        [*command, str(tmp_path / "out.ipynb"), "-p", "estate", str(estate)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    ran = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert judge(ran, done.returncode) == (None, None)


@contextmanager
def lab(folder, estate):
    """JupyterLab as ``workbench lab`` opens it, but for the browser; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    package = str(Path(__file__).parents[1])
    environment = {**os.environ, **places, "PYTHONPATH": package, "IPYTHONDIR": str(folder / "i")}
    command = [sys.executable, "-m", "workbench.cli", "lab", "--estate", str(estate), "--"]
    command += [
        "--no-browser",
        f"--port={port}",
        "--ServerApp.token=",
        "--ServerApp.port_retries=0",
    ]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address, patience = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while time.monotonic() < patience:
            assert server.poll() is None, (folder / "log").read_text()
            with suppress(OSError):
                urllib.request.urlopen(f"{address}/api")
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(60)


@LONG
def test_the_overview_runs_in_jupyterlab_and_is_saved_without_outputs(tmp_path):
    """Run All Cells in a browser: a cell that raised would end it before the last; the file stays as it is committed."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH")
    from playwright.sync_api import TimeoutError, sync_playwright

    overview = NOTEBOOKS[0]
    before = overview.read_bytes()
    cells = nbformat.read(overview, as_version=4).cells
    coded = sum(cell.cell_type == "code" for cell in cells)
    estate = reference_estate("hauspet-small")
    with lab(tmp_path, estate) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(f"{address}/lab/tree/{overview.name}", wait_until="domcontentloaded")
        page.get_by_text("| Idle").wait_for()
        ran = page.locator(".jp-CodeCell .jp-InputPrompt").filter(has_text=f"[{coded}]:")
        for _ in range(5):  # a click before the kernel is there is lost
            page.locator(".jp-Notebook .jp-MarkdownCell").first.click()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_text("Run All Cells", exact=True).click()
            with suppress(TimeoutError):
                ran.wait_for(state="attached", timeout=60_000)
                break
        assert ran.count() == 1
        page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTo(0, 0)")
        page.get_by_text("Hauspet, small").first.wait_for()
        page.keyboard.press("Control+s")
        page.get_by_text("Saving completed").wait_for(state="attached")
        browser.close()
    assert overview.read_bytes() == before
