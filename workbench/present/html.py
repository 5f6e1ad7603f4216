"""Pages of a report: a notebook's outputs, or the index, in one frame; nothing is loaded from anywhere but the folder itself."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import jinja2
from markupsafe import Markup

from workbench.present.text import anchor, escape, legible, without_secrets
from workbench.present.theme import css_variables

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from workbench.present.service import ServicePage

_HERE = files("workbench.present")
# what a bench says of itself in JupyterLab: here the head of the page says it
_BENCH = re.compile(r"<div data-workbench(?:=\"\")?>.*?</div>", re.DOTALL)
_NAMED = re.compile(r'<(tr|g) id="([^"]*)"')
# Cells with the tag "desk" ask something of who sits before them: a report has nobody there.
_HIDDEN_TAGS = {"parameters", "injected-parameters", "papermill-error-cell-tag", "desk"}
# Markdown, LaTeX, SVG and scripts from a kernel would stand on the page unescaped: only these are shown.
_SHOWN = ("text/html", "image/png", "text/plain")


class Displayed(Protocol):
    """What displays itself in a notebook displays itself on a page."""

    def _repr_html_(self) -> str: ...


@dataclass(frozen=True)
class Link:
    """A page as the navigation names it."""

    href: str
    title: str
    failed: bool = False


@dataclass(frozen=True)
class Frame:
    """What every page of a report states: estate, period, coverage, where it comes from, and the other pages."""

    estate: str
    period: str
    simulated: bool
    coverage: str
    provenance: str
    version: str
    pages: Sequence[Link] = ()


@dataclass(frozen=True)
class Heading:
    """A heading of a page, for the contents."""

    text: str
    anchor: str
    level: int = 2


@dataclass(frozen=True)
class Section:
    """A section of the index: a heading, a sentence, and something that displays itself."""

    text: str
    shown: Displayed
    lead: str = ""

    @property
    def anchor(self) -> str:
        """The section's id."""
        return anchor(self.text)


@dataclass(frozen=True)
class Several:
    """What is displayed one below the other."""

    parts: Sequence[Displayed]

    def _repr_html_(self) -> str:
        return "\n".join(part._repr_html_() for part in self.parts)


@dataclass(frozen=True)
class Run:
    """A notebook on the index: where its page is, what it answers, and why it failed if it did."""

    href: str
    title: str
    summary: str = ""
    failure: str = ""


def notebook_page(notebook: NotebookNode, frame: Frame, *, here: str, failure: str = "") -> str:
    """Return the page of an executed notebook; ``failure`` is said at its top.

    Parameters, papermill's traces and what looks like a password are not published.
    """
    published = _without_traces(notebook)
    body, contents = _exporter()(published)
    title = next((heading.text for heading in contents if heading.level == 1), Path(here).stem)
    return _page(
        "page.html.j2",
        frame,
        title=title,
        here=here,
        failure=legible(failure),
        body=Markup(_BENCH.sub("", body)),  # outputs escape what comes from a database
        contents=[heading for heading in contents if heading.level in (2, 3)],
    )


def index_page(
    frame: Frame, *, headline: object | None, sections: Sequence[Section], runs: Sequence[Run]
) -> str:
    """Return the first page: the answer, what it rests on, and the state of every other page."""
    contents = [*(Heading(s.text, s.anchor) for s in sections), Heading("Pages", "pages")]
    return _page(
        "index_page.html.j2",
        frame,
        title="Summary",
        here="index.html",
        failure="",
        headline=headline,
        sections=_shown(sections),
        runs=runs,
        failures=[run for run in runs if run.failure],
        contents=contents,
    )


def service_page(frame: Frame, page: ServicePage, *, here: str) -> str:
    """Return the page of one service, in a folder beside the index."""
    return _page(
        "service_page.html.j2",
        frame,
        title=page.name,
        here=here,
        failure="",
        headline=page.headline,
        sections=_shown(page.sections),
        contents=[Heading(s.text, s.anchor) for s in page.sections],
    )


def _shown(sections: Sequence[Section]) -> list[dict[str, object]]:
    return [
        {
            "text": s.text,
            "anchor": s.anchor,
            "lead": s.lead,
            "shown": Markup(s.shown._repr_html_()),
        }
        for s in sections
    ]


def write_assets(folder: Path) -> None:
    """Write the style sheets and scripts that pages refer to, into ``folder``/assets."""
    target = folder / "assets"
    target.mkdir(parents=True, exist_ok=True)
    for asset in (_HERE / "assets").iterdir():
        (target / asset.name).write_bytes(asset.read_bytes())
    (target / "theme.css").write_text(css_variables(), encoding="utf-8")


