"""What may be kept of free text that people wrote: the prose, without what looks like a secret.

A comment documents the schema and is worth keeping, but nothing marks where a secret begins in it. So
it errs on the side of cutting: a line that speaks of a password says no more after that word, though
it may have said nothing worse than how it is hashed.
"""

from __future__ import annotations

import re

_CUT = "***"
_KEY_BLOCK = re.compile(r"-----BEGIN [^-\n]*-----.*?(-----END [^-\n]*-----|\Z)", re.DOTALL)
_IN_URL = re.compile(r"(\w[\w+.-]*://)[^\s/@]*@")
_SPOKEN = re.compile(
    r"(\w*(?:passw(?:or)?d|pwd|passphrase|secret|credential|(?:api|private|access)[ _-]?key)\w*)"
    r"(\s*[:=]\s*\S[^\n]*|[^\n]*\w[^\n]*)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(\b\w*(?:token|pass|pin|key|auth|bearer)\s*[:=]\s*)\S[^\n]*", re.IGNORECASE
)
_RANDOM = re.compile(
    r"(?<![\w+/=-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{20,}(?:\.[\w+/=-]+)*"
)


def strip_secrets(text: str) -> str:
    """Return ``text`` without key blocks, logins in URLs, what follows a word for a secret, and random strings.

    >>> strip_secrets("One row per order; see https://bot:hunter2@wiki/orders")
    'One row per order; see https://***@wiki/orders'
    >>> strip_secrets("Batch login. Password: hunter2\\nRuns at night.")
    'Batch login. Password ***\\nRuns at night.'
    >>> strip_secrets("bcrypt hash of the password")
    'bcrypt hash of the password'
    """
    text = _KEY_BLOCK.sub(_CUT, text)
    text = _IN_URL.sub(rf"\1{_CUT}@", text)
    text = _SPOKEN.sub(rf"\1 {_CUT}", text)
    text = _ASSIGNED.sub(rf"\1{_CUT}", text)
    return _RANDOM.sub(_CUT, text)
