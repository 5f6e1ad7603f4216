"""What is new: red until it is accepted, exempted or gone; and an upgrade, a restore, a new name make nothing new."""

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from attributed import DAY, estate_of, looked_at, made, unseen
from patience import SOAK
from small_history import START, write_history
from test_commands import workbench
from test_crossings import CROSSED, DATABASE, LOGINS, OBJECTS
from test_crossings import ESTATE as CROSSING_ESTATE
from workbench import load_history, window_of
from workbench.analyse.crossings import Crossing
from workbench.analyse.workload import workload
from workbench.cli import main
from workbench.decide.check import Batch, check
from workbench.decide.crossed import crossings_now, keyed
from workbench.decide.evidence import Evidence
from workbench.decide.exemptions import exempted, exemption_row
from workbench.decide.facts import Interval, Status
from workbench.decide.limited import findings_family, findings_now, limits_now
from workbench.decide.news import Part, accept, check_limits, check_references, check_workload, news
from workbench.decide.referred import keyed as keyed_reference
from workbench.decide.seen import Keyed, Seen, never_seen
from workbench.decide.thresholds import statuses
from workbench.estate import Exemption, load_estate
from workbench.estate.resolve import estate_from_text
from workbench.model import Candidate, Finding, Reference, ReferenceEnd
from workbench.share import reference_estate
from workbench.snapshot import History, find_tag, load_tags, tag, thin

TODAY = date(2026, 3, 1)


def checked(history, **how):
    return check_workload(workload(window_of(history)), history, **how)


def whole(history, **how):
    """What is new of crossings, references and limits together."""
    return news(Evidence(history), **how)


def alerted(found):
    return [a.key for a in found.alerts]


def test_a_limit_crossed_on_the_day_of_the_baseline_but_after_it_is_new():
    tagged = START.replace(hour=2)
    limit = Status("rows", "rows", "hard", 5, "crossed", Interval(6, 6), "main", "shop")
    for days, code in ((-1, 0), (0, 1), (1, 1)):
        held = limits_now([replace(limit, since=tagged.date() + timedelta(days=days))])
        batch = Batch("threshold", ("threshold",), held, [Seen()])
        assert check([batch], today=TODAY, since=tagged).exit_code == code
        known = batch._replace(past=[Seen.of(held)])
        assert check([known], today=TODAY, since=tagged).exit_code == 0


# -- on recorded histories


@pytest.mark.parametrize("name", ["marketplace", "hauspet", "edtech", "shop"])
def test_a_recorded_history_is_green_though_samples_begin_to_name_callers(name):
    history = load_history(reference_estate(name) / "history")
    found = checked(history)
    assert found.since == history.collected[0].at
    assert not found.alerts
    assert not set(found.quiet) & set(found.unjudged)


def test_a_crossing_that_comes_after_the_first_reading_is_red_while_it_is_there():
    history = load_history(reference_estate("hauspet") / "history")
    first = history.collected[0].at
    late = [
        c for c in workload(window_of(history)).crossings if c.first_seen and c.first_seen > first
    ]
    assert late
    day = late[0].first_seen
    up_to = history.between(until=day)
    red = checked(up_to)
    assert {c.fingerprint for c in late} == {k.rpartition(":")[2] for k in alerted(red)}
    assert red.exit_code == 1
    # it ran again on another day, and is seen for what it is: an old reading of it accepts nothing
    again = history.between(until=max(c.last_seen for c in late))
    assert alerted(checked(again))
    # nobody called it in the last night: it is noted, and fails nothing
    now = checked(history)
    assert {t.key for t in now.quiet} == {c.key for c in late}
    assert now.exit_code == 0


def test_samples_that_begin_after_the_baseline_are_not_judged():
    history = load_history(reference_estate("hauspet") / "history")
    found = checked(history)
    assert found.unjudged
    assert all(t.key.startswith("transaction:locks:") for t in found.unjudged)
    assert any("was not read up to the baseline" in note for note in found.notes)


