"""From a matplotlib figure to inline SVG: real text, theme colours as CSS variables, tooltips, no ids, the same bytes every time.

Matplotlib is imported where it is needed and used through its objects alone: no pyplot, no global state left behind.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree

from workbench.present.text import escape, legible
from workbench.present.theme import GREY, INK, Colour, css_colour

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_TIP = "tip-"

WIDE, NARROW = 880, 358  # px: a page's wide column, and a phone's screen less its margins


@dataclass(frozen=True)
class Key:
    """One entry of a figure's key: what a shade means."""

    label: str
    opacity: float


@dataclass
class Sheet:
    """A figure being drawn, in pixels from its top left corner.

    ``narrow`` sheets are shown on phones: drawing functions lay out anew for them instead of shrinking text.
    """

    width: int
    height: int
    axes: Axes
    tips: list[str] = field(default_factory=list)

    @property
    def narrow(self) -> bool:
        """Whether this drawing is the one for phones."""
        return self.width < 600

    @property
    def font(self) -> float:
        """Text size in px; the page shows it unscaled."""
        return 14.0 if self.narrow else 16.0

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        align: Literal["left", "center", "right"] = "left",
        colour: Colour = INK,
    ) -> None:
        """Write a line of text, centred on ``y``; names with ``$`` are no formulas, unseen characters are seen."""
        self.axes.text(
            x,
            y,
            legible(text),
            fontsize=self.font,
            ha=align,
            va="center_baseline",
            color=colour.light,
        )

    def bar(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        shade: float,
        tip: str,
    ) -> None:
        """Draw a bar from ``x``, centred on ``y``; ``tip`` is shown when the reader points at it."""
        drawn = self.axes.barh(
            [y], [width], left=x, height=height, color=colour.light, alpha=shade, linewidth=0
        )
        self._tip(drawn[0], tip)

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        colour: Colour,
        width: float = 1.0,
        tip: str = "",
        *,
        behind: bool = False,
    ) -> None:
        """Draw a line through points."""
        (drawn,) = self.axes.plot(
            xs,
            ys,
            color=colour.light,
            linewidth=width,
            solid_capstyle="round",
            zorder=0 if behind else 2,
        )
        if tip:
            self._tip(drawn, tip)

    def band(
        self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], colour: Colour
    ) -> None:
        """Fill what lies between two lines, behind what else is drawn."""
        ys = [*lows, *reversed(highs)]
        self.axes.fill([*xs, *reversed(xs)], ys, color=colour.light, alpha=0.25, lw=0, zorder=0)

    def dot(self, x: float, y: float, colour: Colour, size: float) -> None:
        """Draw a dot of ``size`` px across."""
        self.axes.plot([x], [y], "o", color=colour.light, markersize=size, markeredgewidth=0)

    def _tip(self, artist: Artist, text: str) -> None:
        artist.set_gid(f"{_TIP}{len(self.tips)}")
        self.tips.append(text)


@dataclass(frozen=True)
class Figure:
    """A finished figure: its message, what it shows, and one drawing for wide screens and one for phones.

    ``notes`` are lines between the two: what numbers in the drawing stand for, say.
    Displays itself in a notebook; the report's style sheet chooses the drawing.
    """

    title: str
    subtitle: str
    description: str
    wide: str
    narrow: str
    keys: Sequence[Key] = ()
    notes: Sequence[str] = ()

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        listed = f'<ul class="wb-marks">{notes}</ul>' if notes else ""
        keys = "".join(
            f'<span class="wb-key"><i style="background:{GREY.css};opacity:{key.opacity:g}"></i>{escape(key.label)}</span>'
            for key in self.keys
        )
        return (
            f'<figure class="wb-figure"><figcaption><p class="wb-message">{escape(self.title)}</p>'
            f'<p class="wb-sub">{escape(self.subtitle)} {keys}</p>{listed}</figcaption>'
            f'<div class="wb-wide">{self.wide}</div><div class="wb-narrow" hidden>{self.narrow}</div></figure>'
        )

    def __repr__(self) -> str:
        return f"{legible(self.title)} ({legible(self.subtitle)})"


def draw(
    painter: Callable[[Sheet], None],
    height: Callable[[bool], int],
    *,
    title: str,
    subtitle: str,
    description: str,
    keys: Sequence[Key] = (),
    notes: Sequence[str] = (),
) -> Figure:
    """Paint a figure twice, wide and narrow; ``height(narrow)`` says how tall each is, in px."""
    drawings = [
        _paint(painter, width, height(width == NARROW), title, description)
        for width in (WIDE, NARROW)
    ]
    return Figure(title, subtitle, description, drawings[0], drawings[1], keys, notes)


def _paint(
    painter: Callable[[Sheet], None], width: int, height: int, title: str, description: str
) -> str:
    from matplotlib.figure import Figure as Canvas

    with drawing_style():
        canvas = Canvas(figsize=(width / 72, height / 72), dpi=72, facecolor="none")
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        sheet = Sheet(width, height, axes)
        painter(sheet)
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        out = StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None}, facecolor="none")
    return _inline(out.getvalue(), sheet, title, description)


