"""The documentation is held to what there is: its commands run, its examples load, its keys are all there are."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workbench.decide.decisions import decisions_from_texts
from workbench.estate import Capacity, load_estate
from workbench.estate.facts import Actor, Event, Exemption, Prices, Threshold, Tls
from workbench.estate.shapes import (
    AliasTable,
    EndpointTable,
    EstateTable,
    InstanceTable,
    ReferenceTable,
    ServiceTable,
    keys,
)

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TABLES = [
    *(EstateTable, Prices, InstanceTable, EndpointTable, Capacity, Tls, ServiceTable, Actor),
    *(Threshold, Event, ReferenceTable, AliasTable, Exemption),
]


def blocks(path: Path, language: str) -> list[str]:
    return [text for found, text in FENCED.findall(path.read_text("utf-8")) if found == language]


def examples():
    text = (ROOT / "docs" / "estate-folder.md").read_text("utf-8")
    for title, part in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        for number, (language, example) in enumerate(FENCED.findall(part)):
            if language == "toml":
                yield pytest.param(title, example, id=f"{title.split(':')[0]}-{number}")


@pytest.mark.parametrize(("title", "example"), [*examples()])
def test_every_example_of_the_estates_folder_is_read(tmp_path, title, example):
    beside = re.fullmatch(r"`(\w+\.toml)`", title)
    main = '[instances.main]\nurl = "service=x"\n'
    for name in ("order", "auth", "analytics"):
        main += f'[services.{name}]\ndatabase = "{name}"\n'
    if beside:
        (tmp_path / beside[1]).write_text(example, "utf-8")
        (tmp_path / "estate.toml").write_text(main, "utf-8")
    else:
        alone = "[instances" in example
        (tmp_path / "estate.toml").write_text(example if alone else main + example, "utf-8")
    assert load_estate(tmp_path).services is not None


def test_the_example_of_a_decision_is_read(tmp_path):
    (tmp_path / "estate.toml").write_text('[instances.main]\nurl = "service=x"\n[services.order]\n')
    (example,) = blocks(ROOT / "docs" / "estate-folder.md", "markdown")
    (found,) = decisions_from_texts({"1.md": example}, load_estate(tmp_path))
    assert found.revisit is not None
    assert found.due is not None


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.__name__)
def test_every_key_of_an_estate_file_is_documented(table):
    text = "\n".join(blocks(ROOT / "docs" / "estate-folder.md", "toml"))
    written = {
        key
        for example in blocks(ROOT / "docs" / "estate-folder.md", "toml")
        for key in _keys(tomllib.loads(example))
    }
    missing = set(keys(table)) - written
    assert not missing, text[:0] + f"docs/estate-folder.md lacks {sorted(missing)}"


def _keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def test_links_between_pages_lead_somewhere():
    for page in [*DOCS, ROOT / "README.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_that_is_named_exists():
    from typer.main import get_command

    from workbench.cli.commands import app

    known = set(get_command(app).commands)
    for page in [*DOCS, ROOT / "README.md"]:
        named = re.findall(
            r"(?<![\w/.-])workbench ([a-z]+)\b(?= |`|$)", page.read_text("utf-8"), re.M
        )
        code = {
            n
            for n in named
            if re.search(rf"[`$/]\s*(?:\.venv/bin/)?workbench {n}\b", page.read_text("utf-8"))
        }
        assert code <= known, f"{page.name}: {sorted(code - known)}"


def test_the_tutorial_runs_from_its_first_command_to_its_last(tmp_path):
    (tmp_path / "data").symlink_to(ROOT / "data")
    commands = "".join(blocks(ROOT / "docs" / "tutorial.md", "console"))
    script = re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)
    # the notebooks of a review are run elsewhere
    script = "\n".join(line for line in script.splitlines() if "workbench review" not in line)
    assert script.count("workbench ") >= 8
    shim = tmp_path / "bin" / "workbench"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m workbench.cli "$@"\n')
    shim.chmod(0o755)
    ran = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{shim.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "order.svg").exists()


def test_the_python_of_the_tutorial_runs():
    (code,) = blocks(ROOT / "docs" / "tutorial.md", "python")
    held: dict[str, object] = {}
    exec(compile(code.replace("bench.ask(", "last = bench.ask("), "tutorial", "exec"), held)
    assert len(held["last"]) == 3
