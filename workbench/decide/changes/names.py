"""Services by the names that they had first, so that a renamed one is the same at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import overload

from workbench.estate import Estate


@dataclass(frozen=True)
class FirstNames:
    """Tells the first name of a service, by any name that it has or had in two states of an estate.

    >>> from workbench.estate.resolve import estate_from_text
    >>> text = '[instances.main]\\nurl = "service=x"\\n[services.sales]\\nwas = ["order"]\\nschemas = ["o"]'
    >>> estate = estate_from_text(text)
    >>> FirstNames(estate, estate)("sales")
    'order'
    """

    before: Estate
    after: Estate

    @cached_property
    def _first(self) -> dict[str, str]:
        named = (*self.before.services, *self.after.services)
        return {name: s.was[0] for s in named if s.was for name in (*s.was, s.name)}

    @overload
    def __call__(self, service: str) -> str: ...
    @overload
    def __call__(self, service: None) -> None: ...
    def __call__(self, service: str | None) -> str | None:
        """Return its first name; None for nobody."""
        return None if service is None else self._first.get(service, service)
