"""Estate files in: found, parsed, variables put in, each table checked for keys and types."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from workbench.conninfo import TargetError, expand
from workbench.errors import EstateError
from workbench.estate.facts import Actor, Event, Exemption, Threshold
from workbench.estate.names import nearest, toml_key
from workbench.estate.shapes import (
    AliasTable,
    Complain,
    DesignTable,
    EstateTable,
    InstanceTable,
    KeyPath,
    ReferenceTable,
    ServiceTable,
    read_table,
)

T = TypeVar("T")

MAIN, SERVICES = "estate.toml", "services"
# What a person may keep apart from the main file, and the tables that it holds then.
_BESIDE = {"references.toml": ("references", "aliases"), "exemptions.toml": ("exemptions",)}
# Tables and lists of tables at the top of an estate file.
_NAMED: dict[str, type] = {"instances": InstanceTable, "services": ServiceTable}
_LISTED: dict[str, type] = {
    "references": ReferenceTable,
    "aliases": AliasTable,
    "actors": Actor,
    "thresholds": Threshold,
    "designs": DesignTable,
    "events": Event,
    "exemptions": Exemption,
}
_TOP = ("estate", *_NAMED, *_LISTED)
# Expanded at each connect, not at load: a recorded history is read where they are not set.
_LATE = {"instances": {"url", "endpoints", "tls", "password_command"}, "services": {"url"}}


class Faults:
    """Everything that is wrong in the files of an estate, told at once."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}

    def add(self, file: str, at: KeyPath, text: str) -> None:
        """Note that in ``file`` the key ``at`` has the fault ``text``."""
        line = f"{file}: {key_path(at)}: {text}" if at else f"{file}: {text}"
        found = self._texts.setdefault(file, [])
        if line not in found:
            found.append(line)

    def __bool__(self) -> bool:
        return bool(self._texts)

    @property
    def lines(self) -> tuple[str, ...]:
        """Every fault, file by file: ``file: key: fault; next step``."""
        return tuple(line for lines in self._texts.values() for line in lines)

    def refuse(self) -> None:
        """Raise EstateError where there is any fault."""
        if self._texts:
            raise EstateError("\n".join(self.lines))


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A table of a file: where it stands and what it says; None where that is faulty."""

    name: str
    file: str
    at: KeyPath
    """its key in that file; empty where the file is its own"""
    table: T | None

    @property
    def where(self) -> str:
        """File and key, for messages."""
        return f"{self.file}: {key_path(self.at)}" if self.at else self.file


@dataclass
class Contents:
    """What the files of an estate say, table by table."""

    main: str
    """the file that holds the rest together"""
    folder: Path | None
    digest: str
    estate: EstateTable = field(default_factory=EstateTable)
    instances: list[Entry[InstanceTable]] = field(default_factory=list)
    services: list[Entry[ServiceTable]] = field(default_factory=list)
    references: list[Entry[ReferenceTable]] = field(default_factory=list)
    aliases: list[Entry[AliasTable]] = field(default_factory=list)
    actors: list[Entry[Actor]] = field(default_factory=list)
    thresholds: list[Entry[Threshold]] = field(default_factory=list)
    designs: list[Entry[DesignTable]] = field(default_factory=list)
    events: list[Entry[Event]] = field(default_factory=list)
    exemptions: list[Entry[Exemption]] = field(default_factory=list)


def key_path(at: KeyPath) -> str:
    """A key's path as TOML writes it.

    >>> key_path(("services", "a.b", "tables", 0))
    'services."a.b".tables[0]'
    """
    text = ""
    for part in at:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{toml_key(part)}" if text else toml_key(part)
    return text


def find_files(path: Path) -> list[Path]:
    """The files of the estate at ``path``, a folder or its estate.toml; raises EstateError."""
    main = path / MAIN if path.is_dir() else path
    if not main.is_file():
        fault = "no such file" if not main.exists() else "not a file"
        wanted = main if main.suffix == ".toml" else main / MAIN
        what = f"the folder holds no {MAIN}" if path.is_dir() else fault
        raise EstateError(f"{path}: {what}; make one from a server: workbench init URL -o {wanted}")
    folder = main.parent
    more = [*sorted((folder / SERVICES).glob("*.toml")), *(folder / name for name in _BESIDE)]
    return [main, *(file for file in more if file.is_file() and not file.name.startswith("."))]


def read_contents(path: Path, environ: Mapping[str, str], faults: Faults) -> Contents:
    """Read the estate at ``path``; faults inside the files go to ``faults``."""
    files = find_files(path)
    folder = files[0].parent
    texts: dict[str, bytes] = {}
    for file in files:
        try:
            texts[str(file)] = file.read_bytes()
        except OSError as error:
            faults.add(str(file), (), f"cannot be read: {error.strerror}; change its permissions")
    inside = {
        MAIN if Path(name) == files[0] else Path(name).relative_to(folder).as_posix(): data
        for name, data in texts.items()
    }
    contents = Contents(str(files[0]), folder.resolve(), digest_of(inside))
    parse_texts(texts, contents, environ, faults)
    return contents


def digest_of(texts: Mapping[str, bytes]) -> str:
    """sha256 over the names and bytes of files."""
    digest = hashlib.sha256()
    for name, data in texts.items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def parse_texts(
    texts: Mapping[str, bytes], contents: Contents, environ: Mapping[str, str], faults: Faults
) -> None:
    """Parse files, the main one first, into ``contents``."""
    for number, (file, data) in enumerate(texts.items()):
        try:
            document = tomllib.loads(data.decode().removeprefix("\ufeff"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            faults.add(file, (), f"is not UTF-8 (at line {line}); save it as UTF-8")
            continue
        except tomllib.TOMLDecodeError as error:
            faults.add(file, (), f"is not TOML: {error}; mend that line")
            continue
        if number and Path(file).parent.name == SERVICES:
            service = {"services": {Path(file).stem: document}}
            _Reader(file, contents, environ, faults, own_file=True).read(service, ("services",))
        else:
            known = _BESIDE[Path(file).name] if number else _TOP
            _Reader(file, contents, environ, faults).read(document, known)


@dataclass(frozen=True)
class _Reader:
    file: str
    contents: Contents
    environ: Mapping[str, str]
    faults: Faults
    own_file: bool = False
    """it holds one service's keys and nothing else"""

    def read(self, document: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key, value in document.items():
            if key not in known:
                self.faults.add(self.file, (key,), f"unknown key; {nearest(key, known)}")
            elif key == "estate":
                entry = self.entry(EstateTable, value, ("estate",), set())
                self.contents.estate = entry.table or EstateTable()
            elif key in _NAMED:
                self.named(key, value)
            else:
                self.listed(key, value)

    def named(self, key: str, value: object) -> None:
        into: list[Entry[Any]] = getattr(self.contents, key)
        if not isinstance(value, Mapping):
            self.faults.add(self.file, (key,), f"must be tables; write [{key}.NAME]")
            return
        for name, raw in value.items():
            earlier = next((entry for entry in into if entry.name == name), None)
            at = () if self.own_file else (key, name)
            if not name.strip():
                self.faults.add(self.file, at, "the name is empty; give it one")
            elif earlier:
                self.faults.add(self.file, at, f"is declared in {earlier.file} too; keep one")
            else:
                into.append(self.entry(_NAMED[key], raw, (key, name), _LATE[key]))

    def listed(self, key: str, value: object) -> None:
        into: list[Entry[Any]] = getattr(self.contents, key)
        if not isinstance(value, list):
            self.faults.add(self.file, (key,), f"must be a list of tables; write [[{key}]]")
            return
        for i, raw in enumerate(value):
            into.append(self.entry(_LISTED[key], raw, (key, i), set()))

    def entry(self, cls: type[T], raw: object, at: KeyPath, late: set[str]) -> Entry[T]:
        own = () if self.own_file else at
        found: list[tuple[KeyPath, str]] = []

        def complain(path: KeyPath, text: str) -> None:
            found.append((path, text))

        expanded = (
            dict(self.expanded(raw, own, late, complain)) if isinstance(raw, Mapping) else raw
        )
        table = read_table(cls, expanded, own, complain)
        for path, text in found:
            self.faults.add(self.file, path, text)
        return Entry(str(at[-1]), self.file, own, None if found else table)

    def expanded(
        self, raw: Mapping[str, Any], at: KeyPath, late: set[str], complain: Complain
    ) -> Iterator[tuple[str, object]]:
        """The table with variables put in, but for the keys that wait for a connect."""

        def walk(value: object, at: KeyPath) -> object:
            if isinstance(value, str):
                try:
                    return expand(value, self.environ)
                except TargetError as error:
                    complain(at, str(error))
            elif isinstance(value, list):
                return [walk(item, (*at, i)) for i, item in enumerate(value)]
            elif isinstance(value, Mapping):
                return {key: walk(item, (*at, key)) for key, item in value.items()}
            return value

        for key, value in raw.items():
            yield key, value if key in late else walk(value, (*at, key))
