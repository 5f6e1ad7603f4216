"""Search a text that does not parse for the relations it names: cut off, of a newer server, or code.

It knows words, not grammar: what it finds is approximate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pglast.keywords import COL_NAME_KEYWORDS, RESERVED_KEYWORDS, TYPE_FUNC_NAME_KEYWORDS

from workbench.sql.statement import Change, Name, Statement

_TOKEN = re.compile(
    r"""
    (?P<skip> \s+ | --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/|\Z) )
  | (?P<string> [eE]'(?:[^'\\]|''|\\.|\\\Z)*(?:'|\Z) | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*(?:'|\Z)
              | (?P<tag>\$(?:[^\W\d]\w*)?\$)(?:.*?(?P=tag)|.*) )
  | (?P<quoted> (?:[uU]&)?"(?:[^"]|"")*"? )
  | (?P<word> [^\W\d][\w$]* )
  | (?P<other> \$\d+ | [\d.]*\d[\w.]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "with": "select",
    "table": "select",
    "values": "select",
    "declare": "cursor",
    "fetch": "cursor",
    "move": "cursor",
    "close": "cursor",
    "vacuum": "maintenance",
    "analyze": "maintenance",
    "analyse": "maintenance",
    "cluster": "maintenance",
    "reindex": "maintenance",
    "repack": "maintenance",
    "checkpoint": "maintenance",
    "show": "set",
    "reset": "set",
    "discard": "set",
    "begin": "transaction",
    "start": "transaction",
    "commit": "transaction",
    "end": "transaction",
    "rollback": "transaction",
    "abort": "transaction",
    "savepoint": "transaction",
    "release": "transaction",
    "prepare": "other",
    "deallocate": "other",
    "listen": "other",
    "unlisten": "other",
    "notify": "other",
}
_SAME = frozenset(
    (
        "select",
        "insert",
        "update",
        "delete",
        "merge",
        "copy",
        "truncate",
        "refresh",
        "lock",
        "call",
        "do",
        "execute",
        "explain",
        "set",
    )
)
_DDL = frozenset(
    ("create", "alter", "drop", "grant", "revoke", "comment", "security", "import", "reassign")
)
_NO_NAME = RESERVED_KEYWORDS | TYPE_FUNC_NAME_KEYWORDS
_NO_FUNCTION = RESERVED_KEYWORDS | COL_NAME_KEYWORDS | {"over", "partition", "filter", "as"}
_NOISE = frozenset(("only", "lateral", "table", "concurrently", "if", "not", "exists", "view"))
_IN_CALLS = frozenset(("extract", "substring", "trim", "overlay", "position"))
_AHEAD = {"from", "join", "into", "update", "using", "truncate", "table", "view", "lock", "copy"}


def search(text: str, because: str, *, cut: bool = False, code: bool = False) -> Statement:
    """Return what can be found in ``text``, approximate for the reason ``because``.

    A ``cut`` text's last word may be half a name and is not believed. In ``code`` of a procedural
    language, SELECT INTO names variables.

    >>> found = search("SELECT a FROM s.orders o WHERE x IN (SELECT y FROM cust", "cut off", cut=True)
    >>> sorted(found.reads)
    [('s', 'orders')]
    """
    if cut:
        *_, last = (0, *(m.start() for m in _TOKEN.finditer(text)))
        text = text[:last]
    return _Search(list(_tokens(text)), code).run(because)


def first_word(text: str) -> str:
    """Return the first word of ``text`` in lower case, or the empty string."""
    return next((v for _, v in _tokens(text)), "")


def kind_of(word: str) -> str:
    """Return the kind of a statement that begins with ``word``."""
    if word in _SAME:
        return word
    return "ddl" if word in _DDL else _KINDS.get(word, "unreadable")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Tokens as ``(kind, value)``; unquoted words in lower case, as the server folds them."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        value = match[0]
        if kind == "word":
            yield "word", value.lower() if value.isascii() else value
        elif kind == "quoted":
            yield "quoted", value[value.index('"') + 1 :].removesuffix('"').replace('""', '"')
        elif kind == "other":
            yield "other", value
        elif kind is not None and kind != "skip":
            yield "string", ""


