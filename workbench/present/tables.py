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
from workbench.present.units import Scale, count_text, day_text, exact, scale_of

Kind = Literal["text", "name", "bytes", "count", "amount", "share", "date"]
_FIGURES = ("bytes", "count", "amount", "share")
NO_REASON = "the reason was not recorded"


@dataclass(frozen=True)
class Column:
    """How one column of a frame is shown: its key there, its head, its kind, and what a figure is per.

    An *amount* is a count of something else in each row: it has a unit of its own there, not the column's.
    ``because`` names the frame's column that says why a value is missing, ``otherwise`` is the reason where
    that says nothing; ``absent`` is shown instead of *unknown* where nothing is missing but nothing applies
    either (a table without a service, say).
    """

    key: str
    head: str
    kind: Kind = "text"
    per: str = ""  # "day" makes bytes a rate, shown with a sign
    because: str = "because"
    otherwise: str = NO_REASON
    absent: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of a frame, ready for a page: displays itself in a notebook, and prints as plain text.

    ``colours`` puts a swatch before the first column's names; ``limit`` caps the rows, and says so.
    """

    frame: pd.DataFrame
    columns: Sequence[Column]
    caption: str = ""
    empty: str = "Nothing to show."
    limit: int = 60
    colours: Mapping[str, Colour] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        if self.frame.empty:
            return f'<p class="wb-empty">{escape(self.empty)}</p>'
        notes: dict[str, int] = {}
        cells = [self._cells(column, notes) for column in self.columns]
        rows = "\n".join("<tr>" + "".join(row) + "</tr>" for row in zip(*cells, strict=True))
        head = "".join(self._head(column) for column in self.columns)
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        label = escape(self.caption or "Table")
        return (
            f'<div class="wb-table"><div class="wb-scroll" role="region" tabindex="0" aria-label="{label}">'
            f"<table>{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
            f"{self._more()}{_footnotes(notes)}</div>"
        )

    def __repr__(self) -> str:
        if self.frame.empty:
            return self.empty
        shown = {
            column.head: [
                (column.absent or "unknown") if value is None else value
                for value in self._shown(column.key)
            ]
            for column in self.columns
        }
        return str(pd.DataFrame(shown).to_string(index=False))

    def _shown(self, key: str) -> list[Any]:
        return [None if _missing(value) else value for value in self.frame[key].head(self.limit)]

    def _scale_text(self, column: Column) -> tuple[str, Callable[[float], str]]:
        """The unit of the head, and how a figure of this column is written."""
        signed = bool(column.per)
        if column.kind == "amount":
            return "", count_text
        if column.kind == "share":
            return "%", lambda value: "< 0.1" if 0 < value < 0.0005 else f"{value * 100:.1f}"
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
        known = [float(v) for c in alike for v in self._shown(c.key) if v is not None]
        return scale_of(known, of_bytes=column.kind == "bytes")

    def _head(self, column: Column) -> str:
        figure = column.kind in _FIGURES
        unit = self._scale_text(column)[0] if figure else ""
        shown = (
            f'{escape(column.head)} <span class="wb-unit">{escape(unit)}</span>'
            if unit
            else escape(column.head)
        )
        return f'<th scope="col"{" class=wb-n" if figure else ""}>{shown}</th>'

    def _cells(self, column: Column, notes: dict[str, int]) -> list[str]:
        values = self._shown(column.key)
        reasons = (
            self._shown(column.because) if column.because in self.frame else [None] * len(values)
        )
        write = self._scale_text(column)[1] if column.kind in _FIGURES else None
        first = column is self.columns[0]
        return [
            self._cell(column, value, reason, write, notes, first=first)
            for value, reason in zip(values, reasons, strict=True)
        ]

    def _cell(
        self,
        column: Column,
        value: object,
        reason: object,
        write: Callable[[float], str] | None,
        notes: dict[str, int],
        *,
        first: bool,
    ) -> str:
        tag, scope = ("th", ' scope="row"') if first else ("td", "")
        if value is None:
            inside = (
                escape(column.absent)
                if column.absent
                else _unknown(str(reason or column.otherwise), notes)
            )
            kind = " wb-n" if write else ""
            return f'<{tag}{scope} class="wb-none{kind}">{inside}</{tag}>'
        if write:
            figure = float(value)  # type: ignore[arg-type]  # columns of this kind hold numbers
            title = escape(_in_full(column, figure))
            return f'<td class="wb-n" title="{title}" data-value="{figure:.15g}">{escape(write(figure))}</td>'
        if isinstance(value, (date, datetime)):
            return (
                f'<{tag}{scope} data-value="{value.isoformat()}">{escape(day_text(value))}</{tag}>'
            )
        mark = ""
        if first and self.colours:
            swatch = self.colours.get(str(value), GREY)
            mark = f'<i class="wb-swatch" style="background:{swatch.css}"></i>'
        name = ' class="wb-name"' if column.kind == "name" else ""
        text = _breakable(escape(value)) if column.kind == "name" else escape(value)
        return f"<{tag}{scope}{name}>{mark}{text}</{tag}>"

    def _more(self) -> str:
        hidden = len(self.frame) - self.limit
        return (
            f'<p class="wb-more">+{hidden:,} more rows, not shown here.</p>' if hidden > 0 else ""
        )


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
    unit = "bytes" if column.kind == "bytes" else ""
    return exact(
        value,
        f"{unit}/{column.per}"
        if column.per and unit
        else f"per {column.per}"
        if column.per
        else unit,
    )


def _unknown(reason: str, notes: dict[str, int]) -> str:
    number = notes.setdefault(reason, len(notes) + 1)
    return f'<span title="{escape(reason)}">unknown<sup>{number}</sup></span>'


def _footnotes(notes: Mapping[str, int]) -> str:
    if not notes:
        return ""
    lines = "".join(f"<li>{escape(reason)}</li>" for reason in notes)
    return f'<ol class="wb-notes" aria-label="Why figures are unknown">{lines}</ol>'
