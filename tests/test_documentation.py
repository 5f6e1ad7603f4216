"""The documentation is held to what there is: its commands run, its examples load, its keys are all there are."""

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from patience import SOAK
from workbench.cli.commands import app
from workbench.cli.reference import markdown
from workbench.decide.decisions import decisions_from_texts, load_decisions
from workbench.decide.news import FAMILIES
from workbench.estate import Capacity, load_estate
from workbench.estate.facts import Actor, Event, Exemption, Prices, Threshold, Tls
from workbench.estate.shapes import (
    AliasTable,
    DesignTable,
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
    *(Threshold, DesignTable, Event, ReferenceTable, AliasTable, Exemption),
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
    (tmp_path / "estate.toml").write_text(
        '[instances.main]\nurl = "service=x"\n[services.order]\ndatabase = "order"\n'
    )
    (example,) = blocks(ROOT / "docs" / "estate-folder.md", "markdown")
    (found,) = decisions_from_texts({"1.md": example}, load_estate(tmp_path))
    assert found.revisit is not None
    assert found.due is not None


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.__name__)
def test_every_key_of_an_estate_file_is_documented(table):
    written = {
        key
        for example in blocks(ROOT / "docs" / "estate-folder.md", "toml")
        for key in _keys(tomllib.loads(example))
    }
    missing = set(keys(table)) - written
    assert not missing, f"docs/estate-folder.md lacks {sorted(missing)}"


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


def commands(path):
    """The words of each command of the workbench in a page's transcripts."""
    for script in blocks(path, "console"):
        for line in re.sub(r"<<'(\w+)'\n.*?^\1$", "", script, flags=re.M | re.S).splitlines():
            words = shlex.split(line.removeprefix("$ "))
            if words[:1] == ["workbench"]:
                yield words[1 : words.index(">") if ">" in words else None]


def parsed(words):
    """Parse a command's words as the command line does; its complaint is raised."""
    command, name = get_command(app), "workbench"
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, list(words))


@pytest.mark.parametrize("page", DOCS, ids=lambda p: p.stem)
def test_every_command_of_a_transcript_is_one_that_the_command_line_takes(page):
    for words in commands(page):
        parsed(words)


def test_a_command_with_an_option_that_there_is_not_would_be_seen():
    assert len([*commands(ROOT / "docs" / "tutorial.md")]) >= 9
    with pytest.raises(Exception, match=r"(?i)no such option"):
        parsed(["capacity", "--estates", "x"])


def test_every_command_that_is_named_exists():
    known = set(get_command(app).commands)
    for page in [*DOCS, ROOT / "README.md"]:
        named = re.findall(r"[`$/] ?(?:\.venv/bin/)?workbench ([a-z]+)\b", page.read_text("utf-8"))
        assert set(named) <= known, f"{page.name}: {sorted(set(named) - known)}"


def test_the_reference_of_the_commands_is_theirs():
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == markdown(), (
        "python -m workbench.cli.reference > docs/commands.md"
    )


# ---------------------------------------------------------------- rules


def rules(path):
    """The rules of the findings that a module makes; ``*`` stands for what is known only when it runs."""
    text, named = path.read_text("utf-8"), {}
    tree = ast.parse(text if "Finding(" in text else "")
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts, strict=False)
                named |= {t.id: v for t, v in pairs if isinstance(t, ast.Name)}

    def texts(value):
        if isinstance(value, ast.Name):
            yield from texts(named[value.id])
        elif isinstance(value, ast.IfExp):
            yield from (*texts(value.body), *texts(value.orelse))
        elif isinstance(value, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "*" for v in value.values)
        else:
            yield ast.literal_eval(value)

    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
            yield from texts(node.args[0])


def test_the_rules_that_are_listed_are_those_that_there_are():
    text = (ROOT / "docs" / "rules.md").read_text("utf-8")
    listed = re.findall(r"^\| `([a-z*-]+)` \| (?:error|warning|info)", text, re.MULTILINE)
    made = {rule for path in sorted((ROOT / "workbench").rglob("*.py")) for rule in rules(path)}
    assert len(listed) == len(set(listed))
    assert set(listed) == made


def test_what_a_rule_of_several_names_stands_for_is_listed():
    from workbench.analyse.readiness import _SETTINGS
    from workbench.decide.minutes import _LEVELS

    text = (ROOT / "docs" / "rules.md").read_text("utf-8")
    names = [*_SETTINGS, *(f"decision-{why}" for why in _LEVELS)]
    assert not [name for name in names if f"`{name}`" not in text]
    kinds = {kind for family in FAMILIES for kind in family.kinds}
    rows = re.findall(r"^\| `\w+ --check` \| (.+) \|$", text, re.MULTILINE)
    assert {kind for row in rows for kind in re.findall(r"`(\w+)`", row)} == kinds


# ---------------------------------------------------------------- the tutorial

SLOW = {"review", "verdicts", "history", "workload", "references"}
"""Commands that take seconds each, and are run by tests of their own."""


def test_the_tutorial_runs_from_its_first_command_to_its_last(tmp_path, monkeypatch):
    """Notebooks of a review are run elsewhere, and so is what is slow unless there is time."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    left_out = {"review"} if SOAK else SLOW
    transcript = "".join(blocks(ROOT / "docs" / "tutorial.md", "console"))
    run = 0
    for step in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        words = shlex.split(step.splitlines()[0])
        if words[0] != "workbench":
            subprocess.run(["bash", "-e", "-c", step], check=True, timeout=60)
        elif words[1] not in left_out:
            done = CliRunner().invoke(app, words[1:])
            assert done.exit_code == 0, done.output
            assert done.stdout or (tmp_path / words[-1]).stat().st_size > 1000
            run += 1
    assert run >= 2
    (decided,) = load_decisions(load_estate(tmp_path / "mine"))
    assert (decided.service, decided.option, decided.revisit.limit) == ("order", "stay", 20)


def test_the_python_of_the_tutorial_runs():
    (code,) = blocks(ROOT / "docs" / "tutorial.md", "python")
    held: dict[str, object] = {}
    exec(compile(code.replace("bench.ask(", "last = bench.ask("), "tutorial", "exec"), held)
    assert len(held["last"]) == 3
