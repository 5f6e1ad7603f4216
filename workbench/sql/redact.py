"""Take every literal out of a text of SQL before it is stored.

The scanner is PostgreSQL's own, so a quote inside a comment or a dollar-quoted body cannot mislead it.
What replaces a literal stands in the same place of the grammar, so the text still parses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pglast.parser import ParseError, Token, scan

OWN_TAG = re.compile(r"/\* workbench:[a-z0-9_/.]+ \*/")
"""The comment that marks the workbench's own statements; the only comment that is kept."""

_REPLACEMENT = {
    "SCONST": "'?'",
    "USCONST": "'?'",
    "BCONST": "B'0'",
    "XCONST": "X'0'",
    "ICONST": "0",
    "FCONST": "0.0",
    "SQL_COMMENT": "",
    "C_COMMENT": "",
}
_QUOTE = re.compile(r"""'|\$[A-Za-z_\x80-\uffff]*[A-Za-z0-9_\x80-\uffff]*\$|--|/\*""")
_DOLLAR_QUOTED = re.compile(r"(\$[^$]*\$)(.*)\1\Z", re.DOTALL)


@dataclass(frozen=True)
class Redacted:
    """A text without its literals; ``approximate`` where it could not be scanned and was cut short."""

    text: str
    approximate: bool


def redact(text: str) -> Redacted:
    """Replace every literal and drop every comment of ``text``.

    Parameters such as ``$1`` stay. The body of a function or of DO is redacted itself. A text that
    PostgreSQL's scanner refuses (cut off in the middle of a string, say) is kept up to the first quote
    or comment, without its digits, and marked approximate.

    >>> redact("ALTER ROLE app PASSWORD 'hunter2'").text
    "ALTER ROLE app PASSWORD '?'"
    >>> redact("SELECT 42, $1 /* user 17 */ FROM t").text
    'SELECT 0, $1  FROM t'
    >>> redact("DO $$ BEGIN PERFORM login('x'); END $$").text
    "DO $$ BEGIN PERFORM login('?'); END $$"
    >>> redact("SELECT 'cut o")
    Redacted(text='SELECT', approximate=True)
    """
    try:
        return Redacted(_without_literals(text), False)
    except (ParseError, ValueError):
        head = _QUOTE.split(text, maxsplit=1)[0]
        return Redacted(re.sub(r"(?<![\w$])\d[\w.]*", "0", head).strip(), True)


def _without_literals(text: str, *, in_body: bool = False) -> str:
    tokens = scan(text)
    has_body = not in_body and _has_body([t.name for t in tokens[:12]])
    cut = _secret_from(tokens)
    kept: list[str] = []
    position = 0
    for token in tokens[:cut]:  # offsets count characters, ends inclusive
        replacement = _REPLACEMENT.get(token.name)
        if replacement is None:
            continue
        literal = text[token.start : token.end + 1]
        kept.append(text[position : token.start])
        position = token.end + 1
        if OWN_TAG.fullmatch(literal):
            kept.append(literal)
        elif token.name in ("SQL_COMMENT", "C_COMMENT"):
            kept.append(" ")
            while position < len(text) and text[position].isspace():
                position += 1
        elif has_body and (body := _DOLLAR_QUOTED.match(literal)):
            kept.append(body[1] + _redact_body(body[2]) + body[1])
        else:
            kept.append(replacement)
    kept.append(text[position:] if cut is None else text[position : tokens[cut].start] + "'?'")
    return "".join(kept).strip()


def _has_body(names: list[str]) -> bool:
    """Whether dollar quotes hold code here, not a value: in DO and in CREATE FUNCTION."""
    return names[:1] == ["DO"] or (
        names[:1] == ["CREATE"] and ("FUNCTION" in names or "PROCEDURE" in names)
    )


def _redact_body(body: str) -> str:
    """Redact code in dollar quotes; its outer white space stays, to keep keywords apart."""
    try:
        inner = _without_literals(body, in_body=True)
    except (ParseError, ValueError):
        inner = "'?'"
    return body[: len(body) - len(body.lstrip())] + inner + body[len(body.rstrip()) :]


def _secret_from(tokens: list[Token]) -> int | None:
    """Where the value of a setting that somebody invented begins (``SET app.jwt = abc``), or None."""
    if not tokens or tokens[0].name not in ("SET", "ALTER"):
        return None
    names = [t.name for t in tokens]
    for at in range(len(names) - 4):
        if names[at + 1] == "ASCII_46" and names[at + 3] in ("ASCII_61", "TO"):
            return at + 4
    return None
