"""Notebooks run side by side, each in a process and a kernel of its own, and judged by what they left behind.

Papermill's word is not enough: a cell that calls ``sys.exit(0)``, a kernel that is killed or a run that
takes too long all leave a notebook that looks complete. Done means: the process ended well, no cell raised,
and no cell is left unrun.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.present.kept import FOLDER
from workbench.present.parameters import holds_secret
from workbench.present.text import without_secrets
from workbench.review import worker
from workbench.review.webhook import URL
from workbench.review.worker import KERNEL

if TYPE_CHECKING:
    from nbformat import NotebookNode

Progress = Callable[[str], None]

START_TIMEOUT = 60  # seconds for a kernel to answer
_INJECTED = {"injected-parameters", "papermill-error-cell-tag"}


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: as far as it was executed, and where and why it failed if it did."""

    source: Path
    seconds: float
    notebook: NotebookNode = field(repr=False)
    cell: int | None = None  # among the source's code cells, from 1
    failure: str | None = None

    @property
    def name(self) -> str:
        """The notebook's file name without its ending."""
        return self.source.stem

    def to_json(self) -> dict[str, object]:
        """Return what status.json says of this notebook."""
        return {
            "name": self.name,
            "status": "failed" if self.failure else "done",
            "seconds": round(self.seconds, 1),
            "cell": self.cell,
            "because": self.failure,
        }


def run_notebooks(
    notebooks: Sequence[Path],
    parameters: Mapping[str, str | None],
    folder: Path,
    *,
    offered: Mapping[str, str] = {},
    timeout: float,
    at_once: int | None = None,
    kept: Path | None = None,
    progress: Progress = lambda _: None,
) -> list[Outcome]:
    """Run ``notebooks`` in ``folder``, at most ``at_once`` side by side (as many as there are processors).

    ``offered`` are parameters for those notebooks that declare them. ``timeout`` is in seconds for each notebook.
    In the folder ``kept`` they share what they compute. However this ends, no process of it is left. UsageError where
    a parameter is unknown to a notebook or looks like a secret: then nothing is run.
    """
    taken = {notebook: _taken(notebook, parameters, offered) for notebook in notebooks}
    environment = _private_environment(folder)
    if kept is not None:
        environment[FOLDER] = str(kept)
    waiting, running = deque(enumerate(notebooks)), list[_Job]()
    outcomes: dict[int, Outcome] = {}
    places = max(1, at_once or os.cpu_count() or 1)
    try:
        while waiting or running:
            while waiting and len(running) < places:
                place, notebook = waiting.popleft()
                running.append(_Job(place, notebook, taken[notebook], folder, environment))
                progress(f"{notebook.stem}: running")
            for job in [job for job in running if job.ended(timeout)]:
                running.remove(job)
                outcome = outcomes[job.place] = job.outcome()
                word = f"failed: {outcome.failure}" if outcome.failure else "done"
                progress(f"{outcome.name}: {word} ({outcome.seconds:.1f} s)")
            time.sleep(0.05)
    finally:
        for job in running:
            job.stop()
    return [outcomes[place] for place in sorted(outcomes)]


def _taken(
    notebook: Path, parameters: Mapping[str, str | None], offered: Mapping[str, str]
) -> Mapping[str, str | None]:
    """The parameters of one notebook, checked."""
    known = check_parameters(notebook, parameters)
    more = {name: value for name, value in offered.items() if name in known}
    if more:
        check_parameters(notebook, more)
    return {**parameters, **more}


def check_parameters(notebook: Path, parameters: Mapping[str, str | None]) -> frozenset[str]:
    """Refuse parameters that the notebook does not declare, and those that hold a secret, with UsageError.

    Returns the names of those that it declares.
    """
    import papermill

    # papermill formats paths: braces are doubled so that they come through
    path = str(notebook).replace("{", "{{").replace("}", "}}")
    known = papermill.inspect_notebook(path)
    if not known:
        raise UsageError(
            f"{notebook.name} declares no parameters: give the cell that does the tag 'parameters'"
        )
    for name, value in parameters.items():
        if name not in known:
            raise UsageError(
                f"{notebook.name} has no parameter {name!r}; it has {', '.join(sorted(known))}"
            )
        if holds_secret(name, value):
            raise UsageError(
                f"parameter {name!r} of {notebook.name} looks like a secret: parameters are stored with the "
                "run; name the estate's folder, whose file says where passwords are"
            )
    return frozenset(known)


