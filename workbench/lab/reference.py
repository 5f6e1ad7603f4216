"""The reference estates: files of this project, built on private servers, with days to live through."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from workbench.errors import UsageError
from workbench.lab.play import Player
from workbench.lab.server import Server, private_server
from workbench.lab.workload import Variable, Workload, load_workload
from workbench.share import reference_estate, shared

_ONE_OF_SEVERAL = {"shared_buffers": "32MB", "max_connections": "50"}


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
    own, as `private_servers` does. What ``during_day`` returns is entered while a day's statements run. ``days`` is at most what the estate has; 0 builds and seeds only. ``progress`` is told a
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
    built = BuiltEstate(folder, _environ(workload, player))
    for number in range(1, wanted + 1):
        day = workload.day(number)
        count = player.play(number, during_day(day) if during_day else None)
        on_day(day, built)
        tell(f"{name}: day {number} of {wanted} ({day}), {count:,} statements")
    return built


@contextmanager
def private_servers(name: str, settings: Mapping[str, str]) -> Iterator[dict[str, Server]]:
    """Run private servers for the length of a ``with`` block: one for each instance of a reference estate.

    They are there by the name of the instance. ``settings`` go over those of the lab; where there are
    several servers, each takes less memory. Raises `UsageError` for an unknown name, `LabError` where
    one does not start.
    """
    instances = load_workload(estate_folder(name)).instances
    small = _ONE_OF_SEVERAL if len(instances) > 1 else {}
    with ExitStack() as stack:
        yield {
            instance: stack.enter_context(private_server(settings={**small, **settings}))
            for instance in instances
        }


def _environ(workload: Workload, player: Player) -> dict[str, str]:
    """Return what the variables of ``estate.toml`` are to hold."""
    passwords: dict[tuple[str, str], str] = {}

    def value(variable: Variable) -> str:
        database, login, part = variable
        instance = workload.databases[database].instance
        server = player.servers[instance]
        match part:
            case None:
                return server.url(database, login)
            case "host":
                return server.host
            case "port":
                return str(server.port)
            case "name":
                return database
            case "user":
                return login
            case "password":
                if (instance, login) not in passwords:
                    passwords[instance, login] = server.give_password(login)
                return passwords[instance, login]

    return {name: value(variable) for name, variable in workload.variables.items()}


def estate_folder(name: str) -> Path:
    """Return the folder of a reference estate; raises `UsageError` with the nearest name."""
    known = reference_estates()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"there is no reference estate {name!r}; {hint}")
    return reference_estate(name)
