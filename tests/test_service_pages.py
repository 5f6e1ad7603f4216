"""A page for each service, and reports cut for those who read them."""

import re
from html import unescape
from pathlib import Path

import pytest

from workbench.decide.designs import designs
from workbench.errors import UsageError
from workbench.present import Bench, open_bench
from workbench.present.audience import audience_of, without_private
from workbench.present.service import services_with_a_page
from workbench.present.text import slug
from workbench.review import write_pages


@pytest.fixture(scope="module")
def bench() -> Bench:
    return open_bench()


def _pages(bench: Bench, folder: Path, word: str) -> dict[str, str]:
    logins = set(bench.history.newest.frame("roles", "rolname")["rolname"].dropna())
    write_pages(folder, bench, [], audience_of(word, bench.estate, logins))
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.html"))
    }


@pytest.fixture(scope="module")
def pages(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return _pages(bench, tmp_path_factory.mktemp("lead"), "lead")


@pytest.fixture(scope="module")
def room(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return _pages(bench, tmp_path_factory.mktemp("room"), "room")


def _text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.replace("<wbr>", ""))).split())


def _section(page: str, anchor: str) -> str:
    found = re.search(rf'<section>\s*<h2 id="{anchor}">.*?</section>', page, re.DOTALL)
    assert found, anchor
    return _text(found[0])


def test_every_service_with_data_has_a_page_that_the_index_leads_to(bench, pages):
    expected = {f"service/{name}.html" for name in services_with_a_page(bench)}
    assert len(expected) == 13
    assert set(pages) == {"index.html", *expected}
    assert set(re.findall(r'href="(service/[^"#]+)"', pages["index.html"])) == expected


def test_addresses_on_a_page_in_a_folder_lead_out_of_it(pages, tmp_path, bench):
    found = set(re.findall(r'(?:href|src)="((?!#|data:)[^"]+)"', pages["service/order.html"]))
    assert "../index.html" in found
    services = {path.removeprefix("service/") for path in pages if path.startswith("service/")}
    assert all(address.startswith("../") or address in services for address in found)


def test_a_page_says_whose_the_service_is_and_how_large(bench, pages):
    page = pages["service/order.html"]
    card = _section(page, "whose-is-it-and-where")
    assert "checkout@marketplace.example" in card
    assert "main/hos_marketplace/order_service" in card
    relations = bench.capacity.relations
    mine = relations[(relations["service"] == "order") & relations["kind"].isin(["r", "p"])]
    sizes = _section(page, "how-large-is-it-and-how-does-it-grow")
    assert len(mine)
    assert all(f"order_service.{table}" in sizes for table in mine["table"])


def test_crossings_stand_on_the_pages_of_both_with_statement_caller_and_pace(pages):
    there = _section(pages["service/search.html"], "whom-does-it-touch")
    here = _section(pages["service/product.html"], "who-touches-it")
    for told in (there, here):
        assert "product_service.products" in told
        assert "FROM product_service.products" in told
        assert "16 Feb – 15 Mar" in told
    assert "search" in here
    assert "Nothing is known to break." not in _text(pages["service/order.html"])


def test_rows_have_addresses_that_minutes_can_link_to(bench, pages):
    """Made of keys alone: another night, or another page with the same row, gives the same ones."""
    page = pages["service/search.html"]
    for crossing in bench.crossings:
        if crossing.kind == "statement" and crossing.actor == "search":
            assert f'id="{slug("crossing", crossing.key)}"' in page
    for reference in bench.references.crossing:
        if reference.target and "search" in (reference.source.service, reference.target.service):
            assert f'id="{slug("reference", reference.key)}"' in page
    mine = [s for s in bench.verdicts.statuses if s.service == "search"]
    assert mine
    assert all(f'id="{slug("threshold", s.key)}"' in page for s in mine)
    for other in pages.values():
        found = re.findall(r'id="([^"]+)"', other)
        assert len(found) == len(set(found))


def test_names_and_boxes_of_other_services_lead_to_their_pages(pages):
    page = pages["service/product.html"]
    assert '<a href="search.html">' in page
    drawn = page[page.index('id="its-tables"') :]
    assert re.search(r'<a href="search\.html" aria-label=', drawn)
    assert 'href="product.html' not in drawn


def test_a_team_is_led_to_no_page_that_it_does_not_get(bench, tmp_path):
    found = _pages(bench, tmp_path, "team:identity")
    for page in found.values():
        for address in re.findall(r'href="((?:service/)?\w+\.html)"', page):
            assert f"service/{address.removeprefix('service/')}" in found or address in found


