"""The colours of every page and figure, light and dark: one hue per service, grey for what is nobody's.

Figures are drawn in the light colours and refer to CSS variables afterwards (``css_colour``), so one SVG
serves both schemes, and still shows its light colours where no style sheet reaches it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """One colour of the theme: its CSS variable, its value on white and on dark, and what stands in outside a report."""

    name: str
    light: str
    dark: str
    fallback: str = ""

    @property
    def css(self) -> str:
        """``var(...)`` with a fallback, for use in style attributes.

        >>> Colour("--wb-x", "#aabbcc", "#ddeeff").css
        'var(--wb-x, #aabbcc)'
        """
        return f"var({self.name}, {self.fallback or self.light})"


# JupyterLab names its own text colours: a figure in a dark lab stays legible without the report's style sheet.
INK = Colour("--wb-ink", "#1b1f24", "#e8eaed", "var(--jp-content-font-color1, #1b1f24)")
MUTED = Colour("--wb-muted", "#57606a", "#a3adb8", "var(--jp-content-font-color2, #57606a)")
RULE = Colour("--wb-rule", "#d5dae0", "#3a424b", "var(--jp-border-color2, #d5dae0)")
PAPER = Colour("--wb-paper", "#fffffe", "#14171a", "var(--jp-layout-color0, #fffffe)")
SOFT = Colour("--wb-soft", "#f4f6f8", "#1d2227")
LINK = Colour("--wb-link", "#0b5394", "#8ab8e6")
ACCENT = Colour("--wb-accent", "#a63a00", "#ff9a62")  # the one colour for what needs a decision
GREY = Colour("--wb-grey", "#9aa3ad", "#717b86")  # platform, unowned, the rest

# Okabe and Ito's eight, those that read best as a line on white first. Yellow is deepened on white and
# black turned light on dark, where each would vanish. Black is a hair off: SVG leaves pure black unsaid.
_HUES = (
    ("#0072b2", "#3b9fdb"),
    ("#d55e00", "#ee7c2b"),
    ("#009e73", "#1fb98d"),
    ("#cc79a7", "#d98fb8"),
    ("#e69f00", "#f0b232"),
    ("#56b4e9", "#7cc7f0"),
    ("#c7b500", "#f0e442"),
    ("#010101", "#e9ecef"),
)
_SHADES = ((None, 0.0), ("#000000", 0.38), ("#ffffff", 0.42))


def _mix(colour: str, other: str | None, share: float) -> str:
    if other is None:
        return colour
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _slots() -> tuple[Colour, ...]:
    first, *others = (
        [(_mix(light, other, share), _mix(dark, other, share * 0.7)) for light, dark in _HUES]
        for other, share in _SHADES
    )
    # shades of black would be greys, which mean something else
    pairs = [*first, *(pair for level in others for pair in level[:-1])]
    return tuple(Colour(f"--wb-s{at}", light, dark) for at, (light, dark) in enumerate(pairs))


SLOTS: tuple[Colour, ...] = _slots()
ALL: tuple[Colour, ...] = (INK, MUTED, RULE, PAPER, SOFT, LINK, ACCENT, GREY, *SLOTS)
_BY_LIGHT: Mapping[str, Colour] = {colour.light: colour for colour in reversed(ALL)}


def service_colours(services: Iterable[str]) -> dict[str, Colour]:
    """Give every service of an estate its colour, by its place among the sorted names.

    Eight hues, then darker and lighter ones of the same; from the 23rd service on they repeat, so a figure
    always writes the name beside the colour.

    >>> colours = service_colours(["user", "auth", "user"])
    >>> [colours[name].light for name in ("auth", "user")]
    ['#0072b2', '#d55e00']
    """
    return {name: SLOTS[at % len(SLOTS)] for at, name in enumerate(sorted(set(services)))}


def css_colour(light: str) -> str:
    """Return the CSS for a drawn colour: its variable if it is of the theme, else the colour itself.

    >>> css_colour("#0072B2"), css_colour("#123456")
    ('var(--wb-s0, #0072b2)', '#123456')
    """
    colour = _BY_LIGHT.get(light.lower())
    return colour.css if colour else light


def css_variables() -> str:
    """Return the style sheet that defines every colour for light, dark and print.

    The system's choice counts until the reader makes one, which a page keeps in ``data-theme`` of its root.
    """
    light = "\n".join(f"  {colour.name}: {colour.light};" for colour in ALL)
    dark = "\n".join(f"  {colour.name}: {colour.dark};" for colour in ALL)
    return (
        f":root {{\n  color-scheme: light;\n{light}\n}}\n@media screen {{\n"
        f"@media (prefers-color-scheme: dark) {{\n"
        f":root:not([data-theme=light]) {{\n  color-scheme: dark;\n{dark}\n}}\n}}\n"
        f":root[data-theme=dark] {{\n  color-scheme: dark;\n{dark}\n}}\n}}\n"
    )


def lab_variables() -> str:
    """Return the style sheet that defines every colour inside JupyterLab, for its light and dark themes.

    The ground is the theme's own.
    """
    rules = []
    for word, values in (
        ("true", {colour.name: colour.light for colour in ALL}),
        ("false", {colour.name: colour.dark for colour in ALL}),
    ):
        told = {**values, PAPER.name: PAPER.fallback}
        inside = "".join(f"{name}:{value};" for name, value in told.items())
        rules.append(f"[data-jp-theme-light={word}]{{{inside}}}")
    return "".join(rules)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance).

    >>> round(contrast("#000000", "#ffffff"))
    21
    """

    def luminance(colour: str) -> float:
        parts = [channel / 255 for channel in bytes.fromhex(colour[1:])]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
