"""What meetings decided is read from the estate's folder, and what is due comes back."""

import json
from datetime import date

import pytest

from workbench.cli import main
from workbench.decide.check import Batch, check
from workbench.decide.decisions import decisions_due, load_decisions
from workbench.decide.facts import Interval, Status
from workbench.decide.minutes import minutes
from workbench.decide.seen import Keyed
from workbench.errors import EstateError
from workbench.estate import load_estate
from workbench.share import reference_estate

ESTATE = """
[instances.main]
url = "service=main"
[services.order]
was = ["orders"]
schemas = ["order_service"]
[services.auth]
schemas = ["auth_service"]
"""
HEAD = {
    "id": '"2026-11-order"',
    "date": "2026-11-20",
    "service": '"order"',
    "option": '"stay"',
    "owner": '"ada"',
}
REVISIT = '[revisit_when]\nmetric = "total_bytes"\nlimit = 500e9\nunit = "bytes"\n'


def headed(more="", text="", **keys):
    lines = [f"{k} = {v}" for k, v in (HEAD | keys).items() if v]
    return "+++\n" + "\n".join(lines) + f"\n{more}+++\n{text}"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "estate.toml").write_text(ESTATE)
    (tmp_path / "decisions").mkdir()
    return tmp_path


def written(folder, **files):
    for name, text in files.items():
        (folder / "decisions" / f"{name}.md").write_text(text, encoding="utf-8", newline="")
    return load_decisions(load_estate(folder))


def refused(folder, **files):
    with pytest.raises(EstateError) as caught:
        written(folder, **files)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_decision_is_read_whole(folder):
    (found,) = written(
        folder,
        order=headed(
            REVISIT,
            "The stock moves first.\n\n+++ is no end here.\n",
            verdict='"decouple first"',
            evidence='["statement:read:x", "threshold:y"]',
            due="2027-01-31",
        ),
    )
    assert (found.id, found.date, found.service, found.instance) == (
        "2026-11-order",
        date(2026, 11, 20),
        "order",
        "main",
    )
    assert (found.option, found.owner, found.verdict_then) == ("stay", "ada", "decouple first")
    assert found.evidence == ("statement:read:x", "threshold:y")
    assert (found.due, found.status) == (date(2027, 1, 31), "open")
    assert (found.revisit.metric, found.revisit.limit, found.revisit.unit) == (
        "total_bytes",
        500e9,
        "bytes",
    )
    assert found.text == "The stock moves first.\n\n+++ is no end here."


def test_decisions_are_no_part_of_the_estate(folder):
    before = load_estate(folder).digest
    assert load_decisions(load_estate(folder)) == ()
    written(folder, one=headed())
    assert load_estate(folder).digest == before
    (folder / "decisions" / "slip.md").write_text("no head")
    assert load_estate(folder).digest == before, "a slip in the minutes stops no collection"


def test_they_come_by_date_and_under_the_names_of_today(folder):
    found = written(
        folder,
        a=headed(id='"late"', date="2026-12-01"),
        b=headed(id='"early"', service='"orders"'),
        c="\ufeff" + headed(id='"windows"', date="2026-11-30").replace("\n", "\r\n"),
        README="what this folder is for",
    )
    assert [(d.id, d.service) for d in found] == [
        ("early", "order"),
        ("windows", "order"),
        ("late", "order"),
    ]


