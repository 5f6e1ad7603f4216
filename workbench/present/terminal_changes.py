"""What changed, in a terminal: the answer first, then each change, then what could not be compared."""

from __future__ import annotations

from rich.text import Text

from workbench.decide.changes import Changes, Kind
from workbench.present.change_words import (
    ends_words,
    kind_word,
    rows_of,
    sentence,
    subject,
    way_words,
    why_words,
)
from workbench.present.terminal import stdout, table
from workbench.present.text import shorten

_MOST = 40
_SIZES: tuple[Kind, ...] = ("size", "table_size")


def print_changes(found: Changes, name: str = "") -> None:
    """Print what changed since the first end; ``name`` is what people call it."""
    console = stdout()
    console.print(Text(sentence(found, name)), style="bold")
    console.print(Text(ends_words(found)), style="dim")
    told = rows_of(c for c in found.found if c.kind not in _SIZES)
    rows = [(kind, shorten(what, 120), way) for kind, what, way, _ in told[:_MOST]]
    if rows:
        console.print(table(("kind", "what", "before → after"), rows))
    if len(told) > _MOST:
        console.print(Text(f"  +{len(told) - _MOST:,} more: --json has all"), style="dim")
    for change in found.of("verdict"):
        console.print(Text(f"{change.what}: {why_words(change)}"))
    sizes = [c for c in found.of(*_SIZES) if c.unit == "bytes"]
    if sizes:
        sizes.sort(key=lambda c: float(c.before or 0) - float(c.after or 0))
        console.print(Text("grew most"), style="bold")
        shown = [(kind_word(c), subject(c), way_words(c)) for c in sizes[:10]]
        console.print(table(("", "what", "before → after"), shown))
    groups: dict[str, list[str]] = {}
    for open_ in found.uncompared:
        groups.setdefault(open_.because, []).append(open_.what)
    for because, names in groups.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        console.print(Text(f"not compared: {shorten(names[0], 100)}{more}: {because}"), style="dim")
