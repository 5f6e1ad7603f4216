"""The pages of a report: the index, a page per notebook, a page per service, each cut for those who read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from workbench import __version__
from workbench.present import capacity as show
from workbench.present import changes, decided, html, separation
from workbench.present.audience import Audience
from workbench.present.bench import Bench
from workbench.present.service import service_page, services_with_a_page
from workbench.present.tables import Table
from workbench.present.text import file_name
from workbench.review.execute import Outcome

SERVICES = "service"
"""The folder of the pages of services, beside the index."""


def write_pages(
    folder: Path,
    bench: Bench,
    outcomes: Sequence[Outcome],
    audience: Audience | None = None,
    before: Path | None = None,
) -> None:
    """Write the index, a page per notebook and per service, and the assets into ``folder``, as the audience may see them.

    ``before`` is the report that changes are told since; None: what ``changes.since`` takes.
    """
    audience = audience or Audience()
    pages = _addresses(outcomes)
    links = [
        html.Link(href, html.title_of(o.notebook) or o.name, failed=bool(o.failure))
        for href, o in pages.items()
    ]
    frame = html.Frame(
        estate=bench.title,
        period=bench.period_alone,
        simulated=bench.coverage.simulated,
        coverage=bench.covered,
        provenance=_provenance(bench, audience),
        version=__version__,
        pages=[html.Link("index.html", "Summary"), *links],
    )

    def write(href: str, page: str) -> None:
        (folder / href).parent.mkdir(exist_ok=True)
        (folder / href).write_text(audience.page(page), encoding="utf-8")

    html.write_assets(folder)
    for href, outcome in pages.items():
        failure = outcome.failure or ""
        write(href, html.notebook_page(outcome.notebook, frame, here=href, failure=failure))
    services = _service_addresses(bench, audience)
    beside = {name: PurePosixPath(href).name for name, href in services.items()}
    for name, href in services.items():
        write(href, html.service_page(frame, service_page(bench, name, beside), here=href))
    runs = [
        html.Run(link.href, link.title, html.summary_of(o.notebook), o.failure or "")
        for link, o in zip(links, outcomes, strict=True)
    ]
    since = changes.since(bench, None if before is None else str(before))
    sections = _sections(bench, services, since)
    write(
        "index.html",
        html.index_page(frame, headline=_headline(bench), sections=sections, runs=runs),
    )


def _headline(bench: Bench) -> show.Headline:
    """What is decided, and what is there, in one breath."""
    verdicts, sizes = separation.headline(bench), show.headline(bench)
    return show.Headline(verdicts.sentence, [*verdicts.figures, *sizes.figures[2:]])


def _service_addresses(bench: Bench, audience: Audience) -> dict[str, str]:
    """Where the page of each service is that the audience may see."""
    seen = services_with_a_page(bench)
    if audience.services is not None:
        seen = [name for name in seen if name in audience.services]
    return {name: f"{SERVICES}/{file_name(name)}.html" for name in seen}


def _addresses(outcomes: Sequence[Outcome]) -> Mapping[str, Outcome]:
    """Addresses that stay when notebooks are renumbered: ``01_capacity`` is ``capacity.html``."""
    found: dict[str, Outcome] = {}
    for outcome in outcomes:
        short = f"{file_name(outcome.name.lstrip('0123456789').lstrip('_'))}.html"
        taken = short in found or short == "index.html"
        found[f"{file_name(outcome.name)}.html" if taken else short] = outcome
    return found


def _provenance(bench: Bench, audience: Audience) -> str:
    digest = bench.coverage.estate_digest
    taken = bench.coverage.snapshots
    snapshots = f"{taken} snapshot{'' if taken == 1 else 's'}"
    parts = [snapshots, f"estate file {digest[:12]}" if digest else "", audience.told]
    return " · ".join(filter(None, parts))


def _sections(
    bench: Bench, addresses: Mapping[str, str], since: changes.Since
) -> list[html.Section]:
    missing = len(bench.coverage.missing)

    def linked(table: Table) -> Table:
        return replace(table, links=addresses)

    return [
        html.Section("Which service is to move", linked(separation.decisions(bench))),
        html.Section("Decisions due", linked(decided.due(bench))),
        html.Section("What changed", html.Several([since, since.table])),
        html.Section("What is there, and how it grows", linked(show.services(bench))),
        html.Section(
            "What could not be measured",
            show.not_measured(bench),
            f"{missing} gap{'' if missing == 1 else 's'}: what a figure rests on is not complete."
            if missing
            else "",
        ),
    ]