@pytest.fixture(scope="module")
def marketplace(tmp_path_factory):
    """A copy of the recorded estate, with a baseline of its twelfth day."""
    folder = tmp_path_factory.mktemp("new") / "marketplace"
    shutil.copytree(reference_estate("marketplace"), folder)
    history = load_history(folder / "history", load_estate(folder))
    chosen = history.collected[11]
    seen = accept(history, chosen)
    tag(folder / "history", "march", chosen, seen=seen.to_json())
    return folder


def renamed(estate, old, new):
    services = tuple(
        replace(s, name=new, was=(*s.was, old)) if s.name == old else s for s in estate.services
    )
    actors = tuple(replace(a, service=new) if a.service == old else a for a in estate.actors)
    return replace(estate, services=services, actors=actors, digest=f"{old} became {new}")


@pytest.mark.parametrize("with_baseline", [True, False])
def test_a_renamed_service_makes_nothing_new(marketplace, tmp_path, with_baseline):
    shutil.copytree(marketplace, tmp_path / "m")
    folder = tmp_path / "m" / "history"
    if not with_baseline:
        shutil.rmtree(folder / "tags")
    estate = load_estate(tmp_path / "m")
    for old, new in (("search", "finder"), ("auth", "accounts"), ("order", "sales")):
        estate = renamed(estate, old, new)
    found = checked(load_history(folder, estate))
    assert found.baseline == ("march" if with_baseline else None)
    assert not found.alerts
    names = {
        s for c in workload(window_of(load_history(folder, estate))).crossings for s in c.services
    }
    assert {"finder", "accounts", "sales"} <= names


def test_a_baseline_keeps_what_it_saw_when_its_readings_are_thinned(marketplace, tmp_path):
    shutil.copytree(marketplace / "history", tmp_path / "history")
    folder = tmp_path / "history"
    estate = load_estate(marketplace)
    (held,) = load_tags(folder)
    assert held.seen["names"] == sorted(held.seen["names"])
    assert "seen" not in held.to_json()
    history = load_history(folder, estate)
    for snapshot in history.collected[:11]:
        (folder / "snapshots" / f"{snapshot.manifest.id}.json").unlink()
    assert not checked(load_history(folder, estate)).alerts
    # a file of an older version holds none: what its reading saw is worked out, and kept
    shutil.rmtree(folder / "derived")
    path = folder / "tags" / "march.json"
    data = json.loads(path.read_text())
    del data["seen"]
    path.write_text(json.dumps(data))
    assert not checked(load_history(folder, estate)).alerts
    (kept,) = (folder / "derived").glob("keys-*.json")
    assert held.snapshot in kept.name
    thin(folder)


def test_what_is_kept_of_a_reading_is_made_again_for_another_estate_or_when_damaged(
    marketplace, tmp_path
):
    shutil.copytree(marketplace, tmp_path / "m")
    folder = tmp_path / "m" / "history"
    shutil.rmtree(folder / "tags")
    shutil.rmtree(folder / "derived")
    history = load_history(folder, load_estate(tmp_path / "m"))
    whole = workload(window_of(history))
    first = check_workload(whole, history)
    (kept,) = (folder / "derived").glob("keys-*.json")
    text = kept.read_text()
    for damaged in ("", "{}", "[1]", '{"made_by": 3}', text.replace('"estate"', '"state"')):
        kept.write_text(damaged)
        assert check_workload(whole, history) == first
        assert kept.read_text() == text


@pytest.mark.parametrize("name", ["marketplace", "edtech"])
def test_no_reference_of_a_recorded_history_is_new_under_another_name_either(name):
    history = load_history(reference_estate(name) / "history")
    first, *_, last = history.collected
    estate = history.estate
    for service in estate.services[::3]:
        estate = renamed(estate, service.name, f"new_{service.name}")
    for now in (estate, history.estate):
        both = History(now, tuple(replace(s, estate=now) for s in (first, last)))
        found = Evidence(both).references
        assert len(found.crossing) > 20
        checked = check_references(found, both)
        assert (checked.since, alerted(checked), checked.unjudged) == (first.at, [], ())


