"""Tables for pages and notebooks: figures aligned, units in the head, exact values at hand, unknowns explained.

Every cell is text from somewhere else and is escaped. A figure that is not known is the word *unknown*
with a note that says why: never blank, never 0.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd

from workbench.present.text import escape
from workbench.present.theme import GREY, Colour
from workbench.present.units import Scale, count_text, day_text, exact, interval_text, scale_of

Kind = Literal["text", "name", "bytes", "count", "amount", "share", "ms", "date", "list", "sql"]
_FIGURES = ("bytes", "count", "amount", "share", "ms")
_SHORT_SQL, _LONG_SQL = (
    48,
    96,
)  # characters of a statement that are shown in a column, and below a row
NO_REASON = "the reason was not recorded"


@dataclass(frozen=True)
class Column:
    """How one column of a frame is shown: its key there, its head, its kind, and what a figure is per.

    An *amount* is a count of something else in each row: it has a unit of its own there, not the column's. *ms* are
    milliseconds, to three digits. A *list* is a tuple of names, one below the other. *sql* is folded to its beginning.
    ``until`` names the frame's column with the upper end where a figure is an interval (missing alone: it is at
    least so much), ``at_most`` one that says
    where a figure is the most it can be.
    ``because`` names the frame's column that says why a value is missing, ``otherwise`` is the reason where
    that says nothing; ``absent`` is shown instead of *unknown* where nothing is missing but nothing applies
    either (a table without a service, say). A *private* column, as every one of *sql*, is not for a room.
    """

    key: str
    head: str
    kind: Kind = "text"
    per: str = ""  # "day" makes bytes a rate, shown with a sign
    because: str = "because"
    otherwise: str = NO_REASON
    absent: str = ""
    until: str = ""
    at_most: str = ""
    below: bool = False
    private: bool = False

    @property
    def mark(self) -> str:
        """The attribute of its cells that cuts them out of a page for a room: see ``workbench.present.audience``."""
        return " data-private" if self.private or self.kind == "sql" else ""


@dataclass(frozen=True)
class Table:
    """Rows of a frame, ready for a page: displays itself in a notebook, and prints as plain text.

    ``colours`` puts a swatch before the first column's names; ``limit`` caps the rows, and says so; ``ids``
    names the frame's column with an id for each row (``slug``, or missing), for links to it. A *private* table is
    not for a room. ``links`` are the addresses of the first column's names. A page's script
    sorts, searches and copies; what it needs for that stands in ``data-`` attributes: exact figures and units.
    """

    frame: pd.DataFrame
    columns: Sequence[Column]
    caption: str = ""
    empty: str = "Nothing to show."
    limit: int = 60
    colours: Mapping[str, Colour] = field(default_factory=dict)
    private: bool = False
    links: Mapping[str, str] = field(default_factory=dict)
    ids: str = ""

    def _repr_html_(self) -> str:
        if self.frame.empty:
            return f'<p class="wb-empty">{escape(self.empty)}</p>'
        notes: dict[str, int] = {}
        beside = [column for column in self.columns if not column.below]
        # what a private column says of its gaps comes last, so that the numbers of the others stay when it is cut
        cells_of = {c.key: self._cells(c, notes) for c in beside if not c.mark}
        open_to_all = len(notes)
        cells_of |= {c.key: self._cells(c, notes) for c in beside if c.mark}
        cells = [cells_of[column.key] for column in beside]
        ids = self._shown(self.ids) if self.ids else [None] * len(cells[0])
        rows = [_row(name, row) for name, row in zip(ids, zip(*cells, strict=True), strict=True)]
        body = "<tbody>\n" + "\n".join(rows) + "\n</tbody>"
        if under := [column for column in self.columns if column.below]:
            folds = zip(*(self._under(column, len(beside)) for column in under), strict=True)
            pairs = zip(rows, folds, strict=True)
            body = "\n".join(f"<tbody>{row}{''.join(fold)}</tbody>" for row, fold in pairs)
        head = "".join(self._head(column) for column in beside)
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        label = escape(self.caption or "Table")
        return (
            f'<div class="wb-table"{" data-private" if self.private else ""}><div class="wb-scroll" role="region" tabindex="0" aria-label="{label}">'
            f"<table>{caption}<thead><tr>{head}</tr></thead>\n{body}</table></div>"
            f"{self._more()}{_footnotes(notes, open_to_all)}</div>"
        )

    def __repr__(self) -> str:
        if self.frame.empty:
            return self.empty
        shown = {column.head: self._plain(column) for column in self.columns}
        return str(pd.DataFrame(shown).to_string(index=False))

    def _plain(self, column: Column) -> list[Any]:
        values = self._shown(column.key)
        ends = self._shown(column.until) if column.until else values
        return [
            (column.absent or "unknown")
            if value is None
            else interval_text(value, end, lambda v: f"{v:.4g}")
            if column.until
            else value
            for value, end in zip(values, ends, strict=True)
        ]

    def _shown(self, key: str) -> list[Any]:
        return [None if _missing(value) else value for value in self.frame[key].head(self.limit)]

    def _scale_text(self, column: Column) -> tuple[str, Callable[[float], str]]:
        """The unit of the head, and how a figure of this column is written."""
        signed = bool(column.per)
        if column.kind == "amount":
            return "", count_text
        if column.kind == "share":
            return "%", lambda value: "< 0.1" if 0 < value < 0.0005 else f"{value * 100:.1f}"
        if column.kind == "ms":
            return "ms", lambda value: f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"
        scale = self._scale(column)
        unit = f"{scale.unit}/{column.per}" if column.per else scale.unit
        return unit.lstrip("/") if scale.unit else (f"per {column.per}" if column.per else ""), (
            lambda value: scale.text(value, signed=signed)
        )

    def _scale(self, column: Column) -> Scale:
        """The unit of a column; sizes share one, so that they can be compared along a row."""
        alike = [column]
        if column.kind == "bytes":
            alike = [c for c in self.columns if c.kind == "bytes" and c.per == column.per]
        keys = [key for c in alike for key in (c.key, c.until) if key]
        known = [float(v) for key in keys for v in self._shown(key) if v is not None]
        return scale_of(known, of_bytes=column.kind == "bytes")

    def _head(self, column: Column) -> str:
        figure = column.kind in _FIGURES
        unit = self._scale_text(column)[0] if figure else ""
        shown = (
            f'{escape(column.head)} <span class="wb-unit">{escape(unit)}</span>'
            if unit
            else escape(column.head)
        )
        exactly = f' class="wb-n" data-unit="{escape(_unit(column))}"' if figure else ""
        return f'<th scope="col"{exactly}{column.mark}>{shown}</th>'

    def _cells(self, column: Column, notes: dict[str, int]) -> list[str]:
        values = self._shown(column.key)
        reasons = (
            self._shown(column.because) if column.because in self.frame else [None] * len(values)
        )
        write = self._scale_text(column)[1] if column.kind in _FIGURES else None
        first = column is self.columns[0]
        ends = self._shown(column.until) if column.until else values
        most = self._shown(column.at_most) if column.at_most else [False] * len(values)
        cells = []
        for value, end, reason, least in zip(values, ends, reasons, most, strict=True):
            if value is None or (end is None and not value > 0):
                cells.append(_nothing(column, reason, notes, first=first))
            elif end is None and write:
                why = str(reason or column.otherwise)
                cells.append(_at_least(column, float(value), write, why, notes))
            elif write:
                cells.append(_figure(column, float(value), float(end), write, at_most=bool(least)))
            else:
                cells.append(self._words(column, value, first=first))
        return [cell[:3] + column.mark + cell[3:] for cell in cells] if column.mark else cells

    def _under(self, column: Column, width: int) -> list[str]:
        """What stands below each row."""
        found = []
        for value in self._shown(column.key):
            text = escape(column.otherwise) if value is None else _folded(str(value), _LONG_SQL)
            kind = "wb-under wb-none" if value is None else "wb-under wb-sql"
            found.append(f'<tr{column.mark}><td class="{kind}" colspan="{width}">{text}</td></tr>')
        return found

    def _words(self, column: Column, value: object, *, first: bool) -> str:
        tag, scope = ("th", ' scope="row"') if first else ("td", "")
        if isinstance(value, (date, datetime)):
            return (
                f'<{tag}{scope} data-value="{value.isoformat()}">{escape(day_text(value))}</{tag}>'
            )
        if column.kind == "sql":
            return f'<{tag}{scope} class="wb-sql">{_folded(str(value), _SHORT_SQL)}</{tag}>'
        if column.kind == "list" and isinstance(value, tuple):
            names = "<br>".join(_breakable(escape(name)) for name in value)
            return f'<{tag}{scope} class="wb-list">{names}</{tag}>'
        mark = ""
        if first and self.colours:
            swatch = self.colours.get(str(value), GREY)
            mark = f'<i class="wb-swatch" style="background:{swatch.css}"></i>'
        name = ' class="wb-name"' if column.kind == "name" else ""
        text = _breakable(escape(value)) if column.kind == "name" else escape(value)
        if first and (address := self.links.get(str(value))):
            text = f'<a href="{escape(address)}">{text}</a>'
        return f"<{tag}{scope}{name}>{mark}{text}</{tag}>"

    def _more(self) -> str:
        hidden = len(self.frame) - self.limit
        return (
            f'<p class="wb-more">+{hidden:,} more rows, not shown here.</p>' if hidden > 0 else ""
        )


def _row(name: object, cells: Sequence[str]) -> str:
    mark = f' id="{escape(name)}"' if name else ""
    return f"<tr{mark}>{''.join(cells)}</tr>"


def _nothing(column: Column, reason: object, notes: dict[str, int], *, first: bool) -> str:
    tag, scope = ("th", ' scope="row"') if first else ("td", "")
    inside = (
        escape(column.absent) if column.absent else _unknown(str(reason or column.otherwise), notes)
    )
    kind = " wb-n" if column.kind in _FIGURES else ""
    return f'<{tag}{scope} class="wb-none{kind}">{inside}</{tag}>'


def _figure(
    column: Column, value: float, end: float, write: Callable[[float], str], *, at_most: bool
) -> str:
    title = _in_full(column, end)
    if column.until and value != end:
        title = f"{_in_full(column, value)} to {title}"
    shown = interval_text(value, end, write) if column.until else write(value)
    if at_most:
        shown, title = f"≤ {shown}", f"at most {title}"
    least = f' data-from="{value:.15g}"' if column.until and value != end else ""
    least = ' data-from="unknown"' if at_most else least
    return f'<td class="wb-n" title="{escape(title)}"{least} data-value="{end:.15g}">{escape(shown)}</td>'


def _at_least(
    column: Column, value: float, write: Callable[[float], str], why: str, notes: dict[str, int]
) -> str:
    number = notes.setdefault(why, len(notes) + 1)
    title = escape(f"at least {_in_full(column, value)}; the most is unknown: {why}")
    shown = escape(interval_text(value, None, write))
    return f'<td class="wb-n" title="{title}" data-open data-value="{value:.15g}">{shown}<sup>{number}</sup></td>'


def _folded(sql: str, width: int) -> str:
    """A statement's beginning, which opens to all of it; a short one stands as it is."""
    line = " ".join(sql.split())
    if len(line) <= width:
        return f"<code>{escape(line)}</code>"
    whole = "\n".join(escape(part) for part in sql.splitlines())
    begun = escape(line[: width - 1].rstrip())
    return f"<details><summary><code>{begun}…</code></summary><pre>{whole}</pre></details>"


