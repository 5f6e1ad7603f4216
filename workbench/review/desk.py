"""JupyterLab on the notebooks, with an estate chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.estate import load_estate
from workbench.share import shared


def open_lab(estate: Path | None, arguments: Sequence[str] = ()) -> None:
    """Replace this process by JupyterLab, opened on the overview.

    ``estate`` is what the notebooks work on where their first cell names none (marketplace's recorded
    history otherwise); EstateError where it cannot be read. ``arguments`` go to JupyterLab.
    """
    if estate is not None:
        load_estate(estate)
        os.environ["WORKBENCH_ESTATE"] = str(estate.absolute())
    notebooks = shared("notebooks")
    root = ["--allow-root"] if os.getuid() == 0 else []
    command = ["-m", "jupyterlab", f"--notebook-dir={notebooks}", *root, *arguments]
    os.execv(sys.executable, [sys.executable, *command, str(notebooks / "00_overview.ipynb")])