LIMITED = """
[instances.main]
url = "service=shop"
[services.{name}]
{was}schemas = ["orders"]
[services.user]
schemas = ["users"]
[[thresholds]]
metric = "total_bytes"
service = "{name}"
hard = 15_000_000
"""


def test_a_crossed_limit_is_red_until_it_is_accepted_whatever_its_service_is_called(tmp_path):
    folder = write_history(tmp_path / "history", ["orders", "users"], days=5)

    def read(name="order", was="", more="", days=5):
        estate = estate_from_text(LIMITED.format(name=name, was=was) + more, environ={})
        until = START + timedelta(days=days - 1)
        return load_history(folder, estate).between(until=until)

    def red(history, **how):
        return check_limits(statuses(Evidence(history)), history, **how)

    key = "threshold:total_bytes:hard:main/order"
    assert alerted(whole(read(days=1))) == [], "of one reading nothing can be new"
    assert alerted(red(read(days=3))) == []
    (alert,) = whole(read()).alerts
    assert (alert.key, alert.kind, alert.subject) == (key, "threshold", "main/order")
    assert "beyond its hard limit of 15,000,000 bytes" in alert.wrong
    assert "history tag" in alert.next
    later = {"name": "sales", "was": 'was = ["order"]\n'}
    assert alerted(red(read(**later))) == [key]

    def exempt(key, expires, red=red):
        row = (
            f'[[exemptions]]\nkey = "{key}"\nowner = "ada"\nreason = "soon"\nexpires = {expires}\n'
        )
        return red(read(**later, more=row))

    last = (START + timedelta(days=4)).date()
    found = exempt(key, last)
    assert (found.alerts, [e.expires for _, e in found.exempted.in_force]) == ((), [last])
    assert f"exempted until {last} by ada: {key}" in found.notes
    (alert,) = exempt(key, last - timedelta(days=1)).alerts
    assert (alert.key, alert.exemption) == (key, None)
    assert f"ended on {last - timedelta(days=1)}" in alert.wrong
    (unused,) = exempt(key.replace("order", "orders"), last).exempted.unused
    assert unused.nearest == key
    assert exempt("reference:main/shop/a.b(c)->?", last).exempted.unused == (), "not looked for"
    (unused,) = exempt("reference:main/shop/a.b(c)->?", last, whole).exempted.unused
    assert unused.nearest is None

    for day, expected in ((2, [key]), (4, [])):
        tag(
            folder,
            "agreed",
            read().collected[day],
            seen=accept(read(), read().collected[day]).to_json(),
        )
        assert alerted(red(read(), baseline="agreed")) == expected
        assert alerted(red(read(**later), baseline="agreed")) == expected
        assert (key in find_tag(folder, "agreed").seen["names"]) is (not expected)
        shutil.rmtree(folder / "tags")


def test_findings_of_later_parts_go_the_same_way(tmp_path):
    folder = write_history(tmp_path / "history", ["orders", "users"], days=5)
    history = load_history(
        folder, estate_from_text(LIMITED.format(name="order", was=""), environ={})
    )

    def rule(evidence):
        """A table is too large: which is when it has 20 MB."""
        sizes = evidence.history.newest.frame("sizes", "part", "bytes")
        large = sizes.loc[(sizes["part"] == "heap") & (sizes["bytes"] > 2.5e7), "bytes"]
        yield from (
            Finding("too-large", "warning", f"table {n}", "it is", "x") for n in large.index
        )

    family = findings_family("large", ["too-large"], "1", rule)
    things = findings_now(rule(Evidence(history)))
    assert len(things) == 1
    found = whole(history, more=[Part("finding", family, things)])
    assert [a.kind for a in found.alerts] == ["threshold", "finding"]
    families = (family,)
    tag(folder, "now", history.newest, seen=accept(history, history.newest, families).to_json())
    accepted = whole(history, more=[Part("finding", family, things)], baseline="now")
    assert accepted.alerts == ()


# -- on servers


def taken(server, folder, number, text):
    """A snapshot of the estate in ``folder``, saved into its history as its ``number``-th day."""
    head = f'[estate]\nname = "crossing"\n[instances.main]\nurl = "{server.url(DATABASE)}"\ndatabase = "{DATABASE}"\n'
    (folder / "estate.toml").write_text(head + text)
    snapshot = looked_at(load_estate(folder), number)
    snapshot.save(folder / "history")


