"""How results look: figures, tables, pages. Knows analyses, and no server."""

from workbench.present.bench import Bench, open_bench

__all__ = ["Bench", "open_bench"]