FAULTY = {
    "no head": ("Just text.", "f.md: has no head; begin it with TOML"),
    "a head without end": ("+++\nid = '1'\n", "f.md: has no head"),
    "no TOML": ("+++\nid = \n+++\n", "f.md: its head is not TOML"),
    "an unknown service": (
        headed(service='"ordr"'),
        "f.md: service: no service is called 'ordr'; nearest valid: 'order'",
    ),
    "a bad date": (
        headed(date='"next week"'),
        "f.md: date: is not a date; write YYYY-MM-DD",
    ),
    "no owner": (headed(owner=None), "f.md: owner: is missing; write it"),
    "an unknown option": (
        headed(option='"replicas"'),
        "f.md: option: is not one of the known words; nearest valid: 'replica'",
    ),
    "an unknown key": (headed(dues="2027-01-01"), "f.md: dues: unknown key; nearest valid: 'due'"),
    "due before it was decided": (headed(due="2026-11-19"), "f.md: due: is before"),
    "an unknown metric": (
        headed(REVISIT.replace("total_bytes", "total_byte")),
        "f.md: revisit_when.metric: no metric is called 'total_byte'; nearest valid: 'total_bytes'",
    ),
    "a unit of another metric": (
        headed(REVISIT.replace('"bytes"', '"rows"')),
        "f.md: revisit_when.unit: total_bytes is not measured in 'rows'",
    ),
    "a limit without metric": (
        headed("[revisit_when]\nlimit = 3\n"),
        "f.md: revisit_when.metric: is missing",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_decision_is_refused_with_the_way_out(folder, name):
    text, expected = FAULTY[name]
    (line,) = refused(folder, f=text)
    assert line.startswith(f"decisions/{expected}")


def test_all_faults_are_told_at_once_and_no_id_is_given_twice(folder):
    lines = refused(folder, a=headed(), b=headed(), c=headed(service='"x"', id='"c"'))
    assert len(lines) == 2
    assert lines[0].startswith("decisions/b.md: id: '2026-11-order' is the id of")
    (folder / "decisions" / "latin.md").write_bytes(b"+++\n\xff")
    assert any("latin.md: is not UTF-8" in line for line in refused(folder))


TODAY = date(2027, 2, 10)


def size(low, high=None, **more):
    value = None if low is None else Interval(low, high or low)
    told = {"instance": "main", "service": "order", **more}
    return Status("total_bytes", "bytes", "hard", 400e9, "unknown", value, **told)


def test_overdue_the_day_after_and_only_while_it_is_open(folder):
    found = written(
        folder,
        a=headed(id='"long"', due="2027-01-31"),
        b=headed(id='"today"', due="2027-02-10"),
        c=headed(id='"yesterday"', due="2027-02-09"),
        d=headed(id='"done"', due="2027-01-31", status='"done"'),
        e=headed(id='"dropped"', due="2027-01-31", status='"dropped"'),
        f=headed(id='"never"'),
    )
    due = decisions_due(found, [], TODAY)
    assert [(d.decision.id, d.why, d.days) for d in due] == [
        ("long", "overdue", 10),
        ("yesterday", "overdue", 1),
    ]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([size(501e9)], "triggered"),
        ([size(500e9)], None),
        ([size(499e9, 501e9)], "unknown"),
        ([size(None, because="its size was not collected")], "unknown"),
        ([], "unknown"),
        ([size(501e9, service="auth")], "unknown"),
        ([size(501e9, scope="order_service.orders")], "unknown"),
        ([size(501e9, service=None)], "triggered"),
        ([size(501e9, service=None, instance="other")], "unknown"),
        ([size(501e9, service=None), size(3e9)], None),
    ],
)
def test_a_metric_over_its_limit_brings_a_decision_back(folder, statuses, expected):
    found = written(folder, a=headed(REVISIT, status='"done"'))
    due = decisions_due(found, statuses, TODAY)
    assert [d.why for d in due] == ([expected] if expected else [])
    if expected == "unknown":
        assert due[0].because


def test_what_is_not_known_says_why_and_a_look_up_answers_too(folder):
    found = written(folder, a=headed(REVISIT), b=headed(REVISIT, id='"b"', status='"dropped"'))
    (due,) = decisions_due(found, [size(None, because="its size was not collected")], TODAY)
    assert "its size was not collected" in due.because
    (due,) = decisions_due(found, lambda d: (Interval(6e11, 7e11), "bytes"), TODAY)
    assert (due.why, due.value) == ("triggered", Interval(6e11, 7e11))
    (due,) = decisions_due(found, lambda d: (Interval(600, 600), "GB"), TODAY)
    assert due.why == "unknown"
    assert "the limit is in bytes" in due.because


