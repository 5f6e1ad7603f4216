"""The reference estates: files of this project, built on private servers, with days to live through."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from workbench.errors import UsageError
from workbench.lab.play import Player
from workbench.lab.server import Server
from workbench.lab.workload import load_workload
from workbench.share import reference_estate, shared


@dataclass(frozen=True)
class BuiltEstate:
    """A built estate: its files, and the variables that its ``estate.toml`` needs."""

    folder: Path
    environ: Mapping[str, str] = field(repr=False)


def reference_estates() -> tuple[str, ...]:
    """Return the names of the reference estates: the folders that hold a workload.

    >>> "marketplace" in reference_estates()
    True
    """
    files = (shared("data") / "estates").glob("*/workload.toml")
    return tuple(sorted(file.parent.name for file in files))


def build(
    name: str,
    server: Server | Mapping[str, Server],
    *,
    on_day: Callable[[date, BuiltEstate], None],
    during_day: Callable[[date], AbstractContextManager[object]] | None = None,
    days: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> BuiltEstate:
    """Build a reference estate and play its days; ``on_day`` follows each, when all counts have settled.

    ``name`` is one of `reference_estates`. One server holds all instances, a mapping gives each its
    own. What ``during_day`` returns is entered while a day's statements run. ``days`` is at most what the estate has; 0 builds and seeds only. ``progress`` is told a
    line for each step. Raises `UsageError` for a name, a number of days or an instance that is not
    there, `EstateError` for a fault in the files, `LabError` where a server refuses them.
    """
    folder = estate_folder(name)
    workload = load_workload(folder)
    wanted = workload.days if days is None else days
    if not 0 <= wanted <= workload.days:
        raise UsageError(f"{name} has no {wanted} days; ask for 0 to {workload.days}")
    servers = server if isinstance(server, Mapping) else dict.fromkeys(workload.instances, server)
    if missing := workload.instances.keys() - servers:
        raise UsageError(f"{name} needs a server for {', '.join(sorted(missing))} as well")
    tell = progress or (lambda line: None)
    player = Player(folder, workload, servers)
    tell(f"{name}: makes databases, tables and seed rows")
    player.build()
    built = BuiltEstate(
        folder,
        {
            variable: player.url(part.database, part.login)
            for variable, part in workload.environ.items()
        },
    )
    for number in range(1, wanted + 1):
        day = workload.day(number)
        count = player.play(number, during_day(day) if during_day else None)
        on_day(day, built)
        tell(f"{name}: day {number} of {wanted} ({day}), {count:,} statements")
    return built


def estate_folder(name: str) -> Path:
    """Return the folder of a reference estate; raises `UsageError` with the nearest name."""
    known = reference_estates()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"there is no reference estate {name!r}; {hint}")
    return reference_estate(name)
