"""Whatever is withheld names the date, the statement or the line that would make it available."""

import re
from dataclasses import replace

import pandas as pd
import psycopg
import pytest

from workbench.analyse.capacity import capacity
from workbench.analyse.readiness import FRAMES, readiness
from workbench.analyse.upkeep import limits
from workbench.analyse.workload import workload
from workbench.collect import collect
from workbench.estate import estate_from_urls, load_estate
from workbench.snapshot import History, window_of

SETTLED_BY = re.compile(
    r"\d{4}-\d\d-\d\d|\b(?:GRANT|ANALYZE|CREATE|ALTER) |`workbench \w+|the estate file|run again"
)
FIGURES = {
    "relations": ["total_bytes"],
    "services": ["total_bytes"],
    "schemas": ["total_bytes"],
    "databases": ["relations_bytes", "catalogue_bytes", "rest_bytes"],
    "instances": ["bytes", "full_on"],
}


@pytest.fixture
def estate(database, tmp_path):
    """An estate of a database that a guest may enter, and of one that it may not."""
    closed = f"{database.name}_closed"
    with psycopg.connect(database.server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {closed}")
        admin.execute(f"REVOKE CONNECT ON DATABASE {closed} FROM PUBLIC")
        admin.execute("CREATE ROLE figures_guest LOGIN")
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute('CREATE TABLE "a""b" (id serial PRIMARY KEY, n int CHECK (n > 0))')
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    url = database.server.url(database.name, "figures_guest")
    (tmp_path / "estate.toml").write_text(
        f'[estate]\nname = "x"\n[instances.main]\nurl = "{url}"\n'
        f'[services.a]\ndatabase = "{database.name}"\n[services.b]\ndatabase = "{closed}"\n'
    )
    yield load_estate(tmp_path)
    with psycopg.connect(database.server.url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {closed}")
        admin.execute("DROP ROLE figures_guest")


@pytest.mark.parametrize("budget", [20.0, 0.0], ids=["in time", "out of time"])
def test_a_guest_learns_what_would_settle_each_figure(estate, database, budget):
    snapshot = collect(estate, sizes_s=budget)
    gaps = snapshot.manifest.missing
    assert {m.what for m in gaps} >= {"database", "database_sizes", "settings", "statements"}
    for missing in gaps:
        assert missing.why, missing
        assert SETTLED_BY.search(missing.remedy) or "next run" in missing.remedy, missing
    for finding in readiness(snapshot):
        assert finding.remediation, finding
    found = capacity(History(estate, (snapshot,)))
    withheld = 0
    for name, columns in FIGURES.items():
        frame = getattr(found, name)
        for row in frame[frame[columns].isna().any(axis=1)].to_dict("records"):
            withheld += 1
            assert SETTLED_BY.search(row["because"]), (name, row)
    unsized = found.databases[found.databases["bytes"].isna()]
    assert len(unsized)
    assert unsized["bytes_because"].str.contains(SETTLED_BY.pattern).all()
    held = limits(snapshot)
    for row in held[held["value"].isna()].to_dict("records"):
        withheld += 1
        assert SETTLED_BY.search(row["because"]), row
    for row in found.rows():
        if row["value"] is None:
            withheld += 1
            assert SETTLED_BY.search(row["because"]), row
    assert withheld > 5
    assert pd.notna(found.services["because"]).all()


SETTING = "setting-pg-stat-statements-track"


def test_what_is_set_for_the_reader_alone_is_not_taken_for_the_servers(database):
    """Its role's setting, and one in its URL, hide what others get; one of the database does not."""
    server = database.server
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE figures_reader LOGIN; GRANT pg_monitor TO figures_reader")

        def told(name, url=None):
            url = url or server.url(name, "figures_reader")
            found = readiness(collect(estate_from_urls([url]), only=FRAMES))
            return [(f.level, f.detail) for f in found if f.rule == SETTING]

        try:
            assert told(database.name) == []
            admin.execute("ALTER ROLE figures_reader SET pg_stat_statements.track = 'none'")
            ((level, detail),) = told(database.name)
            assert level == "info"
            assert detail.endswith("for figures_reader alone: what it is for others cannot be seen")
            admin.execute("ALTER ROLE figures_reader RESET ALL")
            own = f"{database.url}&options=-c%20pg_stat_statements.track%3Dnone"  # of a superuser
            assert [level for level, _ in told(database.name, own)] == ["info"]
            admin.execute(f"ALTER DATABASE {database.name} SET pg_stat_statements.track = 'none'")
            assert [level for level, _ in told(database.name)] == ["error"]
        finally:
            admin.execute(f"ALTER DATABASE {database.name} RESET ALL")
            admin.execute("DROP ROLE figures_reader")


def test_a_history_of_pulses_says_that_a_night_is_missing(database):
    estate = estate_from_urls([database.url])
    named = replace(
        estate, implicit=False, services=collect(estate, only={"schemas"}).settled.services
    )
    pulses = History(named, tuple(collect(named, profile="pulse") for _ in range(2)))
    assert pulses.coverage.partial
    assert not pulses.newest.coverage.partial, "the pulse itself took all that it was to take"
    grown = capacity(pulses)
    load = workload(window_of(pulses)).services
    for because in (*grown.services["because"], *grown.instances["because"], *load["because"]):
        assert "only pulses were collected" in because
    night = History(named, (*pulses.snapshots, collect(named)))
    assert not night.coverage.partial
