"""What one cell of a frame says."""

from __future__ import annotations


def text_of(value: object) -> str | None:
    """Return a cell's text, which may be empty; None where it has none, however that is written.

    >>> import pandas as pd
    >>> [text_of(v) for v in ("", "app", None, pd.NA, float("nan"))]
    ['', 'app', None, None, None]
    """
    return value if isinstance(value, str) else None