def test_the_overdue_come_first(folder):
    found = written(
        folder,
        a=headed(REVISIT, id='"grown"', date="2026-01-01"),
        b=headed(id='"late"', due="2027-01-31"),
        c=headed(
            REVISIT.replace("total_bytes", "rows").replace('"bytes"', '"rows"'), id='"who knows"'
        ),
    )
    due = decisions_due(found, [size(501e9)], TODAY)
    assert [d.decision.id for d in due] == ["late", "grown", "who knows"]
    assert [d.to_json()["why"] for d in due] == ["overdue", "triggered", "unknown"]


EXEMPT = """
[[exemptions]]
key = "grant:read:order:main/app:auth_service.users"
owner = "ada"
reason = "until the copy is fed"
expires = 2027-02-09
[[exemptions]]
key = "statment:read:x"
owner = "bob"
reason = "typed in haste"
expires = 2027-12-31
[[exemptions]]
key = "view:main/app/order_service.v->main/app/auth_service.users"
owner = "eve"
reason = "the report"
expires = 2027-12-31
"""


def test_what_is_wrong_in_the_minutes_and_due_by_them_is_said_together(folder):
    (folder / "exemptions.toml").write_text(EXEMPT)
    (folder / "decisions" / "late.md").write_text(headed(due="2027-01-31"))
    (folder / "decisions" / "grown.md").write_text(headed(REVISIT, id='"grown"'))
    (folder / "decisions" / "bad.md").write_text(headed(service='"ordr"', id='"bad"'))
    estate = load_estate(folder)
    there = Keyed("view:main/app/order_service.views->main/app/auth_service.users", "view", "x")
    batch = Batch("reference", ("view", "grant"), [there], None)
    checked = check([batch], today=TODAY, exemptions=estate.exemptions)
    found = {
        (f.rule, f.subject.rpartition("/")[2]): f
        for f in minutes(estate, TODAY, [size(501e9)], checked)
    }
    assert set(found) == {
        ("decision-unreadable", "bad.md"),
        ("decision-overdue", "2026-11-order (order)"),
        ("decision-triggered", "grown (order)"),
        ("exemption-expired", "app:auth_service.users"),
        ("exemption-unused", "app:auth_service.users"),
        ("exemption-unused", "statment:read:x"),
        ("exemption-unused", "auth_service.users"),
    }
    assert found["decision-unreadable", "bad.md"].remediation == "nearest valid: 'order'"
    assert "10 days overdue" in found["decision-overdue", "2026-11-order (order)"].detail
    assert found["exemption-unused", "statment:read:x"].remediation.startswith("write 'statement'")
    assert there.key in found["exemption-unused", "auth_service.users"].remediation
    # without a history nobody can say what is unused or triggered
    rules = [f.rule for f in minutes(estate, TODAY)]
    assert sorted(rules) == [
        "decision-overdue", "decision-unreadable", "exemption-expired", "exemption-unused",
    ]  # fmt: skip


def test_check_reads_the_minutes(monkeypatch, capsys, tmp_path):
    history = reference_estate("hauspet-small") / "history"
    (tmp_path / "decisions").mkdir()
    text = (history.parent / "estate.toml").read_text()
    (tmp_path / "estate.toml").write_text(text + EXEMPT.replace("2027-02-09", "2026-03-01"))
    (tmp_path / "decisions" / "a.md").write_text(
        headed(service='"app"', date="2026-01-01", due="2026-01-31")
    )
    (tmp_path / "decisions" / "b.md").write_text(headed(service='"ap"', id='"b"'))
    snapshot = sorted((history / "snapshots").glob("*.json"))[-1]
    monkeypatch.setattr(
        "sys.argv",
        ["workbench", "check", "--estate", str(tmp_path), "--snapshot", str(snapshot), "--json"],
    )
    assert main() == 0
    rules = [f["rule"] for f in json.loads(capsys.readouterr().out)["check"]]
    assert {"decision-overdue", "decision-unreadable", "exemption-expired"} <= set(rules)