def _breakable(name: str) -> str:
    """Let an escaped name break where its words end, and nowhere else as long as there is room."""
    return re.sub(r"([._])(?=\w)", r"\1<wbr>", name)


def _missing(value: object) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def _in_full(column: Column, value: float) -> str:
    if column.kind == "share":
        return f"{value * 100:.4g} %"
    if column.kind == "ms":
        return exact(value, "ms")
    return exact(value, _unit(column))


def _unit(column: Column) -> str:
    """The unit of exact figures, which the head's may be a multiple of."""
    if column.kind == "share":
        return "share of 1"
    unit = {"bytes": "bytes", "ms": "ms"}.get(column.kind, "")
    if not column.per:
        return unit
    return f"{unit}/{column.per}" if unit else f"per {column.per}"


def _unknown(reason: str, notes: dict[str, int]) -> str:
    number = notes.setdefault(reason, len(notes) + 1)
    return f'<span title="{escape(reason)}">unknown<sup>{number}</sup></span>'


def _footnotes(notes: Mapping[str, int], open_to_all: int) -> str:
    if not notes:
        return ""
    lines = "".join(
        f"<li{'' if number <= open_to_all else ' data-private'}>{escape(reason)}</li>"
        for reason, number in notes.items()
    )
    return f'<ol class="wb-notes" aria-label="Why figures are unknown">{lines}</ol>'
