"""Read statements: the parser where it can, a search for names where it cannot."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pglast import __version__ as parser
from pglast.parser import ParseError, fingerprint, parse_sql_json
from pydantic_core import from_json

from workbench.sql.commands import Commands
from workbench.sql.redact import too_nested
from workbench.sql.search import first_word, kind_of, search
from workbench.sql.statement import Statement

READER = f"3-{parser.removeprefix('v')}"
"""The version of the facts and of the parser: facts that another one stored are read anew."""

_NOT_SHOWN = frozenset(
    (
        "<insufficient privilege>",
        "<command string not enabled>",
        "<backend information not available>",
    )
)
_FOREIGN_KEY_CHECK = re.compile(
    r"""SELECT[ ](?:\d+|\$\d+)[ ]FROM[ ]  # the constant 1, normalised or redacted
    (?: (?:ONLY[ ])?"(?:[^"]|"")+"\."(?:[^"]|"")+"[ ]x[ ]WHERE[ ].*[ ]OPERATOR\(.*[ ]FOR[ ]KEY[ ]SHARE[ ]OF[ ]x\s*
      | \(SELECT[ ].*[ ]FOR[ ]KEY[ ]SHARE[ ]OF[ ]x\)[ ]x1[ ]HAVING[ ].*
    )""",
    re.DOTALL | re.VERBOSE,
)
_NAME_ONLY = re.compile(
    r"(?:savepoint|release(?: savepoint)?|rollback(?: work| transaction)? to(?: savepoint)?|deallocate"
    r"(?: prepare)?) \$\d+ *;?",
    re.IGNORECASE,
)
"""Commands in which the server puts a parameter where the grammar has a name."""
_PARAMETER = re.compile(r"\$\d+")
_CUT = ("at end of input", "unterminated")


def read_statement(text: str | None, *, cut: bool = False) -> Statement:
    """Return what one text of SQL reads, writes, locks, joins, filters and calls.

    ``text`` is as pg_stat_statements or pg_stat_activity shows it, redacted or not; ``cut`` says that
    it filled ``track_activity_query_size`` and so ends anywhere. It is read by the parser of
    PostgreSQL 18; what that refuses is searched for names and is ``approximate``. No text raises.

    >>> found = read_statement("SELECT * FROM shop.orders o JOIN users u ON u.id = o.user_id WHERE o.total > $1")
    >>> sorted(found.reads, key=str)
    [('shop', 'orders'), (None, 'users')]
    >>> found.joins
    frozenset({((None, 'users', 'id'), ('shop', 'orders', 'user_id'))})
    >>> found.filters
    frozenset({(('shop', 'orders', 'total'), 'range')})
    >>> read_statement("SELECT * FROM orders WHERE (").because
    'it does not parse (syntax error at end of input): it was searched for names'
    """
    if text is None or text in _NOT_SHOWN:
        return Statement("unreadable", because="the server does not show the text")
    clean = text.replace("\0", " ")
    try:
        clean.encode()
    except UnicodeEncodeError:
        clean = clean.encode(errors="replace").decode()
        return _searched(clean, "it is not valid UTF-8: it was searched for names")
    if not clean.strip():
        return Statement("unreadable", because="the text is empty")
    if too_nested(clean):
        return _searched(clean, "its comments are nested too deeply: it was searched for names")
    if cut:
        return _searched(clean, "the text is cut off: it was searched for names", cut=True)
    try:
        return _parsed(clean, clean)
    except ParseError as fault:
        return _refused(clean, str(fault))
    except (RecursionError, MemoryError):
        return _searched(clean, "it is nested too deeply: it was searched for names")


def read_statements(texts: Iterable[str | None]) -> Iterator[tuple[str | None, Statement]]:
    """Read each text once, in order of first appearance: ``(text, its statement)``.

    >>> [s.kind for _, s in read_statements(["SELECT 1", "COMMIT", "SELECT 1"])]
    ['select', 'transaction']
    """
    for text in dict.fromkeys(texts):
        yield text, read_statement(text)


def _refused(text: str, fault: str) -> Statement:
    """What the parser refuses: perhaps only a parameter where it wants a constant."""
    if _NAME_ONLY.fullmatch(text):
        return Statement(kind_of(first_word(text)), fingerprint=_hash(text))
    if "$" in text:
        try:
            return _parsed(_PARAMETER.sub("0", text), text)
        except (ParseError, RecursionError, MemoryError):
            pass
    cut = any(sign in fault for sign in _CUT)
    what = re.split(r" at or near|, at index", fault)[0]  # what follows is a piece of the text
    return _searched(text, f"it does not parse ({what}): it was searched for names", cut=cut)


def _searched(text: str, because: str, *, cut: bool = False) -> Statement:
    return replace(search(text, because, cut=cut), fingerprint=_hash(text))


def _hash(text: str) -> str:
    told = " ".join(_PARAMETER.sub("$", text).split())
    return "~" + hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


def _parsed(text: str, shown: str) -> Statement:
    tree = _tree(parse_sql_json(text))
    walk = Commands()
    kinds = {walk.statement(s["stmt"]): None for s in tree["stmts"]}
    if not kinds:
        return Statement("unreadable", because="the text holds only comments")
    because = walk.because
    if walk.opaque:
        because = "what it runs is not in the text"
    for body in walk.bodies:
        if body.strip() in ("", "?"):  # its code stood in plain quotes and is redacted
            continue
        inner = search(body, "", code=True)
        because = "its code was searched for names"
        walk.reads |= inner.reads
        walk.writes |= inner.writes
        walk.locks |= inner.locks
        walk.objects |= inner.objects
        walk.functions |= inner.functions
        walk.changes |= inner.changes
    is_check = bool(walk.locks) and _FOREIGN_KEY_CHECK.fullmatch(shown) is not None
    return Statement(
        kind=next(iter(kinds)) if len(kinds) == 1 else "several",
        reads=frozenset(walk.reads),
        writes=frozenset(walk.writes),
        locks=frozenset(walk.locks),
        objects=frozenset(walk.objects),
        joins=frozenset(walk.joins),
        filters=frozenset(walk.filters),
        order_by=tuple(walk.order_by),
        stars=frozenset(walk.stars),
        functions=frozenset(walk.functions),
        aliases=frozenset(walk.aliases),
        uses=frozenset(
            (s.name, s.base, tuple(sorted(s.used)), tuple(sorted(s.compared)))
            for s in walk.uses
            if s.base is not None
        ),
        changes=frozenset(walk.changes),
        only=frozenset(walk.alone - walk.spread),
        has_limit=walk.has_limit,
        has_offset=walk.has_offset,
        is_foreign_key_check=is_check,
        opaque=walk.opaque,
        because=because,
        fingerprint=fingerprint(text),
    )


def _tree(document: str) -> Any:
    """Read the parser's JSON: pydantic's reader is the quicker one, but goes 200 levels deep only."""
    try:
        return from_json(document)
    except ValueError:
        return json.loads(document)
