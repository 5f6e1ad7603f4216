"""Verdicts: the rules on constructed facts, the reference estates for the written reasons, and nothing made up."""

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

import pytest

import workbench as wb
from small_history import write_history
from test_busy_thresholds import HEAD, START, hours, reading
from test_commands import workbench
from workbench.decide.evidence import Evidence
from workbench.decide.facts import Break, Interval, Press, Remedy, Resource, Status
from workbench.decide.judgement import Known, judge
from workbench.decide.news import check_limits
from workbench.decide.seasons import Seasons
from workbench.decide.verdicts import moves_of, verdicts
from workbench.decide.wishes import warnings_of
from workbench.estate import load_estate
from workbench.estate.resolve import estate_from_text
from workbench.share import reference_estate
from workbench.snapshot import History, load_history

TODAY = date(2026, 3, 15)
SHARED = Status(
    "storage_used", "share", "hard", 0.85, "crossed", Interval(0.9, 0.9), "main", declared=False
)
OWN = Status("rows", "rows", "hard", 100, "crossed", Interval(120, 120), "main", "shop")
CURED = Break(
    "statement",
    "s",
    "main",
    "app",
    ("order", "shop"),
    ("shop.t",),
    remedy=Remedy("outbox", "", Interval(5, 12)),
)
STUCK = Break("inheritance", "i", "main", "app", ("order", "shop"), ("shop.t", "order.t"))


def storage(low, high=None):
    return Resource("storage", "main", 0.9, Interval(low, low if high is None else high))


@pytest.fixture(scope="module", params=("small", "grown", "market"))
def estate(request):
    return request.param, request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def small():
    return verdicts(load_history(reference_estate("hauspet-small") / "history"))


@pytest.fixture(scope="module")
def grown():
    return verdicts(load_history(reference_estate("hauspet") / "history"))


@pytest.fixture(scope="module")
def market():
    return verdicts(load_history(reference_estate("marketplace") / "history"))


# -- the rules, on constructed facts


def test_no_limit_is_no_reason():
    assert judge(Known(TODAY)).verdict == "not needed"


def test_a_written_limit_that_is_crossed_is_a_reason_however_idle_the_host():
    idle = Resource("storage", "main", 0.01, Interval(0.001, 0.001))
    assert judge(Known(TODAY, own=(OWN,), resources=(idle,))).verdict == "ready"
    cleared = replace(OWN, state="clear", value=Interval(80, 80))
    assert judge(Known(TODAY, own=(cleared,), resources=(idle,))).verdict == "not needed"


def test_what_breaks_is_decoupled_first_and_what_no_remedy_removes_blocks():
    assert judge(Known(TODAY, own=(OWN,), blockers=(CURED,))).verdict == "decouple first"
    assert judge(Known(TODAY, own=(OWN,), blockers=(CURED, STUCK))).verdict == "blocked"
    assert judge(Known(TODAY, own=(OWN,))).verdict == "ready"


def test_nothing_is_ready_while_a_kind_of_break_could_not_be_told():
    hidden = "transactions: no WAL was read"
    found = judge(Known(TODAY, own=(OWN,), unseen=(hidden,)))
    assert (found.verdict, found.open) == ("insufficient evidence", (hidden,))
    known = Known(TODAY, own=(OWN,), blockers=(CURED,), unseen=(hidden,))
    assert judge(known).verdict == "decouple first", "whatever is hidden"
    assert judge(Known(TODAY, unseen=(hidden,))).verdict == "not needed"


def test_an_instance_that_is_full_is_a_reason_for_who_relieves_it():
    assert judge(Known(TODAY, shared=(SHARED,), resources=(storage(0.4),))).verdict == "ready"
    assert judge(Known(TODAY, shared=(SHARED,), resources=(storage(0.04),))).verdict == "not needed"


