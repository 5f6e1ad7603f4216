"""What changed between two moments: exactly what was changed, by names that last; what is not known is never unchanged."""

import json
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import psycopg
import pytest
from typer.testing import CliRunner

import workbench as wb
from attributed import estate_of, looked_at, made, unseen
from small_history import HOSTILE, START, write_history
from test_new_and_exempt import renamed
from test_workload_page import ALLOWED, Tags
from workbench.cli.commands import app
from workbench.decide.changes import A_LOT, changes, finding_changes
from workbench.decide.evidence import Evidence
from workbench.decide.news import accept
from workbench.decide.seen import Seen
from workbench.errors import UsageError
from workbench.model import Finding, Missing
from workbench.present import changes as show
from workbench.present.bench import Bench
from workbench.present.terminal_changes import print_changes
from workbench.review.publish import before_this, thin_reports
from workbench.share import reference_estate
from workbench.snapshot import History, begin_of, find_moment, load_history, tag

DATABASE = "changing"
LOGINS = ("chg_auth", "chg_shop")
ESTATE = """
[services.auth]
schemas = ["auth"]
[services.shop]
schemas = ["shop"]
[services.parcel]
schemas = ["parcel"]
[[actors]]
service = "auth"
login = "chg_auth"
[[actors]]
service = "shop"
login = "chg_shop"
"""
BEFORE = """
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA auth; CREATE SCHEMA shop;
CREATE TABLE auth.users (id int PRIMARY KEY, name text);
CREATE TABLE auth.roles (id int PRIMARY KEY);
CREATE TABLE shop.carts (id int PRIMARY KEY, holder int REFERENCES auth.users (id));
CREATE TABLE shop.notes (id int PRIMARY KEY);
GRANT USAGE ON SCHEMA auth, shop TO chg_shop;
GRANT SELECT ON ALL TABLES IN SCHEMA auth, shop TO chg_shop;
"""
BETWEEN = """
ALTER TABLE shop.carts DROP CONSTRAINT carts_holder_fkey, DROP COLUMN holder;
DROP TABLE shop.notes;
CREATE SCHEMA parcel;
CREATE TABLE parcel.boxes (id int PRIMARY KEY, packer int REFERENCES auth.users (id));
INSERT INTO auth.users SELECT n, repeat('x', 90) FROM generate_series(1, 20000) AS n;
"""
STAYS = "SELECT name FROM auth.users WHERE id = 1"
GOES = "SELECT count(*) FROM auth.roles"
COMES = "SELECT id FROM auth.roles WHERE id = 2"
RARE, OFTEN = 12, 60


@pytest.fixture(scope="module")
def live(server):
    """Three days; after the second a statement, a table and a reference go, others come, and one is called more."""
    days = [
        ("", [(STAYS, 1), (GOES, 1)]),
        ("", [(STAYS, RARE), (GOES, RARE)]),
        (BETWEEN, [(STAYS, OFTEN), (COMES, RARE)]),
    ]
    with made(server, [DATABASE], LOGINS):
        estate = estate_of(server, DATABASE, ESTATE)
        with unseen(server, DATABASE) as admin:
            admin.execute(BEFORE)
        taken = []
        for number, (ddl, calls) in enumerate(days):
            if ddl:
                with unseen(server, DATABASE) as admin:
                    admin.execute(ddl)
            with psycopg.connect(server.url(DATABASE, "chg_shop"), autocommit=True) as session:
                for text, times in calls:
                    for _ in range(times):
                        session.execute(text)
            taken.append(looked_at(estate, number))
        return History(taken[-1].estate, tuple(taken))


@pytest.fixture(scope="module")
def ends(live):
    return Bench(cut(live, 1)), Bench(live)


@pytest.fixture(scope="module")
def found(ends):
    return changes(*ends)


@pytest.fixture(scope="module")
def folder(live, server, tmp_path_factory):
    """The three days on disk, with a baseline of the second."""
    folder = tmp_path_factory.mktemp("changing")
    head = f'[estate]\nname = "changing"\n[instances.main]\nurl = "{server.url(DATABASE)}"\ndatabase = "{DATABASE}"\n'
    (folder / "estate.toml").write_text(head + ESTATE)
    for snapshot in live.snapshots:
        snapshot.save(folder / "history")
    history = load_history(folder / "history")
    chosen = history.collected[1]
    tag(folder / "history", "march", chosen, seen=accept(history, chosen).to_json())
    return folder


