"""The rules of a download: how patient it is, where it may go, and what a server's headers mean. Pure functions.

Headers as in RFC 9110: ``Range``, ``If-Range``, ``Content-Range``, ``Retry-After``. Hubs state the SHA-256 of a large
file in ``X-Linked-ETag``; a plain ``ETag`` tells versions apart and is no checksum of the content.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.errors import UnusableModel
from covey.core.redact import visible
from covey.models.partfile import PartState

_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


class Patience(Frozen):
    """How hard to try. Times in seconds.

    ``tries`` in a row may bring less than ``progress`` bytes; as many restarts from nothing are allowed, too. A host
    that was never reached is given up after ``reach_tries``. The wait before try n+1 is ``first_s * 2**(n-1)``, at
    most ``most_s``, times a random number between one half and one. A server may ask for ``asked_s`` at most.
    """

    tries: int = Field(8, ge=1)
    reach_tries: int = Field(3, ge=1)
    progress: int = Field(8 << 20, ge=1)
    first_s: float = Field(1.0, ge=0)
    most_s: float = Field(60.0, ge=0)
    asked_s: float = Field(600.0, ge=0)
    connect_s: float = Field(15.0, gt=0)
    silence_s: float = Field(60.0, gt=0)


@dataclass(frozen=True)
class Clock:
    """Time and chance, so that tests need neither."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class Fetch(Frozen):
    """Progress of a download. ``rate`` in bytes a second, ``eta_s`` in seconds; None while they are not known."""

    state: Literal["checking", "fetching", "waiting", "done"]
    done: int = 0
    total: int | None = None
    rate: float | None = None
    eta_s: float | None = None
    message: str = ""


class Pulled(Frozen):
    """A finished download. ``checked`` says against what: a checksum ``given`` by the caller, the ``hub``'s own, none.

    ``sha256`` is what the file has; empty when it was there already and nothing was given to check it against.
    ``resumed`` counts bytes that an earlier download had left, ``fetched`` those that came now.
    """

    path: str
    size: int
    sha256: str
    checked: Literal["given", "hub", "none"]
    already: bool = False
    resumed: int = 0
    fetched: int = 0
    tries: int = 0


Watcher = Callable[[Fetch], None]


def unwatched(fetch: Fetch, /) -> None:
    """Take no note of ``fetch``."""


class AgainError(Exception):
    """One try failed in a way that another may mend; ``reached`` says whether the host answered at all."""

    def __init__(self, reason: str, *, asked_s: float | None = None, reached: bool = True) -> None:
        super().__init__(reason)
        self.asked_s = asked_s
        self.reached = reached


def check_address(url: str) -> None:
    """Raise UnusableModel unless ``url`` is something to download from."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine, parts = False, urlsplit("")
    if not fine or len(url) > 2000 or not url.isprintable() or " " in url:
        raise UnusableModel(f"{visible(url[:100])} is not an address to download from: it must start with https://.")
    if parts.username is not None or parts.password is not None:
        raise UnusableModel("An address with a name or password in it is not used. Give it without them.")


def next_address(url: str, location: str) -> str:
    """Where a redirect from ``url`` leads. Raises UnusableModel when it leaves https, or plain http leads elsewhere."""
    target = urljoin(url, location)
    check_address(target)
    old, new = urlsplit(url), urlsplit(target)
    if new.scheme == "https" or (old.scheme == "http" and old.hostname == new.hostname):
        return target
    raise UnusableModel(
        f"{old.hostname} redirects to {new.scheme}://{new.hostname}, which is not protected. Covey follows redirects "
        "to https only. Use another address."
    )


def wait_s(failures: int, patience: Patience, chance: float) -> float:
    """Seconds to wait after so many failures in a row; ``chance`` is between 0 and 1."""
    return min(patience.most_s, patience.first_s * 2.0 ** min(failures - 1, 30)) * (0.5 + chance / 2)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (a number or a date); None when it says nothing readable."""
    if not value:
        return None
    if value.strip().isdecimal() and len(value) < 10:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def checked_digest(sha256: str | None) -> str | None:
    """``sha256`` in lower case. Raises UnusableModel when it is none."""
    if sha256 is None:
        return None
    digest = sha256.strip().lower()
    if not _SHA256.fullmatch(digest):
        raise UnusableModel(f"{visible(sha256[:80])!r} is not a SHA-256: it has 64 hexadecimal digits.")
    return digest


def number(value: str | None) -> int | None:
    """A header that holds a count; None when it is missing or holds something else."""
    return int(value) if value and value.isdecimal() and len(value) < 19 else None


def linked_digest(headers: Mapping[str, str]) -> str | None:
    """The SHA-256 that a hub states for the file, if it does."""
    found = headers.get("x-linked-etag", "").strip().strip('"').lower()
    return found if _SHA256.fullmatch(found) else None


def validator(headers: Mapping[str, str]) -> str:
    """What ``If-Range`` may hold: a strong entity tag, else the date of the last change."""
    tag: str = headers.get("etag", "").strip()
    found = tag if tag.startswith('"') and tag.endswith('"') else headers.get("last-modified", "")
    return found if len(found) <= 500 else ""


def content_range(headers: Mapping[str, str]) -> tuple[int, int | None]:
    """First byte sent and size of the whole file (None: not said). Raises AgainError."""
    match = _RANGE.fullmatch(headers.get("content-range", "").strip())
    if match is None:
        raise AgainError("the server does not say which part of the file it sent")
    return int(match[1]), None if match[3] == "*" else int(match[3])


def differs(known: PartState, now: PartState) -> bool:
    """Whether a server that answers ``now`` has another file than the one that ``known`` was noted of."""
    return any(
        old and new and old != new
        for old, new in ((known.validator, now.validator), (known.total, now.total), (known.digest, now.digest))
    )
