"""The only rooms that talk to a server under review."""

from workbench.collect.run import collect

__all__ = ["collect"]
