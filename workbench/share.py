"""Where the files that are not Python live: queries, notebooks and reference estates."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shared(name: str) -> Path:
    """Return the folder ``name`` of the checkout, or of the installed wheel.

    >>> shared("queries").is_dir()
    True
    """
    inside = _PACKAGE / "_share" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def reference_estate(name: str) -> Path:
    """Return the folder of a reference estate with its recorded history.

    >>> (reference_estate("marketplace") / "estate.toml").exists()
    True
    """
    return shared("data") / "estates" / name
