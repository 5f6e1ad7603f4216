"""JupyterLab on the notebooks, with an estate chosen."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.estate import load_estate
from workbench.share import shared

_OVERVIEW = "00_overview.ipynb"
_OURS = re.compile(r"\d\d_[a-z]+\.ipynb")
_HOOK = f"--FileContentsManager.pre_save_hook={__name__}.save_without_outputs"


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
    command = ["-m", "jupyterlab", f"--notebook-dir={notebooks}", *root, _HOOK, *arguments]
    os.execv(sys.executable, [sys.executable, *command, str(notebooks / _OVERVIEW)])


def save_without_outputs(model: Mapping[str, Any], path: str, **_: object) -> None:
    """Take the outputs from one of the workbench's notebooks before JupyterLab saves it: they are an estate's.

    ``model`` is as ``FileContentsManager.pre_save_hook`` has it. A notebook of a person's own is saved as it is.

    >>> cell = {"cell_type": "code", "outputs": ["…"], "execution_count": 7, "metadata": {"tags": [], "trusted": True}}
    >>> save_without_outputs({"type": "notebook", "content": {"cells": [cell]}}, "00_overview.ipynb")
    >>> cell
    {'cell_type': 'code', 'outputs': [], 'execution_count': None, 'metadata': {'tags': []}}
    """
    if model["type"] != "notebook" or not _OURS.fullmatch(path.strip("/")):
        return
    content = model["content"]
    content["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in content["cells"]:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k == "tags"}
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
