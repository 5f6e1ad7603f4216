"""Servers of older majors: where they are kept, and which are there.

The folder is named by WORKBENCH_MAJORS, else ``majors`` in the environment that runs the tests; ``fetch_majors.py`` fills it.
It holds a folder for each server, named by its version (``16.15``).
"""

import os
import sys
from pathlib import Path

from patience import SOAK

MAJORS = (14, 15, 16, 17, 18)
"""Every major version that can be reviewed."""

TESTED = MAJORS if SOAK else (14, 15, 18)
"""Those that every run tests: between them each variant of a query is asked. `make soak` tests all."""


def majors_folder() -> Path:
    return Path(os.environ.get("WORKBENCH_MAJORS") or Path(sys.prefix, "majors"))


def find_majors() -> dict[int, Path]:
    """Return the folder of the newest server at hand for each major; empty where none was fetched."""
    found = (p for p in majors_folder().glob("*.*") if (p / "bin/postgres").exists())
    by_age = sorted(found, key=lambda p: tuple(map(int, p.name.split("."))))
    return {int(p.name.split(".")[0]): p for p in by_age}
