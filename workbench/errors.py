"""What can go wrong, and what the command line answers with.

    WorkbenchError            exit code 1
      UsageError              exit code 2: wrong usage, or a file that cannot be used
        EstateError           a fault in an estate file: names file, key, fault and remedy
        SnapshotError         a snapshot or history that cannot be read
      Unreachable             exit code 3: nothing could be connected
      NotebookFailed          exit code 3: a notebook raised, died, timed out or left cells unrun
      LabError                a private server could not be built or started

Every message names the object, what is wrong with it, and the next step. None holds a secret.
"""


class WorkbenchError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code = 1


class UsageError(WorkbenchError):
    """The caller asked for something that does not exist or cannot be."""

    exit_code = 2


class EstateError(UsageError):
    """An estate file is wrong: the message names the file, the key, the fault and the remedy."""


class SnapshotError(UsageError):
    """A snapshot or a history cannot be read."""


class Unreachable(WorkbenchError):
    """No server of the estate could be connected."""

    exit_code = 3


class NotebookFailed(WorkbenchError):
    """A notebook did not run to its end."""

    exit_code = 3


class LabError(WorkbenchError):
    """A private server could not be built, started or given its load."""