class _Search:
    def __init__(self, tokens: list[tuple[str, str]], code: bool) -> None:
        self.tokens = tokens
        self.code = code
        self.at = 0
        self.reads: set[Name] = set()
        self.writes: set[Name] = set()
        self.locks: set[Name] = set()
        self.objects: set[Name] = set()
        self.functions: set[Name] = set()
        self.changes: set[Change] = set()
        self.filled: set[Name] = set()  # by the last INSERT
        self.aliases: dict[str, Name] = {}
        self.ctes = {
            value
            for place, (kind, value) in enumerate(tokens)
            if kind != "other" and self._is_cte(place)
        }

    def run(self, because: str) -> Statement:
        words = [v for k, v in self.tokens[:8] if k == "word"]
        kind = kind_of(words[0]) if words else "unreadable"
        verb = ""  # of the statement that the place is in
        calls: list[bool] = []  # for each open parenthesis, whether FROM in it is an argument's
        while self.at < len(self.tokens):
            what, word = self.tokens[self.at]
            before = self._word(self.at - 1)
            self.at += 1
            if word == "(" and what == "other":
                calls.append(before in _IN_CALLS)
            elif word == ")" and what == "other":
                del calls[-1:]
            elif what == "other" or what == "string":
                if word == ";":
                    verb = ""
            elif what == "word" and word in _AHEAD and not (calls and calls[-1]):
                self._clause(word, before, verb, kind)
            elif what == "word" and word in ("insert", "merge", "delete", "select", "refresh"):
                verb = word
            elif self._value(self.at) == "(" and not self._is_cte(self.at - 1):
                self._function()
        if kind == "select" and self.writes and words[0] == "with":
            kind = verb if verb in _SAME else kind
        return Statement(
            kind,
            reads=frozenset(self.reads),
            writes=frozenset(self.writes),
            locks=frozenset(self.locks),
            objects=frozenset(self.objects),
            functions=frozenset(self.functions),
            changes=frozenset(self.changes),
            because=because,
        )

    def _clause(self, word: str, before: str, verb: str, kind: str) -> None:
        """After a word that names of relations follow."""
        if word == "from" and before != "distinct":
            if before == "delete":
                self._changed("delete")
            else:
                self._list(self.reads)
        elif word == "join" or (word == "using" and verb in ("delete", "merge")):
            self._list(self.reads)
        elif word == "into" and (verb in ("insert", "merge") or not self.code):
            events = ("insert", "update", "delete") if verb == "merge" else ("insert",)
            self.filled = self._changed(*events)
        elif word == "update":
            if before in ("for", "key"):
                self._locked()
            elif before == "do":
                sets = self._set()
                self.changes |= {("update", name, sets) for name in self.filled}
            elif before not in ("do", "on", "then", "or", "before", "after", "of"):
                for name in self._changed():
                    self.changes.add(("update", name, self._set()))
        elif word == "truncate":
            self._changed("truncate")
        elif word == "lock" and before == "":
            self._list(self.locks)
        elif word == "copy" and before in ("", "begin"):
            start = self.at
            reads, self.reads = self.reads, set()
            self._list(self.reads)
            found, self.reads = self.reads, reads
            rest = {self._word(n) for n in range(start, min(start + 400, len(self.tokens)))}
            filled = "from" in rest and found
            (self.writes if filled else self.reads).update(found)
            self.changes |= {("insert", name, ()) for name in found if filled}
        elif word == "view" and verb == "refresh":
            self._list(self.writes)
        elif word in ("table", "view") and kind == "ddl":
            self._list(self.objects)

    def _changed(self, *events: str) -> set[Name]:
        """Read names that are written, and note what is done to them."""
        found: set[Name] = set()
        self._list(found, written=True)
        self.writes |= found
        self.changes |= {(event, name, ()) for event in events for name in found}
        return found

    def _set(self) -> tuple[str, ...]:
        """The columns that a SET ahead gives values; none where it does not list them plainly."""
        at, depth, found = self.at, 0, set[str]()
        if self._word(at) != "set" or self._value(at + 1) == "(":
            return ()
        begins = True
        while (at := at + 1) < len(self.tokens):
            value = self._value(at)
            if begins:
                if self.tokens[at][0] not in ("word", "quoted"):
                    return ()
                found.add(value)
            if depth == 0 and (value == ";" or self._word(at) in ("where", "from", "returning")):
                break
            other = self.tokens[at][0] == "other"
            depth += (value in "([") - (value in ")]") if other else 0
            begins = other and value == "," and depth == 0
        return tuple(sorted(found))

    def _locked(self) -> None:
        """After FOR UPDATE: the aliases that OF names, or all."""
        if self._word(self.at) != "of":
            self.locks |= self.reads
            return
        self.at += 1
        while self.at < len(self.tokens):
            name = self._value(self.at)
            self.locks |= {self.aliases[name]} if name in self.aliases else set()
            self.at += 1
            if self._value(self.at) != ",":
                return
            self.at += 1

    def _list(self, target: set[Name], *, written: bool = False) -> None:
        """Read names with their aliases, divided by commas."""
        while True:
            while self._word(self.at) in _NOISE:
                self.at += 1
            name = self._name()
            if name is None:
                return
            if self._value(self.at) == "(" and target is self.reads:
                self.functions.add(name)
                return
            if name[0] is not None or name[1] not in self.ctes or written:
                target.add(name)
            if self._word(self.at) == "as":
                self.at += 1
            alias = name[1]
            if self._is_name(self.at) and self._word(self.at) not in ("set", "of"):
                alias = self._value(self.at)
                self.at += 1
            self.aliases[alias] = name
            if self._value(self.at) != ",":
                return
            self.at += 1

    def _name(self) -> Name | None:
        if not self._is_name(self.at):
            return None
        parts = [self._value(self.at)]
        self.at += 1
        while (
            self._value(self.at) == "."
            and self.at + 1 < len(self.tokens)
            and self.tokens[self.at + 1][0] in ("word", "quoted")
        ):
            parts.append(self._value(self.at + 1))
            self.at += 2
        return (parts[-2] if len(parts) > 1 else None), parts[-1]

    def _function(self) -> None:
        """A name before a parenthesis: called, unless it is a word of the grammar."""
        what, name = self.tokens[self.at - 1]
        if what == "word" and name in _NO_FUNCTION:
            return
        schema = None
        if self._value(self.at - 2) == "." and self.at >= 3:
            what, value = self.tokens[self.at - 3]
            schema = value if what in ("word", "quoted") else None
        elif self.at >= 2 and self.tokens[self.at - 2][0] == "quoted":
            return
        self.functions.add((schema, name))

    def _is_cte(self, place: int) -> bool:
        """Whether ``name AS (`` or ``name (a, b) AS MATERIALIZED (`` begins here."""
        at = place + 1
        if self._value(at) == "(":
            end = at + 1
            while end < min(at + 200, len(self.tokens)) and self._value(end) != ")":
                if self._value(end) == "(":
                    return False
                end += 1
            at = end + 1
        if self._word(at) != "as":
            return False
        at += 1
        while self._word(at) in ("not", "materialized"):
            at += 1
        return self._value(at) == "("

    def _is_name(self, at: int) -> bool:
        if not 0 <= at < len(self.tokens):
            return False
        what, value = self.tokens[at]
        return what == "quoted" or (what == "word" and value not in _NO_NAME)

    def _word(self, at: int) -> str:
        if 0 <= at < len(self.tokens) and self.tokens[at][0] == "word":
            return self.tokens[at][1]
        return ""

    def _value(self, at: int) -> str:
        return self.tokens[at][1] if 0 <= at < len(self.tokens) else ""
