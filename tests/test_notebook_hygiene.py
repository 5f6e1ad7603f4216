"""Notebooks as they are committed: no outputs, no logic, parameters that explain themselves."""

import ast
import re

import nbformat
import pytest

from workbench.review.execute import check_parameters
from workbench.share import shared

NOTEBOOKS = sorted(shared("notebooks").glob("*.ipynb"))
PARAMETERS = ["estate", "history", "snapshot", "live", "until"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS][:2] == ["00_overview", "01_capacity"]


def test_it_is_committed_without_outputs(notebook):
    for cell in code(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert "papermill" not in notebook.metadata
    assert all(not set(cell.metadata) - {"tags"} for cell in notebook.cells)


def test_it_is_valid(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_one_cell_declares_typed_parameters_and_says_what_each_is(notebook):
    (cell,) = [cell for cell in code(notebook) if "parameters" in cell.metadata.get("tags", [])]
    lines = cell.source.splitlines()
    named = [line.split(" = ")[0] for line in lines]
    assert named[: len(PARAMETERS)] == PARAMETERS
    assert named[len(PARAMETERS) :] in ([], ["baseline"])
    typed = r" = (None  # type: str\|None|False  # type: bool)  \w+.{10,}"
    assert all(re.search(typed, line) for line in lines)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_papermill_reads_its_parameters(path):
    check_parameters(path, dict.fromkeys(PARAMETERS))


def test_its_cells_are_short_and_hold_no_logic(notebook):
    logic = (
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Lambda,
        ast.For,
        ast.While,
        ast.If,
    )
    for cell in code(notebook):
        assert len(cell.source.splitlines()) <= 6
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, logic)]


def test_it_argues_in_prose(notebook):
    """A title with an answer under it, and a heading with a paragraph before each group of figures."""
    first, *rest = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    assert first.source.startswith("# ")
    assert first == notebook.cells[0]
    for cell in rest:
        heading, _, prose = cell.source.partition("\n")
        assert heading.startswith(("## ", "### "))
        assert len(prose.split()) >= 8