def _private_environment(folder: Path) -> dict[str, str]:
    """An environment in which only this interpreter's kernel is found and nobody's start-up files are read."""
    kernel = folder / "jupyter" / "kernels" / KERNEL
    kernel.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = {
        "argv": [*command, "--HistoryManager.enabled=False"],
        "display_name": "workbench",
        "language": "python",
    }
    (folder / "tmp").mkdir()
    (kernel / "kernel.json").write_text(json.dumps(specification), encoding="utf-8")
    left_out = {"PYTHONSTARTUP", FOLDER, URL}
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    environment |= {
        "JUPYTER_PATH": str(folder / "jupyter"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter-config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter-runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "TMPDIR": str(folder / "tmp"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    package = Path(__file__).parents[2]
    if package != Path(sysconfig.get_path("purelib")):  # a checkout that is not installed
        inherited = environment.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(package), inherited]))
    return environment


class _Job:
    """One notebook being run by a worker."""

    def __init__(
        self,
        place: int,
        source: Path,
        parameters: Mapping[str, str | None],
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.place, self.source = place, source
        self.started = time.monotonic()
        self.overdue: float | None = None
        # names of our own making: papermill would format those of a hostile folder
        self.folder = folder / f"run-{place}"
        self.folder.mkdir()
        shutil.copyfile(source, self.folder / "in.ipynb")
        job = {
            "notebook": "in.ipynb",
            "output": "out.ipynb",
            "parameters": {key: value for key, value in parameters.items() if value is not None},
            "start_timeout": START_TIMEOUT,
        }
        (self.folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", worker.__file__, "job.json"],
                cwd=self.folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the review, which ends its workers itself
            )

    def ended(self, timeout: float) -> bool:
        if self.process.poll() is not None:
            return True
        if time.monotonic() - self.started > timeout:
            self.overdue = timeout
            self.stop()
            return True
        return False

    def stop(self) -> None:
        """End the worker and its kernel, which is in a session of its own."""
        import psutil

        with suppress(psutil.NoSuchProcess):
            worker = psutil.Process(self.process.pid)
            worker.suspend()  # it starts nothing more while its children are counted
            for child in worker.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    def outcome(self) -> Outcome:
        seconds = time.monotonic() - self.started
        if self.process.stdin:
            self.process.stdin.close()
        executed = _read(self.folder / "out.ipynb") or _read(self.source)
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        cell, failure = judge(executed, self.process.returncode, log=log, overdue=self.overdue)
        return Outcome(self.source, seconds, executed, cell, failure)


def _read(path: Path) -> Any:  # nbformat has no types
    import nbformat

    with suppress(OSError, ValueError, nbformat.reader.NotJSONError):
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return None


def judge(
    notebook: NotebookNode, code: int, *, log: str = "", overdue: float | None = None
) -> tuple[int | None, str | None]:
    """Decide whether an executed notebook is done: ``(None, None)``, or the failing code cell and why.

    ``code`` is the worker's exit code, ``overdue`` the timeout that ended it.
    """
    cells = _code_cells(notebook)
    reached = [at for at, cell in enumerate(cells) if _begun(cell)]
    last = reached[-1] if reached else None
    pending = [at for at, cell in enumerate(cells) if cell.get("execution_count") is None]
    if overdue is not None:
        return _told(cells, last, f"still running after {overdue:g} s, and was ended")
    for at, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                what = f"{output['ename']}: {output['evalue']}".rstrip(": ")
                never = f"; later cells never ran: {len(pending)}" if pending else ""
                return _told(cells, at, f"{what}{never}")
    if any(cell.metadata.get("papermill", {}).get("exception") for cell in cells):
        return _told(cells, last, "raised an exception that left no output")
    if code != 0 or pending:
        lines = log.strip().splitlines()
        why = f" ({lines[-1]})" if lines else ""
        return _told(cells, last, f"the kernel ended before the notebook did{why}")
    return None, None


def _code_cells(notebook: NotebookNode) -> list[Any]:
    """The code cells that the source has, those without code left out."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.source.strip()
        and not _INJECTED & set(cell.metadata.get("tags", []))
    ]


def _begun(cell: Any) -> bool:
    # its status says "completed" even of cells that a dead kernel never saw
    return cell.metadata.get("papermill", {}).get("start_time") is not None


def _told(cells: Sequence[Any], at: int | None, what: str) -> tuple[int | None, str]:
    what = without_secrets(what)
    if at is None:
        return None, f"no cell was run: {what}"
    line = next(line.strip() for line in cells[at].source.splitlines() if line.strip())
    line = without_secrets(line if len(line) <= 60 else line[:59] + "…")
    return at + 1, f"code cell {at + 1}, `{line}`: {what}"
