"""Hostile text made fit for a page: names from a database, titles from an estate file, errors from a kernel."""

import hashlib
import html
import re
import unicodedata

# Control characters, and those that turn around or hide what stands beside them on a page.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_KEPT = {
    "\u00ad",
    "\u200c",
    "\u200d",
}  # soft hyphen and the joiners that some scripts are written with
_PASSWORD_IN_URL = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s/:@'\"<>]*):[^\s@'\"<>]+@", re.IGNORECASE
)
_PASSWORD_WORD = re.compile(
    r"(?P<head>\b(?:\w*password|passwd|pwd|secret|token|api_?key)\b['\"]?\s*[=:]\s*)(?P<value>'[^']*'|\"[^\"]*\"|[^\s,;&)}\]]+)",
    re.IGNORECASE,
)


def legible(text: object) -> str:
    r"""Return text in which every character can be seen: control characters and those that reorder lines are spelled out.

    >>> legible("a\x00b\tc\u202ed")
    'a\\x00b\\tc\\u202ed'
    """
    return "".join(map(_seen, str(text)))


def _seen(char: str) -> str:
    if " " <= char <= "~" or char in _KEPT:
        return char
    if unicodedata.category(char) in _UNSEEN:
        return char.encode("unicode_escape").decode("ascii")
    return char


def escape(text: object) -> str:
    """Return text for an HTML element or a quoted attribute.

    >>> escape('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(legible(text), quote=True)


def shorten(text: str, width: int) -> str:
    """Cut text to ``width`` characters, keeping its ends, which tell names of one family apart.

    >>> shorten("order_status_history_archive", 16)
    'order_st…archive'
    """
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return text[: width - 1 - tail] + "…" + text[len(text) - tail :]


def brief(name: object) -> str:
    """Return a name as it fits into a sentence.

    >>> brief("orders"), brief("order_status_history_archive_of_last_year")
    ('orders', 'order_status_history…rchive_of_last_year')
    """
    return shorten(legible(name), 40)


def file_name(name: str) -> str:
    """Return a name that is one safe path segment, unique to the text given; a plain name stays as it is.

    >>> file_name("marketplace")
    'marketplace'
    >>> file_name("../../etc").startswith("etc-")
    True
    >>> file_name("a/b") == file_name("a b")
    False
    """
    safe = re.sub(r"[^\w.-]+", "-", name).strip(".-_")[:48]
    if safe == name:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else digest


def anchor(text: str) -> str:
    """Return the id of a heading: lower-case words joined by hyphens.

    >>> anchor("What grows, and how fast?")
    'what-grows-and-how-fast'
    """
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"


def slug(*parts: str | None) -> str:
    """Return an id that is the same for the same names and another for others, safe in HTML, SVG, DOT and addresses.

    Pages give it to rows and sections: ``slug("service", name)``, ``slug("table", instance, database, schema, name)``.

    >>> slug("table", "main", "shop", "order_service", "orders")
    'table-main.shop.order_service.orders'
    >>> slug("table", "a.b") == slug("table", "a", "b"), slug("table", '"><script>')
    (False, 'table-script-554299e9')
    """
    first, *names = [part or "" for part in parts]
    plain = all(re.fullmatch(r"[A-Za-z0-9_]*", name) for name in names)
    shown = ".".join(re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") for name in names)
    if not plain:
        whole = "\0".join(names).encode("utf-8", "surrogatepass")
        shown = f"{shown[:48]}-{hashlib.sha256(whole).hexdigest()[:8]}"
    return f"{first}-{shown}"


def without_secrets(text: str) -> str:
    """Blank what looks like a password in text that a notebook printed or raised.

    >>> without_secrets("postgresql://app:s3cret@db/x refused; PGPASSWORD=hunter2")
    'postgresql://app:…@db/x refused; PGPASSWORD=…'
    """
    return _PASSWORD_WORD.sub(r"\g<head>…", _PASSWORD_IN_URL.sub(r"\g<head>:…@", text))