def test_where_nobody_relieves_a_full_instance_it_concerns_who_presses_most():
    idle = Known(TODAY, shared=(SHARED,), resources=(storage(0.04),))
    first, other = (
        replace(idle, presses={SHARED.key: Press(Interval(0.04, 0.04), "storage", most)})
        for most in (True, False)
    )
    assert judge(first).verdict == "ready"
    assert judge(first).reasons == (SHARED,)
    assert judge(other).verdict == "not needed"


def test_growth_counts_where_growth_is_what_fills_the_instance():
    soon = replace(SHARED, state="crossing", crosses_on=date(2026, 6, 1))
    known = Known(TODAY, shared=(soon,), resources=(storage(0.04),))
    grows = {soon.key: Press(Interval(0.3, 0.3), "growth", False)}
    assert judge(replace(known, presses=grows)).verdict == "ready"
    far = replace(soon, state="clear", crosses_on=date(2027, 6, 1))
    assert judge(replace(known, shared=(far,), presses=grows)).verdict == "not needed"


def test_a_written_limit_of_which_nobody_knows_whose_it_is_withholds():
    waits = replace(SHARED, metric="lock_wait", unit="s", limit=5.0, declared=True)
    known = Known(TODAY, shared=(waits,), presses={waits.key: Press(None, "", False)})
    assert judge(known).verdict == "insufficient evidence"
    assert "whose it is" in judge(known).open[0]


def test_a_verdict_is_withheld_where_the_ends_disagree_and_there_alone():
    wide = Known(TODAY, shared=(SHARED,), resources=(storage(0.04, 0.4),))
    assert judge(wide).verdict == "insufficient evidence"
    assert "share of storage" in judge(wide).open[0]
    assert judge(replace(wide, own=(OWN,))).verdict == "ready"
    both = replace(wide, resources=(storage(0.2, 0.9),))
    assert judge(both).verdict == "ready"


def test_a_limit_whose_figure_lies_on_both_sides_withholds_and_says_why():
    doubt = replace(OWN, state="unknown", value=Interval(90, 120), because="half of it was evicted")
    found = judge(Known(TODAY, own=(doubt,)))
    assert (found.verdict, found.open) == (
        "insufficient evidence",
        ("rows of shop: half of it was evicted",),
    )
    assert (
        judge(Known(TODAY, own=(replace(doubt, value=Interval(80, 90)),))).verdict == "not needed"
    )
    assert judge(Known(TODAY, own=(replace(doubt, value=None),))).verdict == "insufficient evidence"


def test_a_limit_is_near_within_a_year_and_a_soft_one_only_once_it_is_crossed():
    def at(day, kind="hard"):
        return judge(
            Known(TODAY, own=(replace(OWN, kind=kind, state="crossing", crosses_on=day),))
        ).verdict

    assert at(date(2027, 3, 15)) == "ready"
    assert at(date(2027, 3, 16)) == "not needed"
    assert at(date(2026, 4, 1), "soft") == "not needed"
    assert judge(Known(TODAY, own=(replace(OWN, kind="soft"),))).verdict == "ready"
    ours = replace(SHARED, kind="soft")
    assert judge(Known(TODAY, shared=(ours,), resources=(storage(0.4),))).verdict == "not needed"


def test_what_vacuum_or_tuning_cures_is_fixed_in_place():
    dead = replace(OWN, metric="dead_share", unit="share", limit=0.2, value=Interval(0.5, 0.5))
    assert judge(Known(TODAY, own=(dead,), blockers=(STUCK,))).verdict == "fix in place"
    assert judge(Known(TODAY, own=(dead, OWN))).verdict == "ready"
    bloated = Known(TODAY, shared=(SHARED,), resources=(storage(0.4),), curable=True)
    assert judge(bloated).verdict == "fix in place"
    busy = replace(SHARED, metric="load", declared=True)
    sessions = replace(storage(0.5), name="active sessions")
    hot = Known(TODAY, shared=(busy,), resources=(sessions,), top_five=0.95)
    assert judge(hot).verdict == "fix in place"
    assert judge(replace(hot, top_five=0.3)).verdict == "ready"


