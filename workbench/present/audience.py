"""For whom a report is: the whole for a lead; for a room without logins, grants and texts of statements; for a team its own services.

What is not for every room is marked where it is made: an element with ``data-private``. The mark is all that a page
needs to be cut for a room, so that no figure, table or notebook has to know who will read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

from workbench.errors import UsageError
from workbench.estate import Estate
from workbench.estate.names import nearest
from workbench.present.text import file_name

PRIVATE = "data-private"
"""The attribute of an element that a room does not see."""

_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)


@dataclass(frozen=True)
class Audience:
    """Who reads a report; ``team`` is set where it is one team."""

    kind: Literal["lead", "room", "team"] = "lead"
    team: str | None = None
    services: frozenset[str] | None = None
    """those that have a page; None: all"""
    logins: frozenset[str] = frozenset()
    """names that sentences may hold, blanked for a room"""

    @property
    def told(self) -> str:
        """What a page says of it; nothing where it is the whole."""
        if self.kind == "room":
            return "without logins, grants and texts of statements"
        return f"for the team {self.team}" if self.kind == "team" else ""

    @property
    def folder(self) -> str:
        """Where its reports stand, below those of the lead."""
        if self.team is not None:
            return file_name(f"team-{self.team}")
        return "" if self.kind == "lead" else self.kind

    def page(self, html: str) -> str:
        """Return a page as this audience may see it."""
        if self.kind != "room":
            return html
        return _without_logins(without_private(html), self.logins)


def audience_of(word: str, estate: Estate, logins: Collection[str] = ()) -> Audience:
    """Return the audience that a word names: ``lead``, ``room`` or ``team:NAME``; UsageError for any other.

    ``logins`` are those of the servers, besides what the estate maps.

    >>> from workbench.estate.resolve import estate_from_text
    >>> estate = estate_from_text('[instances.main]\\nurl = "service=x"\\n[services.order]\\nschemas = ["o"]\\nteam = "sales"')
    >>> sorted(audience_of("team:sales", estate).services)
    ['order']
    """
    if word == "lead":
        return Audience()
    if word == "room":
        mapped = {a.login for a in estate.actors if a.login}
        return Audience("room", logins=frozenset({*mapped, *logins}))
    name = word.removeprefix("team:")
    teams = {s.team for s in estate.services if s.team}
    if not word.startswith("team:") or name not in teams:
        known = ["lead", "room", *(f"team:{team}" for team in sorted(teams))]
        raise UsageError(f"audience: {word!r} is none; {nearest(word, known)}")
    return Audience("team", name, frozenset(s.name for s in estate.services if s.team == name))


def without_private(html: str) -> str:
    """Return a page without the elements that carry ``data-private``, and all else as it was.

    >>> without_private('<p>a<br><b data-private>s<i>x</i></b>c</p><svg viewBox="0 0 1 1"/>')
    '<p>a<br>c</p><svg viewBox="0 0 1 1"/>'
    """
    cutter = _Cutter()
    cutter.feed(html)
    cutter.close()
    return "".join(cutter.kept)


class _Cutter(HTMLParser):
    """Copies what it reads, but marked elements with all that is inside."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.kept: list[str] = []
        self.inside: list[str] = []
        """open elements from a marked one inwards"""

    def _keep(self, text: str) -> None:
        if not self.inside:
            self.kept.append(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        opens = tag not in _VOID
        if self.inside:
            self.inside += [tag] * opens
        elif any(name == PRIVATE for name, _ in attrs):
            self.inside = [tag] * opens
        else:
            self.kept.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if all(name != PRIVATE for name, _ in attrs):
            self._keep(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if not self.inside:
            self.kept.append(f"</{tag}>")
        elif tag in self.inside:
            # what was left open inside ends with it
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._keep(data)

    def handle_entityref(self, name: str) -> None:
        self._keep(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._keep(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self._keep(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self._keep(f"<!{decl}>")


_NAMED = re.compile(r"(?P<head>\blogins? \(?)(?P<names>[^\s,;:)<&]+(?:, [^\s,;:)<&]+)*)")
_GRANT = re.compile(r"\bGRANT\b[^;<]*")


def _without_logins(html: str, logins: Collection[str]) -> str:
    """Blank logins where a sentence names one, and what would grant something.

    A login is often called as its service is, whose name may stay: so it is blanked behind the word alone.
    """

    def blank(found: re.Match[str]) -> str:
        kept = ["…" if name in logins else name for name in found["names"].split(", ")]
        return found["head"] + ", ".join(kept)

    return _GRANT.sub("GRANT …", _NAMED.sub(blank, html))
