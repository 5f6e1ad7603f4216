"""Names in estate files: dotted paths, nearest valid ones, and names made unique."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from workbench.model import join_name as join_name

K = TypeVar("K", bound=Hashable)

_PART = re.compile(r'"(?P<quoted>(?:[^"]|"")+)"|(?P<bare>[^".][^.]*)')


def split_name(text: str) -> tuple[str, ...]:
    """Split a dotted name as SQL does, without folding case; raises ValueError.

    A part that holds a dot, or begins with a quote, stands in double quotes.

    >>> split_name('public.Users'), split_name('"a.b"."a ""quoted"" c"')
    (('public', 'Users'), ('a.b', 'a "quoted" c'))
    """
    parts, at = [], 0
    while True:
        found = _PART.match(text, at)
        if not found:
            raise ValueError(
                'is not a dotted name; put a part that holds a dot in double quotes: "a.b".c'
            )
        parts.append(found["quoted"].replace('""', '"') if found["quoted"] else found["bare"])
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            raise ValueError(
                "has text after a closing quote; double a quote that is part of a name"
            )
        at += 1


def toml_string(text: str) -> str:
    r"""Write ``text`` as a basic string or quoted key of TOML.

    >>> print(toml_string('a"b\n\x7f'))
    "a\"b\n\u007f"
    """
    # JSON escapes all that TOML wants escaped, but for this one character
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(name: str) -> str:
    """Write ``name`` as a key of TOML, bare where it can be.

    >>> toml_key("order_service"), toml_key("a.b")
    ('order_service', '"a.b"')
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_string(name)


def nearest(name: str, valid: Collection[str]) -> str:
    """The end of a message about an unknown name: what may have been meant.

    >>> nearest("ordr", ["order", "user"]), nearest("x", ["order", "user"])
    ("nearest valid: 'order'", "valid: 'order', 'user'")
    """
    near = difflib.get_close_matches(name, sorted(valid), n=1)
    if near:
        return f"nearest valid: {near[0]!r}"
    shown = ", ".join(repr(v) for v in sorted(valid)[:8])
    more = f" and {len(valid) - 8} more" if len(valid) > 8 else ""
    return f"valid: {shown}{more}" if valid else "there is none yet"


def distinct(wishes: Mapping[K, Sequence[str]], taken: Collection[str] = ()) -> dict[K, str]:
    """Give each key the first of its wishes that no other key wants; all that clash move on.

    The last wishes must differ from each other.

    >>> distinct({1: ["a", "x.a"], 2: ["a", "y.a"], 3: ["b", "y.b"]})
    {1: 'x.a', 2: 'y.a', 3: 'b'}
    """
    rung = dict.fromkeys(wishes, 0)
    while True:
        names = {key: wishes[key][rung[key]] for key in wishes}
        count = Counter([*names.values(), *taken])
        clash = [k for k in wishes if count[names[k]] > 1 and rung[k] + 1 < len(wishes[k])]
        if not clash:
            return names
        for key in clash:
            rung[key] += 1