def test_ready_is_not_said_where_nobody_looked_at_statements():
    blind = Known(TODAY, own=(OWN,), blind="extension absent")
    assert judge(blind).verdict == "insufficient evidence"
    assert judge(blind).open == ("what breaks: extension absent",)
    assert judge(replace(blind, blockers=(CURED,))).verdict == "decouple first"


# -- the reference estates


def test_small_hauspet_stays_together(small):
    found = small
    assert {v.service: v.verdict for v in found.verdicts} == dict.fromkeys(
        ("app", "eventstore", "readmodels"), "not needed"
    )
    assert all(v.crossed == () for v in found.verdicts)
    assert "None of its 3 written limits is crossed" in found.of("eventstore").argument


def test_grown_hauspet_separates_the_event_store_for_the_written_reasons(grown):
    found = grown.of("eventstore")
    assert found.verdict == "decouple first"
    crossed = {key.split(":")[1] for key in found.crossed}
    assert {"rows", "rows_per_day"} <= crossed
    rows = next(s for s in grown.statuses if s.metric == "rows" and s.service == "eventstore")
    assert f"{rows.value.low:,.0f}" in found.argument
    assert "more than 1,000,000 events in all" in found.argument
    assert "CPU was not measured" in found.argument
    assert found.urgency.days is not None
    assert found.urgency.because == "not within ten years"
    assert found.binding.name == "storage"
    assert found.binding.after.high < found.binding.used


def test_the_dangerous_wishes_are_named(grown, small):
    told = "\n".join([*grown.of("eventstore").warnings, *grown.of("readmodels").warnings])
    for words in (
        "autovacuum = off for events",
        "wal_level = minimal",
        "pg_basebackup copies a whole cluster",
        "shared enums",
    ):
        assert words in told
    assert "autovacuum is off on eventstore.events" in told
    assert "autovacuum is off on" not in "\n".join(small.of("eventstore").warnings)


def test_services_that_go_to_and_fro_are_warned_of(market, grown):
    def told(found, service):
        return [w for w in found.of(service).warnings if w.startswith("ping-pong")]

    (pair,) = (w for w in told(grown, "eventstore") if "readmodels" in w)
    assert re.search(
        r"\d+ kinds? of statements? \((under 1|\d+) calls? a day\) of readmodels", pair
    )
    assert "transactions that write both's" in pair
    # search reads product, and product never search
    assert told(market, "search") == []


def test_what_a_short_history_cannot_know_is_said():
    def told(days, slow):
        estate = estate_from_text(HEAD, environ={})
        found = Seasons(Evidence(History(estate, tuple(week(days, slow))))).of("order")
        return " | ".join(found)

    assert "7 days: less than two full weeks" in told(7, None)
    assert "no end of a month" in told(7, None)
    # from 2 November, a Monday, past the end of the month
    assert told(30, None) == ""
    assert "on Fridays its statements take at least 3.0 times" in told(30, 4)


def week(days, slow):
    """Daily readings in which order works as long every day, and three times as long on one weekday."""
    ms = 0.0
    for number in range(days + 1):
        yield reading(START + timedelta(days=number), {1: (number, ms), 2: (1, 1.0)})
        # what is read tomorrow was done today
        ms += 300.0 if number % 7 == slow else 100.0


def test_harmless_wishes_are_compared_with_what_is_there(grown):
    told = "\n".join([*grown.of("eventstore").warnings, *grown.of("readmodels").warnings])
    assert "wish not met: shared_buffers = 512MB; it is 64 MiB on main" in told
    assert "wish not met: index idx_animals_type on readmodels.animals" in told


def test_a_wish_is_met_not_met_or_unknown():
    evidence = Evidence(load_history(reference_estate("hauspet") / "history"))
    service = next(s for s in evidence.estate.services if s.name == "readmodels")

    def told(**wish):
        wishing = replace(service, attributes=MappingProxyType({"wishes": (wish,)}))
        return warnings_of(wishing, evidence.history.newest, evidence.references)

    assert told(setting="shared_buffers", value="65536kB") == (
        "wish met: shared_buffers = 65536kB on main",
    )
    assert "wish not met: work_mem = 64MB; it is 4 MiB" in told(setting="work_mem", value="64MB")[0]
    assert told(setting="track_io_timing", value="true")[0].startswith("wish met")
    assert "no setting of that name" in told(setting="share_buffers", value="64MB")[0]
    assert "not understood" in told(setting="work_mem", value="plenty")[0]
    assert told(index="animals_pkey", table="animals")[0].startswith("wish met: index animals_pkey")
    assert told(index="animals_pkey", table="sponsorships")[0].startswith("wish not met")


