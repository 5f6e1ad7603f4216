"""The lists that a person keeps beside the files, held against the files."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"python-duckdb": "duckdb", "python-graphviz": "graphviz"}


def split(requirement):
    name, _, rest = re.fullmatch(r"([\w.-]+)(\[[\w,]+\])?(.*)", requirement).groups()
    return name.lower(), rest.replace(" ", "")


def test_the_conda_environment_names_what_pyproject_names():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = [d for d in conda if isinstance(d, str)]
    listed += next(d["pip"] for d in conda if isinstance(d, dict))
    found = dict(split(d) for d in listed if d != "pip")
    found = {CONDA_NAMES.get(name, name): ranges for name, ranges in found.items()}
    wanted = dict(split(d) for d in PROJECT["dependencies"])
    assert found == wanted | {"python": PROJECT["requires-python"].replace(" ", "")}


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_pins_and_hashes_every_dependency_and_names_no_index(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "index-url" not in text
    pinned = re.findall(
        r"^([\w.-]+)(?:\[[\w,]+\])?==[^\\]*\\\n    --hash=sha256:", text, re.MULTILINE
    )
    assert len(pinned) == len(
        re.findall(r"^\S", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE), re.MULTILINE)
    )
    wanted = {split(d)[0] for d in PROJECT["dependencies"]}
    if "dev" in lock:
        wanted |= {split(d)[0] for d in PROJECT["optional-dependencies"]["dev"]}
    assert wanted <= {p.lower() for p in pinned}


def test_the_older_servers_of_the_tests_are_pinned_and_hashed():
    from fetch_majors import PINS, pins
    from servers import MAJORS

    assert "://" not in PINS.read_text()
    found = pins()
    assert {int(v.split(".")[0]) for v in found} | {18} == set(MAJORS)
    for requirement in found.values():
        assert requirement.count("--hash=sha256:") >= 2
        assert requirement.count("==") == 1


def test_the_map_in_the_readme_is_the_tree():
    readme = (ROOT / "README.md").read_text()
    tree = re.search(r"## The tree\n+```\n(.*?)```", readme, re.DOTALL).group(1)
    named = set()
    folder = ""
    for line in tree.splitlines():
        entry = line.split()[0]
        if line.startswith(" "):
            named.add(folder + entry)
        else:
            folder = entry if entry.endswith("/") else ""
            named.add(entry)
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("the tree's files are known through git, and this is no checkout")
    there = set()
    for path in tracked.stdout.split():
        parts = path.split("/")
        there.add(parts[0] + ("/" if len(parts) > 1 else ""))
        if parts[0] == "workbench" and len(parts) > 1:
            there.add("workbench/" + parts[1] + ("/" if len(parts) > 2 else ""))
        if parts[0] == "docs" and path.endswith(".md"):
            there.add(path)
    hidden = {t for t in there if t.startswith(".") or t == "workbench/__init__.py"}
    assert named == there - hidden


def test_the_make_targets_are_those_that_are_promised():
    makefile = (ROOT / "Makefile").read_text()
    promised = {"setup", "review", "test", "lab", "bench", "check", "soak", "clean"}
    assert promised <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert "make test" in (ROOT / ".ci/run").read_text()


def test_imports_point_one_way():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_face_of_the_package_is_what_it_exports():
    import workbench

    assert all(hasattr(workbench, name) for name in workbench.__all__)
