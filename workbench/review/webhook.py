"""One POST of JSON to where a team looks: with a timeout, tried again, and never the reason that a review fails.

The address of a webhook is a secret to most services: it comes from a file or the environment, and is in no
message, status or report.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from workbench import __version__
from workbench.errors import UsageError

URL = "WORKBENCH_WEBHOOK"
"""The environment variable that holds the address; ``--webhook FILE`` names a file that does."""

_WORTH_ANOTHER = {408, 425, 429}


class _Refuse(HTTPRedirectHandler):
    """A redirected POST would arrive as an empty GET, at a place that nobody named."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Webhook:
    """Where to post. ``timeout`` is in seconds for each attempt; ``pauses`` are what lies between them."""

    url: str = field(repr=False)
    timeout: float = 10.0
    pauses: tuple[float, ...] = (1.0, 4.0)

    def post(self, document: Mapping[str, object]) -> str | None:
        """Post a document; return why it could not be delivered, or None where it was."""
        request = Request(
            self.url,
            json.dumps(document, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace"),
            {
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": f"workbench/{__version__}",
            },
        )
        failure = ""
        for pause in (*self.pauses, None):
            failure, again = self._attempt(request)
            if not failure:
                return None
            if not again or pause is None:
                break
            time.sleep(pause)
        return f"the webhook was not told: {failure}"

    def _attempt(self, request: Request) -> tuple[str, bool]:
        """Why one attempt failed ("": it did not), and whether another may do better."""
        try:
            with build_opener(_Refuse).open(request, timeout=self.timeout):
                return "", False
        except HTTPError as error:
            error.close()
            return f"it answers {error.code}", error.code >= 500 or error.code in _WORTH_ANOTHER
        except TimeoutError:
            return f"no answer in {self.timeout:g} s", True
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                return f"no answer in {self.timeout:g} s", True
            return f"{type(error.reason).__name__}", True
        except (OSError, HTTPException, ValueError) as error:  # their texts may hold the address
            return type(error).__name__, True


def webhook_of(file: Path | None = None) -> Webhook | None:
    """Return the webhook that a file or the environment names, or None; UsageError where it is no address."""
    try:
        url = os.environ.get(URL, "") if file is None else file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file}: the webhook's address cannot be read ({type(error).__name__})"
        ) from None
    url, where = url.strip(), URL if file is None else str(file)
    if not url:
        if file is None:
            return None
        raise UsageError(f"{file} is empty: write the webhook's address into it")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(c <= " " for c in url):
        raise UsageError(f"{where} holds no address of a webhook: write https://…")
    return Webhook(url)