def cut(history, number):
    return history.between(until=history.collected[number].at)


def told(found, kind):
    return {(c.way, c.what) for c in found.of(kind)}


def test_relations_and_services_that_came_and_went_are_named(found):
    assert told(found, "relation") == {
        ("added", "table parcel.boxes"),
        ("removed", "table shop.notes"),
    }
    assert told(found, "service") == {("added", "parcel")}


def test_references_that_came_and_went_are_named_with_the_services_they_join(found):
    held = {(c.way, c.joins) for c in found.of("reference")}
    assert held == {("added", (("parcel", "auth"),)), ("removed", (("shop", "auth"),))}
    (new,) = found.of("reference", ways=["added"])
    assert (new.before, new.after, new.because) == (None, "foreign key", "")
    assert "parcel.boxes(packer)" in new.what


def test_crossings_are_new_gone_or_far_more_frequent(found):
    ways = {c.way: c for c in found.of("crossing")}
    assert set(ways) == {"added", "removed", "changed"}
    assert COMES.split(" = ")[0] in ways["added"].example
    assert (ways["added"].before, ways["added"].after) == (None, RARE)
    assert (ways["removed"].before, ways["removed"].after) == (RARE, None)
    assert GOES in ways["removed"].example
    assert (ways["changed"].before, ways["changed"].after) == (RARE, OFTEN)
    assert ways["changed"].unit == "calls/day"
    assert OFTEN / RARE >= A_LOT
    assert found.days == 1.0


def test_sizes_are_those_of_both_ends(live, found):
    (bytes_, _) = (c for c in found.of("size") if c.service == "auth")
    for end, number in (("before", 1), ("after", 2)):
        services = Evidence(cut(live, number)).capacity.services
        assert getattr(bytes_, end) == services.set_index("service")["total_bytes"]["auth"]
    grown = [c.what for c in found.of("table_size")]
    assert grown[0] == "auth.users"


def test_a_service_renamed_since_is_the_same_service(live, ends):
    estate = renamed(live.estate, "auth", "accounts")
    later = tuple(replace(s, estate=estate) for s in live.snapshots)
    found = changes(ends[0], Evidence(replace(live, estate=estate, snapshots=later)))
    assert [(c.way, c.before, c.after) for c in found.of("service", ways=["changed"])] == [
        ("changed", "auth", "accounts")
    ]
    assert not found.of("verdict", ways=["added", "removed"])
    assert {c.way for c in found.of("crossing")} == {"added", "removed", "changed"}
    assert len(found.of("crossing")) == 3


def test_the_overlay_marks_what_came_and_what_went(ends, found):
    drawn = show.Since(ends[1], find_moment(ends[1].history, "2026-03-02"), found).overlay
    marks = {(e.services, e.mark) for e in drawn.scene.edges}
    assert (("parcel", "auth"), "added") in marks
    assert (("shop", "auth"), "added") in marks
    assert (("shop", "auth"), "removed") in marks
    page = drawn.html()
    for word in ("added", "removed", "+1", "−2"):
        assert word in page
    assert 'stroke-dasharray="6 4"' in page
    ElementTree.fromstring(drawn.render("svg"))
    assert "-.->" in drawn.mermaid()
    assert "==>" in drawn.mermaid()


# -- on recorded histories


@pytest.fixture(scope="module")
def since_first():
    history = load_history(reference_estate("hauspet") / "history")
    return show.since(Bench(history))


def test_verdicts_and_limits_are_those_that_each_end_gives(since_first):
    found, history = since_first.changes, since_first.bench.history
    then = {v.service: v.verdict for v in Evidence(cut(history, 0)).verdicts.verdicts}
    now = {v.service: v.verdict for v in since_first.bench.verdicts.verdicts}
    expected = {(s, then[s], now[s]) for s in now if then[s] != now[s]}
    assert expected
    assert {(c.what, c.before, c.after) for c in found.of("verdict")} == expected
    crossed = {s.key for s in since_first.bench.verdicts.statuses if s.state == "crossed"}
    assert crossed <= {c.key for c in found.of("threshold") if c.after == "crossed"}