def title_of(notebook: NotebookNode) -> str:
    """Return a notebook's title: its first level-one heading, or nothing."""
    for cell in notebook.cells:
        found = (
            re.search(r"^# (.+)$", cell.source, re.MULTILINE)
            if cell.cell_type == "markdown"
            else None
        )
        if found:
            return found.group(1).strip()
    return ""


def summary_of(notebook: NotebookNode) -> str:
    """Return what a notebook answers: the paragraph under its title, as plain text."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^# .+\n+((?:(?!#).+\n?)+)", cell.source)
            if found:
                return re.sub(r"[*`]", "", " ".join(found.group(1).split()))
    return ""


def _with_ids_once(body: str) -> str:
    """Several tables and diagrams of a page may show one service or table: an address leads to the first."""
    seen: set[str] = set()

    def once(found: re.Match[str]) -> str:
        new = found[2] not in seen
        seen.add(found[2])
        return found[0] if new else f"<{found[1]}"

    return _NAMED.sub(once, body)


def _page(template: str, frame: Frame, *, here: str, **values: object) -> str:
    root = "../" * here.count("/")
    page = _environment().get_template(template)
    return _with_ids_once(page.render(frame=frame, here=here, root=root, **values))


def _loaded(end: str, *, first: str) -> list[str]:
    """The assets of a kind, as every page loads them: what the others build on, then by name."""
    found = {asset.name for asset in (_HERE / "assets").iterdir() if asset.name.endswith(end)}
    return [first, *sorted(found - {first})]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: (_HERE / "template" / name).read_text(encoding="utf-8")
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: (
            value if isinstance(value, Markup) or not isinstance(value, str) else legible(value)
        ),
    )
    environment.globals["contents"] = ()
    environment.globals["styles"] = _loaded(".css", first="theme.css")  # written by write_assets
    environment.globals["scripts"] = _loaded(".js", first="theme.js")
    return environment


def _without_traces(notebook: NotebookNode) -> NotebookNode:
    """A copy with only what is published: no parameters, no papermill metadata, no passwords in printed text."""
    kept = deepcopy(notebook)
    kept.cells = [
        cell for cell in kept.cells if not _HIDDEN_TAGS & set(cell.metadata.get("tags", []))
    ]
    for name in set(kept.metadata) - {"language_info"}:
        del kept.metadata[name]
    for cell in kept.cells:
        cell.metadata.clear()
        cell.source = without_secrets(cell.source)
        for output in cell.get("outputs", []):
            _clean(output)
    return kept


def _clean(output: NotebookNode) -> None:
    if output.output_type == "stream":
        output.text = without_secrets(output.text)
    elif output.output_type == "error":
        output.traceback = [without_secrets(line) for line in output.traceback]
    else:
        for kind in set(output.data) - set(_SHOWN):
            del output.data[kind]
        if "text/plain" in output.data:
            output.data["text/plain"] = without_secrets(output.data["text/plain"])


@cache
def _exporter() -> Callable[[NotebookNode], tuple[str, list[Heading]]]:
    """A function from a notebook to its body and headings. Made once: nbconvert takes a second to import."""
    from jinja2 import pass_context
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        """Markdown whose headings carry anchors that do not change, and are remembered for the contents."""

        def __init__(self, found: list[Heading]) -> None:
            super().__init__(escape=False, exclude_anchor_links=True)
            self.found = found

        def heading(self, text: str, level: int, **attrs: object) -> str:
            plain = Markup(text).striptags()
            base = anchor(plain)
            taken = {heading.anchor for heading in self.found}
            name = next(
                n for n in (base, *(f"{base}-{at}" for at in range(2, 999))) if n not in taken
            )
            self.found.append(Heading(str(plain), name, level))
            mark = f'<a class="wb-anchor" href="#{escape(name)}" aria-label="Link to this section">#</a>'
            return f'<h{level} id="{escape(name)}">{text}{mark}</h{level}>\n'

    class Exporter(HTMLExporter):
        found: list[Heading]

        @pass_context
        def markdown2html(self, context: object, source: str) -> str:
            return str(MarkdownWithMath(renderer=Renderer(self.found)).render(source))

    def export(notebook: NotebookNode) -> tuple[str, list[Heading]]:
        with as_file(_HERE / "template") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of nbconvert's own parts
            exporter = Exporter(  # type: ignore[no-untyped-call]
                template_name="workbench",
                extra_template_basedirs=[str(folder)],
                config={"NbConvertBase": {"display_data_priority": list(_SHOWN)}},
            )
            exporter.found = []
            body, _ = exporter.from_notebook_node(notebook)
            return body, exporter.found

    return export


__all__ = [
    "Frame",
    "Heading",
    "Link",
    "Run",
    "Section",
    "Several",
    "index_page",
    "notebook_page",
    "service_page",
    "summary_of",
    "title_of",
    "write_assets",
]
