"""Every JSON document is what its schema in docs/schemas says: of recorded estates, of a server, of a review."""

import json
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from patience import LONG, SOAK
from schemas import SCHEMAS, faults, schema
from small_history import HOSTILE, write_history
from workbench import load_history, reference_estate
from workbench.analyse.attribution import RUNGS
from workbench.analyse.callers import CALLER_RUNGS
from workbench.analyse.crossings import Crossing
from workbench.analyse.health import Health
from workbench.analyse.statements import MEASURES
from workbench.analyse.workload_document import document
from workbench.cli.commands import app
from workbench.decide.changes import changes
from workbench.decide.changes.facts import KINDS
from workbench.decide.designs import TOPICS, designs
from workbench.decide.evidence import Evidence
from workbench.decide.facts import BreakKind, Judgement, State
from workbench.decide.news import news
from workbench.decide.targets import TARGETS
from workbench.decide.verdicts import moves_of, verdicts
from workbench.model import BreakKind as Cut
from workbench.model import Level, ReferenceKind, Shape
from workbench.present.terminal import print_document
from workbench.review import Wanted, run_review
from workbench.review.attempt import Attempt
from workbench.snapshot.manifest import Profile

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.stem for path in SCHEMAS.glob("*.json"))
DOCUMENTS = [name for name in NAMES if name != "common"]
ESTATES = [
    "hauspet-small",
    *(pytest.param(n, marks=LONG) for n in ("edtech", "hauspet", "marketplace", "shop")),
]


def printed(made):
    """A document as the command prints it."""
    with redirect_stdout(StringIO()) as out:
        print_document(made)
    return json.loads(out.getvalue())


@pytest.fixture(scope="module", params=ESTATES)
def documents(request):
    """What the commands print of one recorded estate, by name; what is slow to judge only where there is time."""
    evidence = Evidence(load_history(reference_estate(request.param) / "history"))
    return {name: printed(made) for name, made in answers(evidence, SOAK)}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The same of a history that knows next to nothing, and has hostile names."""
    folder = write_history(tmp_path_factory.mktemp("small") / "history", HOSTILE, days=2)
    return {name: printed(made) for name, made in answers(Evidence(load_history(folder)), True)}


def answers(evidence, whole):
    """The documents of one history, as the commands put them together."""
    history, coverage = evidence.history, evidence.coverage.to_json()
    found = verdicts(evidence)
    asked = moves_of(evidence).what_if([history.newest.settled.services[0].name])
    judged = replace(found, what_if=asked).to_json() | {"designs": designs(evidence).to_json()}
    checked = {"check": news(evidence, limits=found.statuses).to_json()} if whole else {}
    rows = [*evidence.capacity.rows(), *Health(history).rows()]
    yield "capacity", {"coverage": coverage, "capacity": rows}
    yield "history", {"coverage": coverage, "history": [s.summary() for s in history]}
    yield "workload", document(evidence.workload) | checked
    yield "references", evidence.references.to_json() | checked
    yield "verdicts", judged | checked
    if whole:
        begun = Evidence(history.between(until=history.snapshots[0].at))
        yield "diff", {"coverage": coverage, "diff": changes(begun, evidence, None).to_json()}


def test_what_is_answered_from_a_recorded_estate_is_what_the_schemas_say(documents):
    for name, held in documents.items():
        assert any(v for k, v in held.items() if k not in ("coverage", "check")), name
        assert not faults(name, held), name


def test_what_is_answered_from_next_to_nothing_fits_as_well(small):
    assert small["diff"]["diff"]["changed"]
    for name, held in small.items():
        assert not faults(name, held), name


def ran(*arguments, code=0):
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_a_check_and_a_collection_of_a_server(database, tmp_path):
    checked = ran("check", "--url", database.url)
    assert not faults("check", checked)
    assert any(f["rule"] == "login-too-strong" for f in checked["check"])
    assert not faults("collect", ran("collect", "--url", database.url, "--history", tmp_path))


def test_what_changes_a_history_answers_as_its_schema_says(tmp_path):
    folder = write_history(tmp_path / "one" / "history", ["shop"], days=3)
    other = write_history(tmp_path / "two" / "history", ["shop", "more"], days=2)
    where = ("--estate", tmp_path, "--history", folder)
    figures = tmp_path / "sizes.csv"
    figures.write_text("date,instance,database,bytes\n2026-09-01,main,shop,1000\n")
    (tmp_path / "estate.toml").write_text('[instances.main]\nurl = "service=x"\n')
    for words in (
        ("list",),
        ("tag", "2026-Q4", "--note", "it's <ours>"),
        ("merge", other),
        ("import", figures),
        ("thin", "--dry-run"),
    ):
        assert not faults("history", ran("history", *words, *where)), words
    empty = ran("history", "list", "--estate", tmp_path, "--history", tmp_path / "none")
    assert empty == {"coverage": None, "history": []}
    assert not faults("history", empty)


def test_a_review_and_the_status_that_it_leaves(tmp_path):
    folder = write_history(tmp_path / "small" / "history", ["shop"], days=2)
    made = run_review(None, folder, Wanted(notebooks=()), out=tmp_path / "reports")
    held = {"coverage": made.coverage.to_json(), "review": made.to_json()}
    assert not faults("review", printed(held))
    (left,) = tmp_path.glob("reports/*/status.json")
    status = json.loads(left.read_text())
    assert status["status"] == "done"
    assert not faults("status", status)


def test_a_review_that_runs_or_failed_has_a_status_too(tmp_path):
    attempt = Attempt(tmp_path, "shop")
    with attempt:
        running = json.loads((tmp_path / "status.json").read_text())
    attempt.__exit__(OSError, OSError("no space"), None)
    failed = json.loads((tmp_path / "status.json").read_text())
    assert (running["status"], failed["status"]) == ("running", "failed")
    assert not faults("status", running) + faults("status", failed)
    assert faults("status", running | {"finished": failed["finished"]})
    assert faults("status", {k: v for k, v in failed.items() if k != "because"})


def shortened(value):
    """A document with one row of each list."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if value and isinstance(value, list) and isinstance(value[0], dict):
        return [shortened(value[0])]
    return value


