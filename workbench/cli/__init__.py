"""The command line: options, commands, and what a failure looks like. No logic lives here."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from workbench.cli.commands import app
from workbench.errors import WorkbenchError

__all__ = ["main"]


def main() -> int:
    """Run the command line; every expected failure is one message on stderr and an exit code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _stop)
    try:
        code = app(standalone_mode=False)
    except WorkbenchError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}; nothing half-written is left", 2)
    except Exception as error:
        if hasattr(error, "format_message"):  # the parser's own: wrong usage
            return _complain(f"{error.format_message()} (see `workbench --help`)", 2)
        raise
    # Where a command ends by typer.Exit, or by Ctrl-C, its code is what comes back.
    if code == 130:
        _complain("stopped", 130)
    return code if isinstance(code, int) else 0


def _stop(number: int, frame: FrameType | None) -> None:
    # An exception lets every "with" on the way out put things in order.
    sys.exit(128 + number)


def _complain(message: str, code: int) -> int:
    print(f"workbench: {message}", file=sys.stderr)
    return code