def test_what_cannot_be_compared_is_said_and_is_no_change(since_first):
    found = since_first.changes
    assert found.days is None
    because = {u.what: u.because for u in found.uncompared}
    assert "there is no reading before" in because["calls a day"]
    assert any("samples of transactions of main were not read" in b for b in because.values())
    shown = since_first.uncompared
    assert all(why for why in shown.frame["why"])
    assert not {u.what for u in found.uncompared if u.kind == "crossing"} & {
        c.what for c in found.of("crossing")
    }


def test_a_database_that_was_not_read_is_neither_gone_nor_as_it_was(tmp_path):
    folder = write_history(tmp_path / "small" / "history", ["a", "b"], days=2)
    late = write_history(
        tmp_path / "late" / "history",
        ["a"],
        days=3,
        missing=(Missing("database", "main", "shop", "it is down", "start it"),),
    )
    first = load_history(folder)
    last = load_history(late).snapshots[-1]
    blind = replace(
        last.manifest,
        parts=tuple(p for p in last.manifest.parts if p.database is None),
    )
    last = replace(last, manifest=blind, estate=first.estate)
    whole = replace(first, snapshots=(*first.snapshots, last))
    found = changes(Evidence(first), Evidence(whole))
    assert not found.of("relation", "service", "reference", ways=["added", "removed"])
    because = {u.what: u.because for u in found.uncompared}
    assert because["all of main/shop"] == "not read now: it is down"


def test_a_baseline_remembers_what_it_accepted(ends, found):
    (new,) = found.of("crossing", ways=["added"])
    held = changes(*ends, Seen(frozenset({new.key})))
    assert not held.of("crossing", ways=["added"])
    assert held.of("crossing", ways=["removed", "changed"])


def test_findings_are_compared_by_their_keys():
    old = Finding("r", "warning", "a", "x", "y")
    new = [replace(old, level="error", detail="other words"), Finding("r", "info", "b", "x", "y")]
    assert [(c.way, c.key, c.before, c.after) for c in finding_changes([old], new)] == [
        ("changed", "r:a", "warning", "error"),
        ("added", "r:b", None, "info"),
    ]
    assert not list(finding_changes([old], [replace(old, detail="other words")]))


# -- ends


def test_a_moment_is_a_baseline_a_day_a_file_or_a_report(folder, tmp_path):
    history = load_history(folder / "history")
    chosen = history.collected[1]
    file = folder / "history" / "snapshots" / f"{chosen.manifest.id}.json"
    report = reported(tmp_path / "20260307T030000Z", chosen.at)
    for name in ("march", "2026-03-02", str(file), str(report)):
        assert find_moment(history, name).at == chosen.at
    assert begin_of(history).at == chosen.at
    assert begin_of(cut(history, 1)).at == history.collected[0].at


def reported(folder, until, estate="changing"):
    folder.mkdir(parents=True)
    coverage = {"estate": estate, "period": {"until": until.isoformat()}}
    (folder / "status.json").write_text(json.dumps({"coverage": coverage}))
    return folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("marhc", ("no baseline", "nearest valid: 'march'", "history tag")),
        ("2020-01-01", ("begins on 2026-03-01", "name a later moment")),
    ],
)
def test_a_moment_that_is_none_is_refused_with_what_there_is(folder, name, words):
    history = load_history(folder / "history")
    with pytest.raises(UsageError) as caught:
        find_moment(history, name)
    assert all(word in str(caught.value) for word in words)


def test_files_and_reports_of_others_are_refused(folder, tmp_path):
    history = load_history(folder / "history")
    other = write_history(tmp_path / "other" / "history", ["a"], days=1)
    file = next((other / "snapshots").glob("*.json"))
    report = reported(tmp_path / "r", START, "another")
    for name, word in ((file, "no snapshot of the history"), (report, "report on the estate")):
        with pytest.raises(UsageError, match=word):
            find_moment(history, str(name))