def test_harmless_wishes_are_not_warned_of():
    evidence = Evidence(load_history(reference_estate("hauspet") / "history"))
    service = next(s for s in evidence.estate.services if s.name == "readmodels")
    wishes = (
        {"setting": "autovacuum", "value": "on"},
        {"setting": "wal_level", "value": "replica"},
        {"command": "pg_dump hauspet_db"},
    )
    calm = replace(service, attributes=MappingProxyType({"wishes": wishes}))
    assert warnings_of(calm, evidence.history.newest, evidence.references) == (
        "wish met: autovacuum = on on main",
        "wish met: wal_level = replica; logical on main holds it and more",
    )


def test_rows_that_change_break_the_promise_of_append_only():
    evidence = Evidence(load_history(reference_estate("hauspet") / "history"))
    service = next(s for s in evidence.estate.services if s.name == "readmodels")

    def told(*names):
        promised = replace(service, attributes=MappingProxyType({"append_only": names}))
        return warnings_of(promised, evidence.history.newest, evidence.references)

    assert re.match(
        r"append-only is broken: [\d,]+ updates and [\d,]+ deletes of readmodels.animals",
        told("animals")[0],
    )
    assert "was not found" in told("animls")[0]


def test_pressure_isolation_and_urgency_are_within_what_they_can_be(estate):
    _, found = estate
    assert [v.service for v in found.verdicts] == sorted(v.service for v in found.verdicts)
    for verdict in found.verdicts:
        assert verdict.isolation.share is None or 0 <= verdict.isolation.share <= 1
        pressed = [r.pressure.high for r in verdict.resources if r.pressure]
        assert verdict.binding.pressure.high == max(pressed)
        assert verdict.urgency.after is None or verdict.urgency.after >= verdict.urgency.days
        assert verdict.argument.endswith(".")


def test_marketplace_moves_those_that_fill_its_instance(market):
    found = market
    moved = [v for v in found.verdicts if v.verdict != "not needed"]
    assert [v.service for v in moved] == ["notification", "search"]
    for verdict in moved:
        assert re.search(
            r"storage used of main: .*takes \d+ % of the growth", verdict.argument, re.I
        )
    for verdict in found.verdicts:
        if verdict not in moved:
            assert "notification presses on it most" in verdict.argument
            assert "which is no relief" in verdict.argument
    argument = found.of("notification").argument
    assert "80 MB" in argument
    assert "capacity meeting of January 2026" in argument
    counts = dict(found.of("order").isolation.counts)
    assert counts["foreign keys in"] == 1
    assert counts["views out"] == 3


@pytest.mark.parametrize("per", ["estate", "instance"])
def test_a_crossed_limit_of_the_whole_concerns_who_has_most_of_it(per):
    limit = (
        f'[[thresholds]]\nmetric = "calls_per_day"\nper = "{per}"\nhard = 100\nsource = "budget"\n'
    )
    estate = estate_from_text(HEAD + limit, environ={})
    read = tuple(replace(r, estate=estate) for r in hours({2: 50.0}))
    found = verdicts(History(estate, read))
    where = "main" if per == "instance" else ""
    assert found.of("order").crossed == (f"threshold:calls_per_day:hard:{where}",)
    assert found.of("user").crossed == ()
    argument = found.of("order").argument
    assert f"calls per day of {where or 'the estate'}: " in argument.lower()
    assert "it takes 100 % of the calls, more than any other" in argument


# -- what is not known


