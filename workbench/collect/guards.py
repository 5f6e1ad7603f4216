"""What every transaction on a server under review sets for itself, and reads back before it asks anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from workbench import __version__
from workbench.collect.wire import Connection

APPLICATION_NAME = f"workbench {__version__}"

GUARDS = {
    "application_name": APPLICATION_NAME,
    "client_encoding": "UTF8",
    "statement_timeout": "8s",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
}
_GUARDS_SINCE = {170000: {"transaction_timeout": "10s"}}


class Unasked(Exception):
    """A question was not put; the message says why."""


class GuardLost(Unasked):
    """A setting of the transaction did not hold: nothing was run."""


@dataclass(frozen=True)
class Guards:
    """What a transaction sets for itself, and reads back before anything else is run."""

    wanted: Mapping[str, str]

    @staticmethod
    def of(connection: Connection, settings: Mapping[str, str]) -> Guards:
        """Return what holds on this server, and ``settings`` besides."""
        wanted = GUARDS | dict(settings)
        for least, guards in _GUARDS_SINCE.items():
            if connection.info.server_version >= least:
                wanted |= guards
        if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
            # Such a database holds any bytes, and refuses to hand out as UTF8 those that are none.
            wanted |= {"client_encoding": "SQL_ASCII"}
        return Guards(wanted)

    @property
    def set_all(self) -> str:
        """The statement that sets them until the transaction ends."""
        return "SELECT " + ", ".join(
            f"pg_catalog.set_config({_literal(n)}, {_literal(v)}, true)"
            for n, v in self.wanted.items()
        )

    @property
    def read_back(self) -> str:
        """The statement that reads what holds now, for ``check``."""
        read = (f"pg_catalog.current_setting({_literal(n)}, true)" for n in self.wanted)
        return f"SELECT {', '.join(read)}, pg_catalog.current_setting('transaction_read_only')"

    def check(self, row: Sequence[object]) -> None:
        """Raise GuardLost where what was read back differs from what was set."""
        *held, read_only = map(_text, row)
        lost = [n for n, v in zip(self.wanted, held, strict=True) if v != self.wanted[n]]
        if lost or read_only != "on":
            raise GuardLost(
                f"the settings {lost or ['transaction_read_only']} did not hold in the transaction, "
                "so nothing was run"
            )


def _text(value: object) -> str:
    # Without an encoding, texts arrive as bytes.
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _literal(text: str) -> str:
    return sql.Literal(text).as_string(None)
