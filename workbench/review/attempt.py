"""``status.json``: what became of the latest review of an estate, for a monitor to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.present.text import without_secrets
from workbench.review.publish import write_status
from workbench.review.webhook import Webhook


class Attempt:
    """One attempt at a review: keeps the estate's status.json true, which is never better than what happened.

    ``webhook`` is told where something may alert; that it could not be told fails nothing, and is written down.
    """

    def __init__(self, place: Path, estate: str, webhook: Webhook | None = None) -> None:
        self.path, self.webhook = place / "status.json", webhook
        self.started = datetime.now(UTC)
        self.facts: dict[str, object] = {
            "estate": estate,
            "started": self.started.isoformat(timespec="seconds"),
            "workbench": __version__,
        }

    def __enter__(self) -> Attempt:
        write_status(self.path, {**self.facts, "status": "running", "pid": os.getpid()})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if error is None:
            return
        because, code = _told(error)
        facts = self.ended("failed", code) | {"because": without_secrets(because)}
        # who presses Ctrl-C knows
        self.close(facts, tell=not isinstance(error, KeyboardInterrupt))

    def ended(self, status: str, exit_code: int) -> dict[str, object]:
        """Return what is said of an attempt that has come to its end now."""
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        return {**self.facts, "status": status, "finished": finished, "exit_code": exit_code}

    def close(self, facts: Mapping[str, object], *, tell: bool = True) -> str | None:
        """Write the last word, tell the webhook, and return why that failed (None: it did not)."""
        write_status(self.path, facts)
        if self.webhook is None or not tell or not (told := alert(facts)):
            return None
        failure = self.webhook.post(told)
        write_status(self.path, {**facts, "webhook": {"sent": failure is None, "because": failure}})
        return failure


def _told(error: BaseException) -> tuple[str, int]:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else 1
        return (f"ended by signal {code - 128}" if code > 128 else "ended early"), code
    code = error.exit_code if isinstance(error, WorkbenchError) else 1
    return f"{type(error).__name__}: {error}", code


def alert(status: Mapping[str, object]) -> dict[str, object] | None:
    """Return what a webhook is told of a status, or None where nothing may alert.

    A failed run, a stale target, a new crossing, a limit newly crossed: nothing else. ``text`` is one line for
    people. Statements are not in it: who may read a channel is not who may read a report.

    >>> alert({"estate": "shop", "status": "partial", "exit_code": 0})
    >>> alert({"estate": "shop", "status": "failed", "exit_code": 3, "because": "no"})["text"]
    'shop: review failed: no'
    """
    alerts = [a for a in _list(status.get("alerts")) if isinstance(a, Mapping)]
    failed = status["status"] == "failed"
    if not failed and not alerts:
        return None
    told = [f"{a['subject']}: {a['wrong']}" for a in alerts]
    if failed:
        why = str(status.get("because") or "; ".join(map(str, _list(status.get("failures")))))
        told.insert(0, f"review failed: {why}")
    more = f" (and {len(told) - 3} more)" if len(told) > 3 else ""
    keys = ("estate", "status", "exit_code", "started", "finished", "report", "because")
    return {
        "text": f"{status['estate']}: {'; '.join(told[:3])}{more}",
        **{key: status[key] for key in keys if key in status},
        "alerts": [{k: a[k] for k in ("kind", "subject", "wrong", "next", "key")} for a in alerts],
    }


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
