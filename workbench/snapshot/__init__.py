"""Snapshots and their history: Parquet in, pandas out.

A history is a folder::

    history/
      objects/3f0a….parquet         one answer of one query from one database, named by its content
      snapshots/20261028T020000Z-1b2c3d.json   one run: which objects it saw, and what it could not see

An object is written once, whatever number of snapshots refer to it, so a catalogue that stays the
same costs nothing a second time; a pulse keeps the answers of its instances to one question in one
object. Everything is written beside its place and renamed, the manifest last: a snapshot is whole or
absent, and runs side by side do not disturb each other. Nothing that exists is ever changed; thinning
alone removes what is old. Beside the snapshots lie what people say of them: ``tags/NAME.json``
(baselines) and ``adopted/….json`` (epochs that were joined). What is in ``derived/`` follows from the
snapshots, and is made again where it is missing.

Who owns what is not stored: the estate given when reading decides it.
"""

from workbench.snapshot.brought import read_figures
from workbench.snapshot.epochs import Adoption
from workbench.snapshot.history import History, load_history, load_snapshot, newest_first
from workbench.snapshot.manifest import FORMAT, Manifest, Part
from workbench.snapshot.moments import Moment, begin_of, find_moment, reported
from workbench.snapshot.objects import Objects, encode, records
from workbench.snapshot.readings import kept_beside, read_texts, reader_beside
from workbench.snapshot.spans import Span
from workbench.snapshot.together import each, together
from workbench.snapshot.upkeep import (
    Merged,
    Tag,
    Thinned,
    adopt,
    find_tag,
    load_tags,
    merge,
    tag,
    thin,
)
from workbench.snapshot.whole import Answered, Snapshot, new_snapshot
from workbench.snapshot.window import Window, per_day, per_second, why_no_hour, window_of

__all__ = [
    "FORMAT",
    "Adoption",
    "Answered",
    "History",
    "Manifest",
    "Merged",
    "Moment",
    "Objects",
    "Part",
    "Snapshot",
    "Span",
    "Tag",
    "Thinned",
    "Window",
    "adopt",
    "begin_of",
    "each",
    "encode",
    "find_moment",
    "find_tag",
    "kept_beside",
    "load_history",
    "load_snapshot",
    "load_tags",
    "merge",
    "new_snapshot",
    "newest_first",
    "per_day",
    "per_second",
    "read_figures",
    "read_texts",
    "reader_beside",
    "records",
    "reported",
    "tag",
    "thin",
    "together",
    "why_no_hour",
    "window_of",
]
