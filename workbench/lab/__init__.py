"""Private and disposable PostgreSQL servers.

A private server is built in a folder of its own and reachable from this machine only; it ends with its starter, however that
ends. ``private_server()`` runs one for the length of a ``with`` block. ``build()`` makes a reference estate on it and plays
its days.
"""

from workbench.lab.binaries import Binaries, find_binaries
from workbench.lab.reference import BuiltEstate, build, reference_estates
from workbench.lab.server import Server, private_server, standby_of, start_server

__all__ = [
    "Binaries",
    "BuiltEstate",
    "Server",
    "build",
    "find_binaries",
    "private_server",
    "reference_estates",
    "standby_of",
    "start_server",
]