def run(server, login, text):
    with psycopg.connect(server.url(DATABASE, login), autocommit=True) as session:
        session.execute(text)


def red(folder):
    """What a check of the folder's history finds."""
    return checked(load_history(folder / "history", load_estate(folder)))


def command(folder, *options):
    """Exit code of the command, and what it prints."""
    done = workbench("workload", "--estate", folder, "--check", *options)
    return done.returncode, done.stdout or done.stderr


OLD = "SELECT id, name FROM auth.users WHERE id = 1"
NEW = "SELECT id FROM auth.roles WHERE id = 2"


def test_a_new_crossing_is_red_until_it_is_exempted_accepted_or_gone(server, tmp_path):
    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
            admin.execute("GRANT SELECT ON auth.roles TO cross_shop")
        run(server, "cross_shop", OLD)
        taken(server, tmp_path, 0, CROSSING_ESTATE)
        assert red(tmp_path).exit_code == 0
        assert red(tmp_path).since is None, "there is nothing to compare with"
        run(server, "cross_shop", OLD)
        run(server, "cross_shop", NEW)
        taken(server, tmp_path, 1, CROSSING_ESTATE)
        (alert,) = red(tmp_path).alerts
        key = alert.key
        assert key.startswith(f"statement:read:shop:main/{DATABASE}:auth.roles:")
        assert "history tag" in alert.next
        run(server, "cross_shop", NEW)
        taken(server, tmp_path, 2, CROSSING_ESTATE)
        assert alerted(red(tmp_path)) == [key], "one reading more is no consent"
        code, told = command(tmp_path)
        assert code == 1
        assert "shop reads auth.roles of auth in a statement: it crosses" in told
        assert f'key = "{key}"\nowner = ""\n' in told

        file = tmp_path / "exemptions.toml"
        file.write_text(alert.exemption)
        code, told = command(tmp_path)
        assert (code, "owner: is empty" in told) == (2, True), "nobody signs by pasting"
        signed = alert.exemption.replace('owner = ""', 'owner = "ada"')
        signed = signed.replace('reason = ""', 'reason = "soon"')
        file.write_text(signed)
        code, told = command(tmp_path, "--json")
        found = json.loads(told)["check"]
        assert (code, found["alerts"]) == (0, [])
        assert [e["key"] for e in found["exempted"]] == [key]

        until = signed.rpartition(" = ")[2]
        yesterday = (DAY + timedelta(days=1)).date().isoformat()
        file.write_text(signed.replace(until, yesterday))
        (alert,) = red(tmp_path).alerts
        assert alert.key == key
        assert f"the exemption by ada (soon) ended on {yesterday}" in alert.wrong
        file.write_text(signed.replace("auth.roles", "auth.rolls"))
        assert alerted(red(tmp_path)) == [key]
        assert [u.nearest for u in red(tmp_path).exempted.unused] == [key]
        file.unlink()

        run(server, "cross_shop", OLD)
        taken(server, tmp_path, 3, CROSSING_ESTATE)
        assert alerted(red(tmp_path)) == []
        assert [t.key for t in red(tmp_path).quiet] == [key], "nobody called it any more"

        run(server, "cross_shop", NEW)
        with unseen(server, DATABASE) as admin:
            admin.execute("GRANT DELETE ON auth.users TO cross_shop")
        taken(server, tmp_path, 4, CROSSING_ESTATE)
        assert {k.partition(":")[0] for k in alerted(red(tmp_path))} == {"statement", "grant"}
        tagged = workbench("history", "tag", "april", "--estate", tmp_path)
        assert tagged.returncode == 0, tagged.stderr
        assert (red(tmp_path).baseline, alerted(red(tmp_path))) == ("april", [])
        last = (DAY + timedelta(days=4)).date().isoformat()
        for options in (("--baseline", "april"), ("--since", last)):
            code, told = command(tmp_path, *options)
            assert (code, "Nothing new; compared with the baseline april" in told) == (0, True)


