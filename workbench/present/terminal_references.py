"""References in a terminal: the answer first, who refers to whom, what is open, what differs from the map."""

from __future__ import annotations

from rich.text import Text

from workbench.analyse.references import References
from workbench.model import COLUMN_KINDS, Reference, ReferenceEnd
from workbench.present.references import KINDS, references_answer
from workbench.present.terminal import print_coverage, stdout, table
from workbench.present.text import legible, shorten

_MOST = 30
_BESIDE = (
    24  # characters of a line that the two ends do not have: kind, share, and the space between
)


def print_references(found: References) -> None:
    """Print the answer, the references that cross (those of columns where none does), the open ones, differences, and the next command."""
    console = stdout()
    console.print(Text(references_answer(found)), style="bold")
    print_coverage(found.coverage)
    crossing = [r for r in found.crossing if r.group != "audit"]
    inside = [r for r in found.accepted if r.kind in COLUMN_KINDS and r.group != "audit"]
    shown, what = (crossing, "that cross") if found.crossing else (inside, "inside")
    if shown:
        rows = [_row(r) for r in shown[:_MOST]]
        console.print(table(("from", "to", "kind", "sure"), rows, right="lllr"))
    _more(len(shown) - _MOST, what)
    if found.unresolved:
        console.print()
        rows = [
            (
                _place(r.source),
                " or ".join(_place(c.target) for c in r.candidates[:2])
                or legible("; ".join(r.evidence)),
            )
            for r in found.unresolved[:_MOST]
        ]
        console.print(table(("column", "may mean"), rows))
    _more(len(found.unresolved) - _MOST, "unresolved")
    for finding in found.differences[:_MOST]:
        console.print(Text(f"map: {legible(finding.detail)}"))
    _more(len(found.differences) - _MOST, "differences from the map")
    console.print(Text("next: workbench references --json, or workbench diagram --service NAME"))


def _row(reference: Reference) -> tuple[str, ...]:
    target = reference.target
    return (
        _place(reference.source),
        _place(target) if target else "",
        KINDS[reference.kind],
        f"{reference.confidence:.2f}",
    )


def _place(end: ReferenceEnd) -> str:
    """Service, table and column, without the schema: as much as fits beside the other end."""
    names = [end.service or end.database, end.table or end.object, *end.columns[:1]]
    more = f" +{len(end.columns) - 1}" if len(end.columns) > 1 else ""
    return shorten(legible(".".join(n for n in names if n) or "-"), 36 - len(more)) + more


def _more(count: int, what: str) -> None:
    if count > 0:
        stdout().print(Text(f"+{count} more {what}"), style="dim")