def test_one_snapshot_of_an_undeclared_estate_makes_up_no_figure(tmp_path):
    history = write_history(tmp_path / "small" / "history", ["shop", "order"], days=1)
    found = verdicts(load_history(history))
    assert found.verdicts
    for verdict in found.verdicts:
        assert verdict.verdict in ("not needed", "insufficient evidence")
        assert (verdict.urgency.days, verdict.urgency.after) == (None, None)
        assert verdict.urgency.because
        assert verdict.binding is None
        assert all(r.used is None and r.because for r in verdict.resources if r.name == "storage")
        assert any("storage_gb" in step for step in verdict.settles)


# -- the command


def test_a_service_of_which_nothing_is_there_is_unknown_and_hides_nobody_else(tmp_path):
    text = '[instances.main]\nurl = "service=x"\ncapacity = { storage_gb = 1 }\n'
    text += "".join(f'[services.{n}]\nschemas = ["{n}"]\n' for n in ("shop", "auth"))
    history = load_history(write_history(tmp_path / "history", ["shop", "auth"]))

    def read(more=""):
        estate = estate_from_text(text + more, environ={})
        return Evidence(
            replace(history, snapshots=tuple(replace(s, estate=estate) for s in history))
        )

    evidence = read('[services.ghost]\nschemas = ["ghosts"]\n')
    ghost = verdicts(evidence).of("ghost")
    assert ghost.verdict == "insufficient evidence"
    assert "nothing of it was found" in ghost.argument
    assert {figure for _, figure in ghost.isolation.counts} == {None}
    alone = moves_of(evidence).what_if(["ghost"])
    assert (alone.breaks, alone.round_trips) == ((), None)
    assert any("nothing of it was found" in said for said in alone.unknown)
    assert moves_of(evidence).what_if(["shop"]).round_trips is None, "no statement was read"
    for name in ("shop", "auth"):
        assert verdicts(evidence).of(name).argument == verdicts(read()).of(name).argument


def test_the_command_prints_one_document(grown):
    told = json.loads(
        workbench(
            "verdicts", "--estate", reference_estate("hauspet"), "--what-if", "eventstore", "--json"
        ).stdout
    )
    members = {"coverage", "thresholds", "verdicts", "order", "targets", "what_if", "designs"}
    assert set(told) == members
    again = {v["service"]: v["verdict"] for v in told["verdicts"]}
    assert again == {v.service: v.verdict for v in grown.verdicts}
    assert told["what_if"]["breaks"]


def test_check_fails_where_a_limit_is_crossed_and_passes_where_none_is():
    assert workbench("verdicts", "--estate", reference_estate("hauspet"), "--check").returncode == 1
    assert (
        workbench("verdicts", "--estate", reference_estate("hauspet-small"), "--check").returncode
        == 0
    )


def test_an_exempted_limit_is_no_news(grown, tmp_path):
    history = load_history(reference_estate("hauspet") / "history")
    red = check_limits(grown.statuses, history)
    first, *rest = (a.key for a in red.alerts)
    text = f'[[exemptions]]\nkey = "{first}"\nowner = "platform"\nreason = "known"\nexpires = 2027-01-01\n'
    (tmp_path / "estate.toml").write_text(
        (reference_estate("hauspet") / "estate.toml").read_text("utf-8") + text, "utf-8"
    )
    exempt = load_history(history.folder, load_estate(tmp_path))
    assert [a.key for a in check_limits(grown.statuses, exempt).alerts] == rest


def test_a_service_that_is_unknown_is_named_with_the_nearest():
    found = workbench("verdicts", "--estate", reference_estate("hauspet"), "--what-if", "eventstor")
    assert found.returncode == 2
    assert "'eventstore'" in found.stderr


def test_together_the_edges_between_them_vanish():
    moves = moves_of(wb.open_bench(reference_estate("marketplace")))
    pair = {b.key for b in moves.what_if(["order", "inventory"]).breaks}
    alone = {b.key for b in moves.what_if(["order"]).breaks}
    gone = alone - pair
    assert gone
    assert all("inventory" in key for key in gone)