@contextmanager
def drawing_style(fonts: Sequence[str] = ("DejaVu Sans",)) -> Iterator[None]:
    """Draw alike everywhere: a person's matplotlibrc changes nothing, names with ``$`` are not formulas."""
    import matplotlib as mpl

    ours: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "workbench",
        "text.parse_math": False,
        "text.usetex": False,
        "text.color": INK.light,
        "font.family": list(fonts),
        "pdf.fonttype": 42,
        "path.simplify": False,
    }
    default: dict[Any, Any] = {
        key: value
        for key, value in mpl.rcParamsDefault.items()
        if not key.startswith(("backend", "toolbar"))
    }
    with mpl.rc_context({**default, **ours}), warnings.catch_warnings():
        # the reader's own fonts draw the text; the bundled font only measures it
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide text is at ``size`` px; system fonts are seldom wider than the font measured with."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    prop = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        return float(text_to_path.get_text_width_height_descent(text, prop, ismath=False)[0])


def _inline(document: str, sheet: Sheet, title: str, description: str) -> str:
    root = ElementTree.fromstring(document)  # written a moment ago by matplotlib
    definitions = {node.get("id"): node for node in root.iter() if node.get("id")}
    for dropped in (f"{_SVG}metadata", f"{_SVG}defs"):
        for parent in list(root.iter()):
            for child in parent.findall(dropped):
                parent.remove(child)
    _resolve_uses(root, definitions)
    for node in root.iter():
        _tidy(node, sheet.tips)
    _flatten(root)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("viewBox", f"0 0 {sheet.width} {sheet.height}")
    root.set("role", "img")
    root.set("style", "stroke-linejoin: round")
    for at, (tag, text) in enumerate((("title", title), ("desc", description))):
        node = ElementTree.Element(f"{_SVG}{tag}")
        node.text = legible(text)
        root.insert(at, node)
    ElementTree.register_namespace("", _SVG[1:-1])
    text = ElementTree.tostring(root, encoding="unicode")
    # a blank line ends an HTML block of Markdown, and the indentation is weight without use
    return re.sub(r">\s*\n\s*<", "><", text)


def _resolve_uses(
    root: ElementTree.Element, definitions: Mapping[str | None, ElementTree.Element]
) -> None:
    """Put each referred mark where it is used: ids of several figures would clash on one page."""
    for node in list(root.iter(f"{_SVG}use")):
        mark = definitions[(node.get(_HREF) or node.get("href") or "").lstrip("#")]
        x, y, style = node.get("x", "0"), node.get("y", "0"), node.get("style", "")
        node.attrib.clear()
        node.tag = mark.tag
        node.set("d", mark.get("d", ""))
        node.set("transform", f"translate({_short(x)} {_short(y)})")
        node.set("style", style or mark.get("style", ""))


def _tidy(node: ElementTree.Element, tips: Sequence[str]) -> None:
    gid = node.attrib.pop("id", "")
    node.attrib.pop("clip-path", None)
    if gid.startswith(_TIP):
        tip = ElementTree.Element(f"{_SVG}title")
        tip.text = "\n".join(map(legible, tips[int(gid[len(_TIP) :])].split("\n")))
        node.insert(0, tip)
    if "style" in node.attrib:
        node.set("style", _themed(node.get("style", "")))
    if "d" in node.attrib:
        node.set("d", _short(" ".join(node.get("d", "").split())))
    if node.tag == f"{_SVG}text":
        if "rotate(-0" in node.get("transform", ""):
            node.attrib.pop("transform")
        for name in ("x", "y"):
            node.set(name, _short(node.get(name, "")))


def _flatten(parent: ElementTree.Element) -> None:
    """Drop groups that group nothing, which are most of what matplotlib writes."""
    for child in list(parent):
        _flatten(child)
        if child.tag == f"{_SVG}g" and not child.attrib:
            at = list(parent).index(child)
            kept = list(child)
            if not any(node.tag == f"{_SVG}title" for node in kept):
                parent.remove(child)
                for offset, node in enumerate(kept):
                    parent.insert(at + offset, node)


def _themed(style: str) -> str:
    parts = (part.split(":", 1) for part in style.split(";") if ":" in part)
    kept = []
    for name, value in ((name.strip(), value.strip()) for name, value in parts):
        if name == "font-family" or (name, value) in {
            ("stroke-linejoin", "miter"),
            ("text-anchor", "start"),
        }:
            continue
        if name == "font":
            value = re.sub(r"\s*'DejaVu Sans'.*$", " inherit", value)
            weight, size = _font(value)
            kept.append(f"font-size:{size}")
            if weight:
                kept.append(f"font-weight:{weight}")
            continue
        if name in {"fill", "stroke"} and value.startswith("#"):
            value = css_colour(value)
        kept.append(f"{name}:{value}")
    return ";".join(kept)


def _font(value: str) -> tuple[str, str]:
    """Take weight and size out of the CSS shorthand: ``bold 15px inherit``."""
    weight = next((word for word in value.split() if word in {"bold", "600", "700"}), "")
    size = next((word for word in value.split() if word.endswith("px")), "inherit")
    return weight, size


def _short(numbers: str) -> str:
    return _NUMBER.sub(lambda match: f"{float(match.group()):.2f}".rstrip("0").rstrip("."), numbers)
