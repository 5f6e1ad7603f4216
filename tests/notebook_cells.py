"""Small notebooks for tests, written cell by cell."""

from pathlib import Path

import nbformat

PARAMETERS = "estate = None\nhistory = None\nsnapshot = None\nuntil = None"


def write_notebook(path: Path, *cells: str, parameters: str | None = PARAMETERS) -> Path:
    """Write a notebook with a parameters cell and ``cells``; those that begin with # and a space are Markdown."""
    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
    )
    if parameters is not None:
        cell = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        made.cells.append(cell)
    for source in cells:
        kind = (
            nbformat.v4.new_markdown_cell if source.startswith("# ") else nbformat.v4.new_code_cell
        )
        made.cells.append(kind(source))
    nbformat.write(made, path)
    return path