MAP = """
[[thresholds]]
metric = "total_bytes"
service = "auth"
hard = 1
"""
VIEW = "CREATE VIEW shop.v_roles AS SELECT id FROM auth.roles"


def test_a_new_reference_is_red_until_it_is_accepted_or_gone(server, tmp_path, capsys, monkeypatch):
    def told():
        options = ["references", "--estate", str(tmp_path), "--check"]
        monkeypatch.setattr("sys.argv", ["workbench", *options])
        return main(), capsys.readouterr().out

    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
        taken(server, tmp_path, 0, CROSSING_ESTATE)
        with unseen(server, DATABASE) as admin:
            admin.execute(VIEW)
        taken(server, tmp_path, 1, CROSSING_ESTATE)
        code, text = told()
        assert (code, "check: 1 new; compared with the first reading" in text) == (1, True)
        key = f"view:main/{DATABASE}/shop.v_roles->main/{DATABASE}/auth.roles(id)"
        assert f'key = "{key}"\nowner = ""' in text
        estate = load_estate(tmp_path)
        assert key in alerted(whole(load_history(tmp_path / "history", estate)))
        row = exemption_row(key, DAY.date()).replace('""', '"ada"')
        (tmp_path / "exemptions.toml").write_text(row)
        code, text = told()
        assert (code, f"by ada: {key}" in text) == (0, True)
        (tmp_path / "exemptions.toml").unlink()
        history = load_history(tmp_path / "history", estate)
        tag(
            tmp_path / "history",
            "may",
            history.newest,
            seen=accept(history, history.newest).to_json(),
        )
        code, text = told()
        assert (code, "compared with the baseline may" in text) == (0, True)
        with unseen(server, DATABASE) as admin:
            admin.execute("ALTER TABLE auth.users ADD PRIMARY KEY (id)")
            admin.execute("ALTER TABLE depot.bins ADD FOREIGN KEY (n) REFERENCES auth.users")
        taken(server, tmp_path, 2, CROSSING_ESTATE)
        code, text = told()
        assert (code, "depot.bins(n) of depot refers to auth.users(id) of auth" in text) == (
            1,
            True,
        )
        with unseen(server, DATABASE) as admin:
            admin.execute("ALTER TABLE depot.bins DROP CONSTRAINT bins_n_fkey")
            admin.execute("ALTER TABLE auth.users DROP CONSTRAINT users_pkey")
            admin.execute("DROP VIEW shop.v_roles")
        taken(server, tmp_path, 3, CROSSING_ESTATE)
        assert told()[0] == 0


def settled(server, number, before=()):
    """What crosses on a server with the objects of the crossings' tests, as a reading of one day."""
    with made(server, [DATABASE], LOGINS):
        with unseen(server, DATABASE) as admin:
            admin.execute(OBJECTS)
        for login, text in (*CROSSED, *before):
            run(server, login, text)
        return looked_at(estate_of(server, DATABASE, CROSSING_ESTATE + MAP), number)


def test_a_restore_makes_nothing_new_and_hides_nothing(server):
    first = settled(server, 0)
    second = settled(server, 1)
    third = settled(server, 2, [("cross_shop", "SELECT n FROM depot.bins")])
    assert not set(oids(first)) & set(oids(second)), "every object is another one"
    restored = History(second.estate, (first, second))
    assert [s.state for s in statuses(Evidence(restored)) if s.declared] == ["crossed"]
    assert not whole(restored).alerts
    (key,) = alerted(whole(History(third.estate, (first, second, third))))
    assert ":depot.bins:" in key


def oids(snapshot):
    found = snapshot.frame("relations", "oid", "schema")
    return found.loc[found["schema"].isin(["auth", "shop", "depot"]), "oid"].tolist()


def test_an_upgrade_makes_nothing_new(server, major):
    if not SOAK and major.version[0] == 15:
        pytest.skip("long: `make soak` runs it; the oldest and the newest stand for all")
    first, second = settled(major, 0), settled(server, 1)
    history = History(second.estate, (first, second))
    (broken,) = history.coverage.epoch_breaks
    assert (broken.kind == "upgrade") is (major.version[0] != server.version[0])
    found = whole(history)
    assert not found.alerts
    assert not found.quiet
    assert Evidence(history).references.crossing