def paths(value, at=()):
    """Where each object of a document is."""
    if isinstance(value, dict):
        yield at
        for key, inner in value.items():
            yield from paths(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*at, number))


FREE = {"statistics_since", "evictions", "attribution", "callers", "statistics_age_days"}
"""Their members are instances."""


def test_nothing_may_be_added_to_an_object_or_go_by_another_name(documents, small):
    """A schema that lets anything through would pass every other test here."""
    for name, held in (*documents.items(), *small.items()):
        short = shortened(held)
        assert not faults(name, short)
        for at in paths(short):
            for spoil in (added, renamed):
                other = deepcopy(short)
                inner = other
                for step in at:
                    inner = inner[step]
                if inner and not (at and at[-1] in FREE):
                    spoil(inner)
                    assert faults(name, other), (name, at, spoil)


def added(held):
    held["nobody_said_so"] = 1


def renamed(held):
    first = next(iter(held))
    held[f"{first}_of_old"] = held.pop(first)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("coverage", "period", "until"), "yesterday"),
        (("coverage", "status"), "fine"),
        (("statements", 0, "queryid"), 12),
        (("services", 0, "calls"), [1]),
        (("services", 0, "calls"), 1),
        (("statements", 0, "rung"), "rumour"),
        (("check", "today"), "2026-13-01"),
    ],
)
def test_what_a_figure_cannot_be_is_refused(documents, small, at, value):
    held = shortened(documents["workload"] | {"check": small["workload"]["check"]})
    assert not faults("workload", held)
    inner = held
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    assert faults("workload", held)


@pytest.mark.parametrize(
    ("name", "at", "words"),
    [
        ("common", "finding.properties.level", get_args(Level)),
        ("common", "epoch_break.properties.kind", get_args(Cut)),
        ("common", "break.properties.kind", get_args(BreakKind)),
        ("common", "verdict.properties.verdict", get_args(Judgement)),
        ("common", "snapshot.properties.profile", get_args(Profile)),
        ("references", "reference.properties.kind", get_args(ReferenceKind)),
        ("references", "reference.properties.shape", get_args(Shape)),
        ("verdicts", "threshold.properties.status", get_args(State)),
        ("verdicts", "design.properties.topic", TOPICS),
        ("verdicts", "target.properties.target", TARGETS),
        ("diff", "change.properties.kind", KINDS),
        ("workload", "statement.properties.rung", RUNGS),
        ("workload", "statement.properties.caller_rung", CALLER_RUNGS),
    ],
)
def test_a_list_of_words_is_that_of_the_code(name, at, words):
    held = schema(name)["$defs"]
    for step in at.split("."):
        held = held[step]
    assert sorted(held["enum"]) == sorted(words)


def test_a_service_has_every_measure_and_a_crossing_every_source():
    held = schema("workload")["$defs"]
    assert set(MEASURES) <= set(held["service"]["required"])
    fields = Crossing.__dataclass_fields__
    assert {"kind", "source", "access"} <= set(fields) & set(held["crossing"]["required"])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_lists_what_it_takes(name):
    held = schema(name)
    Draft202012Validator.check_schema(held)
    for part in objects(held):
        assert set(part.get("required", ())) <= set(part["properties"])


def objects(held):
    if isinstance(held, dict):
        if isinstance(held.get("properties"), dict) and "type" in held:
            yield held
        for inner in held.values():
            yield from objects(inner)
    elif isinstance(held, list):
        for inner in held:
            yield from objects(inner)


def test_the_list_of_documents_names_each_with_its_members():
    rows = [r for r in (ROOT / "docs" / "json.md").read_text("utf-8").splitlines() if r[:2] == "| "]
    for name in DOCUMENTS:
        (row,) = [r for r in rows if f"(schemas/{name}.json)" in r]
        held = schema(name)
        assert f"`{held['title']}`" in row
        members = [] if name == "status" else [m for m in held["properties"] if m != "coverage"]
        assert all(f"`{member}`" in row for member in members), row
    assert sum("(schemas/" in r for r in rows) == len(DOCUMENTS)
