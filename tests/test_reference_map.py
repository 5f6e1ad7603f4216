"""What people write of references holds: confirmed, rejected, called otherwise; and what is stale is said."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
import pytest

from workbench.analyse.references import references
from workbench.collect import collect
from workbench.estate.resolve import estate_from_text

TABLES = """
CREATE SCHEMA auth; CREATE SCHEMA docs; CREATE SCHEMA teams;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text UNIQUE);
CREATE TABLE auth.sessions (id uuid PRIMARY KEY, user_id uuid);
CREATE TABLE teams.teams (id uuid PRIMARY KEY, name text);
CREATE TABLE teams.members (team_id uuid, user_id uuid, PRIMARY KEY (team_id, user_id));
CREATE TABLE docs.pages (id uuid PRIMARY KEY, user_id uuid, keeper_id uuid, session_id uuid, folder uuid);
CREATE TABLE docs.notes (id uuid PRIMARY KEY, page_id uuid, mail text);
CREATE TABLE docs.links (id uuid PRIMARY KEY, page_id uuid REFERENCES docs.notes);
"""

ESTATE = """
[instances.main]
url = "{url}"
database = "references_map"
[services.auth]
schemas = ["auth"]
[services.docs]
schemas = ["docs"]
[services.teams]
schemas = ["teams"]
[services.billing]
external = true
"""


@pytest.fixture(scope="module")
def review(server):
    """Read the tables once; look at them with different maps."""
    with ExitStack() as stack:
        admin = stack.enter_context(psycopg.connect(server.url(), autocommit=True))
        admin.execute("CREATE DATABASE references_map")
        stack.callback(admin.execute, "DROP DATABASE references_map WITH (FORCE)")
        with psycopg.connect(server.url("references_map"), autocommit=True) as connection:
            connection.execute(TABLES)
        text = ESTATE.format(url=server.url("references_map"))
        taken = collect(estate_from_text(text))

        def look(written=""):
            snapshot = type(taken)(taken.manifest, taken.objects, estate_from_text(text + written))
            return references(snapshot)

        yield look


def by_source(found):
    return {
        f"{r.source.schema}.{r.source.table}.{r.source.columns[0]}": r
        for r in found.references
        if r.source.columns
    }


def test_without_a_map_nothing_differs_from_it(review):
    found = review()
    assert found.differences == ()
    assert by_source(found)["docs.pages.user_id"].target.relation == "auth.users"


def test_a_confirmed_reference_is_certain_and_says_who_says_so(review):
    written = '[[references]]\nfrom = "docs.notes.mail"\nto = "auth.users.email"\nnote = "agreed in May"\n'
    found = by_source(review(written))["docs.notes.mail"]
    assert (found.kind, found.status, found.confidence) == ("declared", "accepted", 1.0)
    assert found.target.columns == ("email",)
    assert found.shape == "natural_key"
    assert found.evidence[:2] == ("the estate's map says so", "agreed in May")


def test_a_rejected_reference_stays_rejected(review):
    written = '[[references]]\nfrom = "docs.pages.user_id"\nto = "auth.users.id"\nrejected = true\n'
    rows = [
        r
        for r in review(written).references
        if r.source.columns == ("user_id",) and r.source.schema == "docs"
    ]
    assert [r.status for r in rows] == ["rejected"]
    assert rows[0].evidence == ("the estate's files reject it",)


def test_a_column_that_refers_to_nothing_is_left_alone(review):
    written = '[[references]]\nfrom = "docs.pages.session_id"\nrejected = true\n'
    rows = [r for r in review(written).references if r.source.columns == ("session_id",)]
    assert [(r.status, r.target) for r in rows] == [("rejected", None)]


def test_an_alias_gives_a_word_its_table(review):
    assert "docs.pages.keeper_id" not in {
        s for s, r in by_source(review()).items() if r.status == "accepted"
    }
    written = '[[aliases]]\nword = "keeper"\nmeans = "auth.users"\n'
    found = by_source(review(written))["docs.pages.keeper_id"]
    assert (found.status, found.target.relation) == ("accepted", "auth.users")
    elsewhere = written + 'service = "teams"\n'
    again = by_source(review(elsewhere)).get("docs.pages.keeper_id")
    assert again is None or again.status != "accepted"


def test_the_map_stands_against_names_and_the_difference_is_said(review):
    written = '[[references]]\nfrom = "docs.pages.user_id"\nto = "teams.teams.id"\n'
    found = review(written)
    kept = {
        (r.kind, r.status, r.target.relation)
        for r in found.references
        if r.source.columns == ("user_id",) and r.source.table == "pages"
    }
    assert kept == {("declared", "accepted", "teams.teams"), ("inferred", "rejected", "auth.users")}
    rules = [f.rule for f in found.differences]
    assert rules.count("reference-map-contradicted") == 1


def test_a_reference_to_an_external_service_ends_there(review):
    written = '[[references]]\nfrom = "docs.pages.folder"\nto = "billing"\n'
    found = by_source(review(written))["docs.pages.folder"]
    assert found.crosses
    assert (found.target.service, found.target.table) == ("billing", None)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('from = "docs.gone.user_id"\nto = "auth.users.id"', "service docs has no such table"),
        ('from = "docs.pages.gone"\nto = "auth.users.id"', "the table has no column gone"),
        ('from = "docs.pages.user_id"\nto = "auth.gone.id"', "service auth has no such table"),
    ],
)
def test_what_matches_nothing_any_more_is_stale(review, row, said):
    (finding,) = [
        f for f in review(f"[[references]]\n{row}\n").differences if f.rule == "reference-map-stale"
    ]
    assert said in finding.detail


def test_what_crosses_and_is_not_in_the_map_is_missing_from_it(review):
    written = '[[references]]\nfrom = "docs.pages.user_id"\nto = "auth.users.id"\n'
    missing = [f for f in review(written).differences if f.rule == "reference-map-missing"]
    place = "main/references_map"
    assert [f.subject for f in missing] == [
        f"{place}/docs.pages(session_id)->{place}/auth.sessions(id)",
        f"{place}/teams.members(user_id)->{place}/auth.users(id)",
    ]


def test_a_map_that_contradicts_a_foreign_key_is_told_once(review):
    row = '[[references]]\nfrom = "docs.links.page_id"\nto = "docs.pages.id"\n'
    found = review(row + row)
    (finding,) = [f for f in found.differences if f.rule == "reference-map-contradicted"]
    assert "a foreign key says docs.notes.id" in finding.detail
    assert "correct the map, or drop the key" in finding.remediation
    right = review(row.replace("docs.pages", "docs.notes"))
    assert not [f for f in right.differences if f.rule == "reference-map-contradicted"]


def test_where_the_map_contradicts_a_foreign_key_the_key_is_learned_from(database):
    with database.connect() as connection:
        connection.execute("""
            CREATE TABLE people (id int PRIMARY KEY);
            CREATE TABLE firms (id int PRIMARY KEY);
            CREATE TABLE bills (id int PRIMARY KEY, keeper_id int REFERENCES people);
            CREATE TABLE notes (id int PRIMARY KEY, keeper_id int);
        """)
    text = (
        f'[instances.main]\nurl = "{database.url}"\n[services.all]\ndatabase = "{database.name}"\n'
    )
    text += '[[references]]\nfrom = "all.bills.keeper_id"\nto = "all.firms.id"\n'
    found = by_source(references(collect(estate_from_text(text))))
    assert found["public.notes.keeper_id"].target.table == "people"
