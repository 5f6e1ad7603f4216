"""A whole picture: heading, drawing and legend on one sheet; and the two painters, SVG and matplotlib.

SVG is written by hand, with the page's own fonts and colours; PNG and PDF are drawn by matplotlib, which brings
its font along: no program, font or cairo of the machine is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Literal

from workbench.present.diagrams.layout import Layout
from workbench.present.diagrams.marks import (
    Group,
    Path,
    Rect,
    Words,
    filters,
    legend,
    letters,
    marks_of,
    moved,
)
from workbench.present.diagrams.scene import Scene, breadth
from workbench.present.svg import drawing_style
from workbench.present.text import escape, legible
from workbench.present.theme import ALL, MUTED, PAPER, Colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARGIN, _TITLE, _NOTE = 20, 20.0, 14.0  # px
_LEAST = 520  # px that a heading and a legend need to be read
_PIXELS = 40e6  # of a PNG, at most
_FONTS = '-apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", "Helvetica Neue", Arial, sans-serif'


@dataclass(frozen=True)
class Picture:
    """Groups of marks on a sheet of ``width`` by ``height`` px, and what it says to who cannot see it."""

    width: float
    height: float
    groups: Sequence[Group]
    title: str
    alt: str


def compose(
    scene: Scene,
    layout: Layout,
    *,
    title: str,
    notes: Sequence[str],
    alt: str,
    heading: bool,
) -> Picture:
    """Put a scene onto a sheet; ``heading`` brings heading and legend, where no caption says them."""
    margin = _MARGIN if heading else 4
    width = max(layout.width, _LEAST) if heading else layout.width
    groups: list[Group] = []
    y = float(margin)
    if heading:
        head, y = _heading(title, notes, width, y)
        groups.append(_moved(head, margin, 0))
        y += 18
    groups += (_moved(group, margin, y) for group in marks_of(scene, layout))
    bottom = y + layout.height
    if heading:
        foot, bottom = legend(scene, width, bottom + 18)
        groups.append(_moved(foot, margin, 0))
    return Picture(round(width + 2 * margin), round(bottom + margin), groups, title, alt)


def _heading(title: str, notes: Sequence[str], width: float, y: float) -> tuple[Group, float]:
    words = []
    for line in _wrapped(legible(title), _TITLE, width):
        words.append(Words(0, y + 12, line, _TITLE, bold=True))
        y += 26
    for note in notes:
        for line in _wrapped(legible(note), _NOTE, width):
            words.append(Words(0, y + 10, line, _NOTE, colour=MUTED))
            y += 20
    return Group(tuple(words), ("wb-heading",)), y


def _wrapped(text: str, size: float, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and breadth(longer, size, bold=size > _NOTE) > width:
            yield line
            longer = word
        line = longer
    yield line


def _moved(group: Group, x: float, y: float) -> Group:
    return replace(group, marks=tuple(moved(mark, x, y) for mark in group.marks))


def to_svg(
    picture: Picture, *, alone: bool, anchors: bool = True, links: Mapping[str, str] | None = None
) -> str:
    """Return a picture as SVG: colours as CSS variables, a tooltip and data for a script on every group.

    ``alone`` brings fonts and the colours of light and dark along, for a file of its own; ``anchors`` gives
    tables their ids, for one picture of a page; ``links`` are addresses of boxes' own pages, by the box's id.
    """
    size = f'viewBox="0 0 {picture.width:g} {picture.height:g}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} width="{picture.width:g}" '
        f'height="{picture.height:g}" style="--wide:{picture.width:g}px" class="wb-diagram" role="graphics-document img" '
        f'aria-label="{escape(picture.title)}">'
    )
    parts = [head, f"<title>{escape(picture.title)}</title>", f"<desc>{escape(picture.alt)}</desc>"]
    if alone:
        parts.append(f"<style>{_style()}</style>")
        parts.append(f'<rect width="100%" height="100%" fill="{PAPER.css}"/>')
    hit = sum("wb-edge" in group.classes for group in picture.groups) <= 400
    parts += (_group(group, anchors, hit, links or {}) for group in picture.groups)
    return "".join([*parts, "</svg>"])


def _style() -> str:
    light = "".join(f"{c.name}:{c.light};" for c in ALL)
    dark = "".join(f"{c.name}:{c.dark};" for c in ALL)
    return (
        f".wb-diagram{{{light}font-family:{_FONTS}}}"
        f"@media screen and (prefers-color-scheme:dark){{.wb-diagram{{{dark}}}}}"
        ".wb-diagram text{pointer-events:none}"
    )


def _group(group: Group, anchors: bool, hit: bool, links: Mapping[str, str]) -> str:
    said = f' id="{escape(group.id)}"' if group.id and anchors else ""
    said += f' class="{" ".join(group.classes)}"'
    said += "".join(f' data-{name}="{escape(value)}"' for name, value in group.data.items())
    label = escape(group.tip.replace("\n", "; "))
    # an end in another service has the page that the table itself has
    own = group.data.get("node", "").removeprefix("stub-") if "wb-box" in group.classes else ""
    href = links.get(own)
    if group.focus and not href:
        said += f' tabindex="0" role="graphics-symbol img" aria-label="{label}"'
    tip = "\n".join(escape(line) for line in group.tip.split("\n"))
    inner = f"<title>{tip}</title>" if tip else ""
    for mark in group.marks:
        if isinstance(mark, Path) and not mark.filled and hit and tip:
            # a line is too thin to point at
            wide = f'<path d="{_d(mark)}" fill="none" stroke="transparent" stroke-width="12"/>'
            inner += wide
        inner += _mark(mark)
    if href:
        inner = f'<a href="{escape(href)}" aria-label="{label}">{inner}</a>'
    return f"<g{said}>{inner}</g>"


def legend_html(scene: Scene) -> str:
    """Return the legend of a scene as a list, for beside a picture without one; data say which lines an item is of."""
    items = []
    for sample, text, data in filters(scene):
        drawn = "".join(_mark(moved(mark, 1, 6)) for mark in sample)
        svg = f'<svg viewBox="0 0 36 12" width="36" height="12" aria-hidden="true">{drawn}</svg>'
        said = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
        # without a sample it explains nothing: it only filters, which a script does
        said += "" if drawn else " hidden"
        items.append(f"<li{said}>{svg if drawn else ''}{escape(text)}</li>")
    items += [f"<li>{escape(text)}</li>" for text in letters(scene)]
    return f'<ul class="wb-lines">{"".join(items)}</ul>' if items else ""


def _n(number: float) -> str:
    return f"{round(number, 1):g}"


def _d(path: Path) -> str:
    start, *others = (f"{_n(x)} {_n(y)}" for x, y in path.points)
    if path.filled:
        return f"M{start}L{' '.join(others)}Z"
    return f"M{start}C{' '.join(others)}"


def _mark(mark: Rect | Path | Words) -> str:
    if isinstance(mark, Words):
        anchor = f' text-anchor="{mark.align}"' if mark.align != "start" else ""
        bold = ' font-weight="600"' if mark.bold else ""
        return (
            f'<text x="{_n(mark.x)}" y="{_n(mark.y + mark.size * 0.35)}" font-size="{mark.size:g}"'
            f'{anchor}{bold} fill="{mark.colour.css}">{escape(mark.text)}</text>'
        )
    if isinstance(mark, Rect):
        fill = mark.fill.css if mark.fill else "transparent"
        line = _line(mark.line, mark.stroke, mark.dash) if mark.line else ""
        round_ = f' rx="{_n(mark.radius)}"' if mark.radius else ""
        return (
            f'<rect x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" '
            f'height="{_n(mark.height)}"{round_} fill="{fill}"{line}/>'
        )
    if mark.filled:
        return f'<path d="{_d(mark)}" fill="{mark.colour.css}"/>'
    opacity = f' opacity="{mark.opacity:g}"' if mark.opacity < 1 else ""
    return (
        f'<path d="{_d(mark)}" fill="none"{_line(mark.colour, mark.stroke, mark.dash)}{opacity}/>'
    )


def _line(colour: Colour, width: float, dash: tuple[float, ...]) -> str:
    dashed = f' stroke-dasharray="{" ".join(f"{d:g}" for d in dash)}"' if dash else ""
    return f' stroke="{colour.css}" stroke-width="{width:g}"{dashed}'


def to_bytes(picture: Picture, form: Literal["png", "pdf"]) -> bytes:
    """Return a picture as PNG (two dots a px, fewer where it is huge) or as PDF (text stays text)."""
    from matplotlib.figure import Figure as Canvas

    with drawing_style(_families(picture)):
        size = (picture.width / 72, picture.height / 72)
        canvas = Canvas(figsize=size, dpi=72, facecolor=PAPER.light)
        axes = canvas.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, picture.width)
        axes.set_ylim(picture.height, 0)
        for at, mark in enumerate(mark for group in picture.groups for mark in group.marks):
            _draw(axes, mark, at)
        out = BytesIO()
        finest = 72 * (_PIXELS / (picture.width * picture.height)) ** 0.5
        if form == "png":
            canvas.savefig(out, format="png", dpi=min(144, finest), metadata={"Software": None})
        else:
            about = {"CreationDate": None, "Title": legible(picture.title)}
            canvas.savefig(out, format="pdf", metadata=about)
    return out.getvalue()


def _draw(axes: Axes, mark: Rect | Path | Words, order: int) -> None:
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Outline

    if isinstance(mark, Words):
        align = {"start": "left", "middle": "center", "end": "right"}[mark.align]
        axes.text(
            mark.x,
            mark.y + mark.size * 0.35,
            mark.text,
            fontsize=mark.size,
            ha=align,
            va="baseline",
            color=mark.colour.light,
            fontweight="bold" if mark.bold else "normal",
            zorder=order,
        )
    elif isinstance(mark, Rect):
        if mark.fill is None and mark.line is None:
            return
        style = (
            f"round,pad=0,rounding_size={min(mark.radius, mark.width / 2)}"
            if mark.radius
            else "square,pad=0"
        )
        axes.add_patch(
            FancyBboxPatch(
                (mark.x, mark.y),
                mark.width,
                mark.height,
                boxstyle=style,
                facecolor=mark.fill.light if mark.fill else "none",
                edgecolor=mark.line.light if mark.line else "none",
                linewidth=mark.stroke if mark.line else 0,
                linestyle=(0, _scaled(mark.dash, mark.stroke)) if mark.dash else "solid",
                zorder=order,
            )
        )
    else:
        curve = [Outline.MOVETO] + [Outline.LINETO if mark.filled else Outline.CURVE4] * (
            len(mark.points) - 1
        )
        axes.add_patch(
            PathPatch(
                Outline(mark.points, curve),
                facecolor=mark.colour.light if mark.filled else "none",
                edgecolor="none" if mark.filled else mark.colour.light,
                linewidth=0 if mark.filled else mark.stroke,
                linestyle=(0, _scaled(mark.dash, mark.stroke)) if mark.dash else "solid",
                alpha=mark.opacity,
                capstyle="butt",
                zorder=order,
            )
        )


def _scaled(dash: tuple[float, ...], width: float) -> tuple[float, ...]:
    """Matplotlib measures dashes in line widths."""
    return tuple(d / width for d in dash)


def _families(picture: Picture) -> list[str]:
    """The bundled font, and those of the machine's that have what it lacks."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    words = (m.text for group in picture.groups for m in group.marks if isinstance(m, Words))
    wanted = {ord(char) for text in words for char in text}
    families = ["DejaVu Sans"]
    missing = wanted - set(get_font(findfont(FontProperties(family=families))).get_charmap())
    # a PDF takes TrueType as it is, and not every other format
    fonts = {f.name: f.fname for f in fontManager.ttflist if f.fname.lower().endswith(".ttf")}
    for name, file in sorted(fonts.items()) if missing else ():
        try:
            found = missing & set(get_font(file).get_charmap())
        except (OSError, RuntimeError):  # removed since matplotlib looked, or broken
            continue
        if found and name not in families:
            families.append(name)
            missing -= found
    return families
