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
_BEFORE_A_STATEMENT = frozenset(("BEGIN_P", "THEN", "ELSE", "ATOMIC", "LOOP"))
_DEEPEST = 1000
_SETTING = re.compile(r"\bset\b", re.IGNORECASE)
_COMMENT_MARK = re.compile(r"/\*|\*/")
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
    text = text.replace("\0", " ")  # the scanner would take it for the end of the text
    try:
        if too_nested(text):
            raise ValueError("comments within comments")
        return Redacted(_without_literals(text), False)
    except (ParseError, ValueError):
        head = _QUOTE.split(text, maxsplit=1)[0]
        return Redacted(re.sub(r"(?<![\w$])\d[\w.]*", "0", head).strip(), True)


def too_nested(text: str) -> bool:
    """Whether comments lie in comments so deep that PostgreSQL's scanner, quadratic there, would hang.

    >>> too_nested("/*" * 1001), too_nested("/* a */" * 1001)
    (True, False)
    """
    if text.count("/*") <= _DEEPEST:
        return False
    depth = 0
    for mark in _COMMENT_MARK.finditer(text):
        depth = depth + 1 if mark[0] == "/*" else max(depth - 1, 0)
        if depth > _DEEPEST:
            return True
    return False


def _without_literals(text: str, *, in_body: bool = False) -> str:
    tokens = scan(text)
    has_body = not in_body and _has_body([t.name for t in tokens[:24] if "COMMENT" not in t.name])
    secrets = _secrets(tokens, text) if _SETTING.search(text) else {}
    kept: list[str] = []
    position = 0
    for place, token in enumerate(tokens):  # offsets count characters, ends inclusive
        if place in secrets:
            last = tokens[secrets[place] - 1]
            kept.append(text[position : token.start] + "'?'")
            position = last.end + 1
        if token.start < position:
            continue
        if token.name == "UESCAPE" and place + 1 < len(tokens):  # belongs to a string that is gone
            kept.append(text[position : token.start])
            position = tokens[place + 1].end + 1
        replacement = _REPLACEMENT.get(token.name)
        if replacement is None or token.start < position:
            continue
        if place >= 2 and tokens[place - 2].name == "FLOAT_P":  # float(0) does not parse
            replacement = "1"
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
    kept.append(text[position:])
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


def _secrets(tokens: list[Token], text: str) -> dict[int, int]:
    """Where values of settings that somebody invented begin (``SET app.jwt = abc``), and end.

    Such a value may stand without quotes. A column of a composite type is assigned alike
    (``UPDATE t SET address.street = $1``) and is none: there SET does not begin a statement.
    """
    found: dict[int, int] = {}
    first = ""  # of the statement
    setting = begins = False
    place = 0
    while place < len(tokens):
        token = tokens[place]
        name = token.name
        if name == "ASCII_59":
            first, setting, begins = "", False, True
        elif "COMMENT" not in name:
            begins = not first or begins
            first = first or name
            if name == "SET":
                setting = begins or first in ("ALTER", "CREATE")
            elif setting and name in ("ASCII_61", "TO") and _is_invented(tokens, place):
                end = place + 1
                while end < len(tokens) and tokens[end].name != "ASCII_59":
                    end += 1
                if end > place + 1:
                    found[place + 1] = end
                place = end - 1
                setting = False
            word = text[token.start : token.end + 1].lower()
            begins = name in _BEFORE_A_STATEMENT or word == "loop"
        place += 1
    return found


def _is_invented(tokens: list[Token], place: int) -> bool:
    """Whether the name of the setting before ``=`` or TO has a dot, as only extensions' and people's have."""
    return place >= 3 and tokens[place - 2].name == "ASCII_46"
