"""The benchmark of a large estate still runs: on a small one, and nothing is timed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from patience import LONG

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(660)
@LONG
def test_the_large_estate_is_built_collected_reviewed_and_beaten_on_a_small_scale():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "estate", "--small"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in ("collect", "review", "notebook 01_capacity", "pulse", "capacity", "everything"):
        assert re.search(rf"^ +{figure}.* \d+\.\d\d s", done.stdout, re.MULTILINE), figure
    pages = re.findall(r"page \S+ +(\d+) kB, (\d+) partitions named", done.stdout)
    assert len(pages) >= 3
    assert {named for _, named in pages} == {"0"}, "pages show roots, never their partitions"
