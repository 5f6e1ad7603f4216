"""A report in one file, to be mailed: all its pages, reached by ``#page`` and ``#page/section``, with style and scripts inside."""

from __future__ import annotations

import posixpath
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

_FIRST = "index.html"
_PART = re.compile(r"<!--wb-page-->(.*)<!--/wb-page-->", re.DOTALL)
_TITLE = re.compile(r'<body data-title="([^"]*)">')
_ATTRIBUTE = r"""[^\s=>/"']+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?"""
_TAG = re.compile(rf"<[a-zA-Z][^\s>/]*(?:\s+{_ATTRIBUTE})*\s*/?>")
_REFERRING = re.compile(
    r"""(?P<name>\s(?:id|href|xlink:href|for|headers|aria-(?:labelledby|describedby|controls|owns|details)))="(?P<value>[^"]*)\""""
)
_PAINT = re.compile(r"url\(#([^)]+)\)")
_POLICY = re.compile(r'(http-equiv="Content-Security-Policy" content=")[^"]*"')
_LOADED = re.compile(
    r'<link rel="stylesheet" href="(?P<css>[^"]+)">|<script src="(?P<js>[^"]+)"(?P<late> defer)?></script>'
)


def single_file(folder: Path) -> str:
    """Return the report in ``folder`` as one document: every page below it, its own style sheets and scripts inside.

    It loads nothing: its policy names what is inside by hash. Links between pages become ``#page``, ids
    become ``page/id``; a page's name is its address without ``.html``. OSError where the folder has no index.
    """
    pages = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.html"))
    }
    first = pages.pop(_FIRST, None) or (folder / _FIRST).read_text(encoding="utf-8")
    names = {address: _name(address) for address in (_FIRST, *pages)}
    parts = "\n".join(_part(at, text, names) for at, text in {_FIRST: first, **pages}.items())
    frame = _LOADED.sub("", _PART.sub("\0", first, count=1))
    head, foot = (_readdressed(side, _FIRST, names) for side in frame.split("\0"))
    styles, early, late = _inside(first, folder)
    policy = (
        "default-src 'none'; img-src data:; style-src-attr 'unsafe-inline'; "
        f"style-src-elem {_hashes(styles)}; script-src {_hashes([*early, *late])}; "
        "base-uri 'none'; form-action 'none'"
    )
    head = _POLICY.sub(lambda found: f'{found[1]}{policy}"', head, count=1)
    before = "".join([*_tags("style", styles), *_tags("script", early)])
    head = head.replace("</head>", f"{before}</head>", 1)
    foot = foot.replace("</body>", f"{''.join(_tags('script', late))}</body>", 1)
    return f"{head}{parts}{foot}"


def _name(address: str) -> str:
    return address.removesuffix(".html")


def _part(address: str, text: str, names: Mapping[str, str]) -> str:
    """One page's own part, under its name."""
    found = _PART.search(text)
    title = _TITLE.search(text)
    inside = _readdressed(found[1], address, names) if found else ""
    shown = title[1] if title else _escaped(names[address])  # as escaped as on its own page
    return (
        f'<div class="wb-page" id="{_escaped(names[address])}" data-title="{shown}">{inside}</div>'
    )


def _escaped(name: str) -> str:
    return name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _readdressed(text: str, address: str, names: Mapping[str, str]) -> str:
    """Let ids and what refers to them say which page they are of, inside tags alone."""
    own = _escaped(names[address])

    def attribute(found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        kind = name.strip()
        if kind.endswith("href"):
            value = _link(value, address, names)
        elif kind == "id":
            value = f"{own}/{value}"
        else:
            value = " ".join(f"{own}/{word}" for word in value.split())
        return f'{name}="{value}"'

    def tag(found: re.Match[str]) -> str:
        return _PAINT.sub(rf"url(#{own}/\1)", _REFERRING.sub(attribute, found[0]))

    return _TAG.sub(tag, text)


def _link(value: str, address: str, names: Mapping[str, str]) -> str:
    path, _, section = value.partition("#")
    target = address
    if path:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(address), unquote(path)))
    if target not in names or (not path and not section):
        return value  # not a page of this report
    return f"#{_escaped(names[target])}{f'/{section}' if section else ''}"


def _inside(page: str, folder: Path) -> tuple[list[str], list[str], list[str]]:
    """What the page loads: style sheets, scripts that come first, and scripts that come when all is read."""
    styles: list[str] = []
    early: list[str] = []
    late = [(files("workbench.present") / "template" / "single.js").read_text(encoding="utf-8")]
    for found in _LOADED.finditer(page):
        text = (folder / (found["css"] or found["js"])).read_text(encoding="utf-8")
        (styles if found["css"] else late if found["late"] else early).append(text)
    return styles, early, late


def _tags(tag: str, texts: list[str]) -> list[str]:
    return [f"<{tag}>{text}</{tag}>\n" for text in texts]


def _hashes(texts: list[str]) -> str:
    return " ".join(
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts
    )