# -- pure


def crossing(**more):
    told = {
        "kind": "statement", "source": "statements", "instance": "main", "database": "app",
        "actor": "shop", "services": ("auth", "shop"), "owners": ("auth",), "access": "read",
        "relations": ("auth.users",), "fingerprint": "0a",
    }  # fmt: skip
    return Crossing(**(told | more))


def wal(services, relations):
    return crossing(
        kind="transaction", source="wal", actor=None, services=services, owners=services,
        access="write", relations=relations, fingerprint=None,
    )  # fmt: skip


def grant(*relations, **more):
    told = {"kind": "grant", "source": "catalog", "relations": relations, "fingerprint": None}
    return crossing(**(told | more))


PAIRS = {
    "the same": (crossing(), crossing(), False),
    "another statement": (crossing(), crossing(fingerprint="0b"), True),
    "another table, by a trigger": (crossing(), crossing(relations=("auth.users", "auth.log")), True),
    "the caller became known": (crossing(actor=None), crossing(), False),
    "the caller is no longer known": (crossing(), crossing(actor=None), False),
    "another service runs it": (crossing(), crossing(actor="depot"), True),
    "it writes": (crossing(), crossing(access="write"), True),
    "in another database": (crossing(), crossing(database="b"), True),
    "one table fewer in the transaction": (wal(("a", "b"), ("a.x", "a.y", "b.z")), wal(("a", "b"), ("a.x", "b.z")), False),
    "one table more": (wal(("a", "b"), ("a.x", "b.z")), wal(("a", "b"), ("a.x", "b.y", "b.z")), True),
    "one service more": (wal(("a", "b"), ("a.x", "b.z")), wal(("a", "b", "c"), ("a.x", "b.z", "c.t")), True),
    "a grant came into use": (grant("auth.a", "auth.b"), grant("auth.a"), False),
    "a grant on one more": (grant("auth.a"), grant("auth.a", "auth.b"), True),
    "a grant to write": (grant("auth.a"), grant("auth.a", access="write"), True),
    "a sample of what statements do": (crossing(), crossing(kind="transaction", source="locks", fingerprint=None, relations=("auth.log",)), False),
    "a sample of services that never met": (crossing(), crossing(kind="transaction", source="locks", fingerprint=None, services=("depot", "shop"), owners=("depot",)), True),
    "a sample of a first write": (crossing(), crossing(kind="transaction", source="locks", fingerprint=None, access="write"), True),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_what_counts_as_new(name):
    before, now, new = PAIRS[name]
    scopes = keyed(now).scopes
    found = never_seen([keyed(now)], [Seen.of([keyed(before)], scopes)])
    assert (bool(found.new), found.unjudged) == (new, ())
    assert never_seen([keyed(now)], [Seen.of([keyed(before)])]).new == ()


def end(service, table, *columns):
    return ReferenceEnd(service, "main", "app", service, table, columns)


FROM, TO = end("shop", "carts", "user_id"), end("auth", "users", "id")
REFERRED = {
    "the same": (Reference(FROM, TO, "inferred"), Reference(FROM, TO, "inferred"), False),
    "it became a foreign key": (Reference(FROM, TO, "inferred"), Reference(FROM, TO, "foreign_key"), False),
    "a person said so": (Reference(FROM, TO, "join"), Reference(FROM, TO, "declared"), False),
    "only now it is known to what": (
        Reference(FROM, None, "inferred", status="unresolved", candidates=(Candidate(TO, 0.5),)),
        Reference(FROM, TO, "inferred"),
        False,
    ),
    "to another table": (Reference(FROM, TO, "inferred"), Reference(FROM, end("auth", "roles", "id"), "inferred"), True),
    "from another column": (Reference(FROM, TO, "inferred"), Reference(end("shop", "carts", "by"), TO, "inferred"), True),
    "a view too": (Reference(FROM, TO, "inferred"), Reference(end("shop", "v"), end("auth", "users"), "view"), True),
    "elsewhere, which was renamed": (
        Reference(FROM, ReferenceEnd("search"), "declared"),
        Reference(FROM, ReferenceEnd("finder"), "declared"),
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERRED)
def test_which_reference_counts_as_new(name):
    before, now, new = REFERRED[name]
    held = keyed_reference(now, {"finder": "search"})
    past = keyed_reference(before)
    assert bool(never_seen([held], [Seen.of([past], held.scopes)]).new) is new
    if new:
        assert never_seen([held], [Seen.of([past])]).unjudged == (held,), (
            "its database was not read"
        )


def test_the_past_is_asked_no_further_than_there_is_something_left_to_look_for():
    asked = []

    def past():
        for name in "abc":
            asked.append(name)
            yield Seen(frozenset({name}))

    assert never_seen([Keyed("b", "grant", "b")], past()) == ((), ())
    assert asked == ["a", "b"]
    several = Keyed("x", "grant", "x", asks=(("a",), ("c", "d")))
    assert never_seen([several], past()) == ((), ())
    assert never_seen([], past()) == ((), ())
    assert asked == ["a", "b", "a", "b", "c"]


def status(key, since, kind="hard", state="crossed", declared=True):
    told = {"instance": "main", "service": key, "since": since, "declared": declared}
    return Status("total_bytes", "bytes", kind, 5.0, state, Interval(6.0, 6.0), **told)


def test_written_and_hard_limits_that_were_crossed_since_the_baseline_alert():
    limits = limits_now(
        [
            status("new", TODAY - timedelta(days=1)),
            status("when", None),
            status("known", None),
            status("old", TODAY - timedelta(days=9)),
            status("soft", TODAY, kind="soft"),
            status("ours", TODAY, kind="soft", declared=False),
            status("unknown", TODAY, state="unknown"),
            status("exempt", TODAY),
        ]
    )
    tagged = Seen(frozenset({"threshold:total_bytes:hard:main/known"}))
    found = check(
        [Batch("threshold", ("threshold",), limits, [tagged])],
        today=TODAY,
        since=DAY - timedelta(days=5),
        exemptions=[Exemption("threshold:total_bytes:hard:main/exempt", "ada", "x", TODAY)],
    )
    assert [a.kind for a in found.alerts] == ["threshold"] * 3
    assert [a.subject for a in found.alerts] == ["main/new", "main/when", "main/soft"]
    assert found.alerts[2].wrong.endswith("total_bytes is 6, beyond its soft limit of 5 bytes")
    assert found.exit_code == 1


def test_a_stale_target_is_red():
    found = check([], today=TODAY, stale=["main: last read 2026-01-01, more than 3 nights ago"])
    assert (found.exit_code, found.alerts[0].subject, found.alerts[0].kind) == (1, "main", "stale")
    assert "nothing can be new" in found.compared


def test_exemptions_of_other_kinds_are_not_called_unused():
    other = Exemption("no-primary-key:auth.users", "ada", "x", TODAY)
    assert exempted([other], [], TODAY, ["statement"]).unused == ()
    (unused,) = exempted([other], [], TODAY).unused
    assert str(unused).endswith("remove it, or correct its key")


HOSTILE = ['a"b\\', "\x1b[31m", "\u202e\u2028", "заказы 😀", "]]\n[x]", "\x7f\U000e0001"]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_row_that_is_to_be_pasted_is_read_as_it_was_meant(name):
    key = crossing(relations=(f"auth.{name}",)).key
    row = exemption_row(key, TODAY).replace('""', '"ada"')
    assert all(line.isprintable() for line in row.splitlines())
    estate = estate_from_text('[instances.main]\nurl = "service=x"\n' + row)
    assert estate.exemptions[0].key == key


def test_keys_that_people_keep_are_not_changed_by_what_is_remembered_beside():
    found = workload(window_of(load_history(reference_estate("marketplace") / "history")))
    things = crossings_now(found)
    assert [t.key for t in things] == [c.key for c in found.crossings]
    assert all(t.key in t.remembered_by for t in things)