def test_a_page_says_where_the_service_may_go_and_what_that_leaves(pages):
    told = _section(pages["service/notification.html"], "where-may-it-go")
    assert "own database, same server" in told
    assert "autovacuum workers" in told
    assert "Citus" in told


def test_what_was_decided_for_a_service_stands_on_its_page(tmp_path):
    from workbench.share import reference_estate

    source = reference_estate("hauspet-small")
    folder = tmp_path / "estate"
    (folder / "decisions").mkdir(parents=True)
    (folder / "estate.toml").write_text((source / "estate.toml").read_text("utf-8"), "utf-8")
    (folder / "decisions" / "1.md").write_text(
        '+++\nid = "1"\ndate = 2026-01-02\nservice = "eventstore"\noption = "stay"\n'
        'owner = "ada"\ndue = 2026-01-03\n+++\nWait for <the> queue.\n',
        "utf-8",
    )
    held = open_bench(folder, history=source / "history")
    pages = _pages(held, tmp_path / "out", "lead")
    told = _section(pages["service/eventstore.html"], "what-was-decided")
    assert "Wait for <the> queue." in told
    assert "ada has it since 2026-01-03" in told
    assert "<the>" not in pages["service/eventstore.html"]
    assert "overdue" in _section(pages["index.html"], "decisions-due")
    assert "Nothing is decided" in _section(pages["service/app.html"], "what-was-decided")


def test_a_room_sees_no_login_no_grant_and_no_text_of_a_statement(bench, pages, room):
    assert set(room) == set(pages)
    texts = {" ".join(t.split())[:40] for t in bench.workload.statements["query"].dropna()}
    texts = {t for t in texts if len(t) == 40}

    def leaks(held: dict[str, str]) -> set[str]:
        whole = " ".join(_text(page) for page in held.values())
        titles = " ".join(
            unescape(t) for p in held.values() for t in re.findall(r'title="([^"]*)"', p)
        )
        tips = " ".join(
            unescape(t) for p in held.values() for t in re.findall(r"<title>([^<]*)", p)
        )
        said = f"{whole} {titles} {tips}"
        return {t for t in texts if t in said} | set(
            re.findall(r"GRANT [A-Za-z]\w+|login \(?(?:app|search|content|workbench)\b", said)
        )

    assert leaks(pages)  # what is looked for is there for the lead
    assert not leaks(room)


def test_a_room_still_sees_who_touches_whom_and_what_is_missing(room):
    told = _section(room["service/search.html"], "whom-does-it-touch")
    assert "product_service.products" in told
    assert "hba_rules" in _section(room["index.html"], "what-could-not-be-measured")
    assert "without logins, grants and texts of statements" in _text(room["index.html"])


def test_a_team_gets_the_pages_of_its_services(bench, tmp_path):
    found = _pages(bench, tmp_path, "team:identity")
    assert set(found) == {"index.html", "service/auth.html", "service/user.html"}
    links = re.findall(r'href="(service/[^"#]+)"', found["index.html"])
    assert set(links) == {"service/auth.html", "service/user.html"}


@pytest.mark.parametrize("word", ["rooms", "team:nobody", "team:", ""])
def test_an_unknown_audience_is_refused_with_those_there_are(bench, word):
    with pytest.raises(UsageError, match=r"audience: .* is none"):
        audience_of(word, bench.estate)


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        ("a<p data-private>b", "a"),
        ("<ul><li data-private>b<br>c<li>d</ul>e", "<ul>"),
        ('<i data-private title="<b>">x</i>&amp;&#8211;<!-- c -->', "&amp;&#8211;<!-- c -->"),
        (
            "<svg><title data-private/><clipPath></clipPath></svg>",
            "<svg><clipPath></clippath></svg>",
        ),
        ("<p data-private>a<i>b</p>c", "c"),
        ("<script>if (a<b) '</p>'</script><p>x</p>", "<script>if (a<b) '</p>'</script><p>x</p>"),
    ],
)
def test_what_is_marked_is_cut_with_all_that_is_inside(page, kept):
    assert without_private(page).startswith(kept)
    assert "b" not in without_private(page).replace("<script>if (a<b)", "")


@pytest.mark.parametrize(
    "held", sorted((Path(__file__).parent / "formats").iterdir()), ids=lambda p: p.name
)
def test_a_history_of_an_older_format_gives_every_page(held, tmp_path):
    """What its snapshots lack is unknown there, and stops nothing."""
    bench = open_bench(history=held / "history")
    pages = _pages(bench, tmp_path, "lead")
    assert len(pages) == 1 + len(services_with_a_page(bench)) > 1
    assert len(designs(bench).to_json()) > 0