def test_two_ends_that_are_one_are_refused(live):
    with pytest.raises(UsageError, match="nothing can have changed"):
        changes(Evidence(live), Evidence(cut(live, 0)))


# -- command, page


def run(*arguments):
    return CliRunner().invoke(app, ["diff", *map(str, arguments)])


def test_the_command_gives_what_python_gives_as_one_document(folder, found):
    done = run("march", "--estate", folder, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert set(document) == {"coverage", "diff"}
    assert document["diff"] == json.loads(json.dumps(found.to_json()))
    assert document["diff"]["window_days"] == 1.0


def test_a_terminal_says_the_same_in_eighty_columns(found, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_changes(found, "report 20260302T030000Z")
    lines = capsys.readouterr().out.splitlines()
    told = " ".join(" ".join(lines).split())
    assert told.startswith("Since 2 Mar 2026 (report 20260302T030000Z): ")
    assert (
        "3 crossings: 1 new, 1 gone, 1 changed; 2 references: 1 new, 1 gone; 1 service new" in told
    )
    assert "calls a day are compared over a day up to each" in told
    assert max(map(len, lines)) <= 80


def test_the_command_names_what_may_have_been_meant(folder):
    with pytest.raises(UsageError, match="nearest valid: 'march'"):
        raise run("marsh", "--estate", folder).exception


def test_the_page_answers_first_and_logs_each_baseline(folder, found):
    bench = wb.open_bench(folder)
    first = show.Since(bench, begin_of(bench.history), found)
    assert first.sentence.startswith("Since 2 Mar 2026 (baseline march): ")
    log = show.log(first)
    assert [s.moment.name for s in log.steps] == ["first reading", "baseline march"]
    assert log.steps[-1] is first
    shown = log.table.frame
    assert set(shown["name"]) == {"since first reading", "since baseline march"}
    assert (shown["kind"] == "size").sum() == 2
    for part in (first, first.table, first.sizes, first.uncompared, first.overlay, log):
        assert Tags(part._repr_html_()).open == []


def test_one_reading_is_no_change_and_hostile_names_stay_text(tmp_path):
    folder = write_history(tmp_path / "blind" / "history", HOSTILE, days=3)
    bench = wb.open_bench(history=folder)
    alone = show.since(replace(bench, history=cut(bench.history, 0)))
    assert alone.changes is None
    assert "There is one reading" in repr(alone)
    assert alone.table.frame.empty
    assert "one reading" in repr(alone.overlay)
    found = show.since(bench)
    assert found.changes.of("size")
    for part in (found, found.table, found.sizes, found.uncompared, show.log(found)):
        assert Tags(part._repr_html_()).seen <= ALLOWED


# -- reports


def test_reports_that_a_decision_names_stay(tmp_path):
    place = tmp_path / "reports" / "small"
    names = [f"2026112{n}T020000Z" for n in range(1, 7)]
    for name in names:
        (place / name).mkdir(parents=True)
    (place / "latest").symlink_to(names[1], target_is_directory=True)
    (place / "notes").mkdir()
    decisions = tmp_path / "decisions"
    decisions.mkdir()
    (decisions / "1.md").write_text(f'+++\nevidence = ["reports/small/{names[2]}/index.html"]\n+++')
    gone = thin_reports(place, 2, decisions)
    assert [p.name for p in gone] == [names[0], names[3]]
    assert {p.name for p in place.iterdir()} == {*names[1:3], *names[4:], "latest", "notes"}
    assert thin_reports(place, 2, decisions) == ()


def test_the_review_before_is_the_newest_on_an_earlier_reading(tmp_path):
    folder = write_history(tmp_path / "small" / "history", ["a"], days=3)
    history = load_history(folder)
    place = tmp_path / "reports" / "small"
    assert before_this(tmp_path / "reports", history) is None
    for number, day in enumerate((0, 1, 1, 2)):
        reported(place / f"2026112{number}T020000Z", START + timedelta(days=day), "small")
    (place / "20261129T020000Z").mkdir()
    assert before_this(tmp_path / "reports", history) == place / "20261122T020000Z"
