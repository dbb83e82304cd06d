"""Downloading a model file: resumed where it broke off, checked as a whole, put in place all at once.

A part is asked for by ``Range`` with ``If-Range`` (RFC 9110), so that a file that changed meanwhile starts again. Every
try begins at the original address, because hubs redirect to addresses that expire. What comes is believed only when its
SHA-256 is the one that the caller gives, or else the one that the hub states.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from covey.core.errors import CoveyError, RunError, UnusableModel
from covey.core.redact import redact, visible
from covey.models.partfile import PartFile, PartState, check_space, hash_file, open_part, part_path
from covey.models.transfer import (
    AgainError,
    Clock,
    Fetch,
    Patience,
    Pulled,
    Watcher,
    check_address,
    checked_digest,
    content_range,
    differs,
    linked_digest,
    next_address,
    number,
    retry_after_s,
    unwatched,
    validator,
    wait_s,
)

if TYPE_CHECKING:
    import httpx2

MOST_BYTES = 1 << 40
"""Files larger than this are refused."""

_WRITE = 256 << 10  # written and hashed in one go: well below a millisecond or two
_HOPS = 10
_MAGIC = b"GGUF"
_BEGINNING = 24
_TELL_S = 0.1
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")  # a proxy is never asked for this machine itself


async def pull(
    url: str,
    dest: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    observer: Watcher = unwatched,
    patience: Patience | None = None,
    clock: Clock | None = None,
    limit: int = MOST_BYTES,
) -> Pulled:
    """Download ``url`` to the file ``dest``; go on where an earlier download broke off.

    ``size`` (bytes) and ``sha256`` are what the file must have. A file that is there and right is left alone. Raises
    UnusableModel for an address, a file or a checksum that is wrong, RunError for a network or disk that fails; what
    has arrived is kept for the next time.
    """
    check_address(url)
    wanted = checked_digest(sha256)
    if (there := await _already(dest, size, wanted, observer)) is not None:
        return there
    with open_part(dest) as part:
        observer(Fetch(state="checking", done=part.size, total=size))
        await asyncio.to_thread(part.load)
        job = _Job(
            url=url, part=part, size=size, sha256=wanted, observer=observer,
            patience=patience or Patience(), clock=clock or Clock(), limit=limit,
        )  # fmt: skip
        return await job.run()


async def _already(dest: Path, size: int | None, sha256: str | None, observer: Watcher) -> Pulled | None:
    if dest.is_dir():
        raise UnusableModel(f"{dest} is a folder. Remove it, or choose another place with --to.")
    if not dest.is_file():
        return None
    found = dest.stat().st_size
    digest = ""
    if sha256:
        observer(Fetch(state="checking", done=found, total=found, message="checking the file that is there"))
        digest = await asyncio.to_thread(hash_file, dest)
    if (size is not None and found != size) or (sha256 and digest != sha256):
        told = f"it has SHA-256 {digest}, expected {sha256}" if sha256 else f"it has {found} bytes, expected {size}"
        raise UnusableModel(f"{dest} is there but is another file: {told}. Move it away, or choose a folder with --to.")
    return Pulled(
        path=str(dest), size=found, sha256=digest, checked="given" if sha256 else "none", already=True
    )  # fmt: skip


class _Job:
    """One download, with everything that changes while it goes on."""

    def __init__(
        self, *, url: str, part: PartFile, size: int | None, sha256: str | None, observer: Watcher,
        patience: Patience, clock: Clock, limit: int,
    ) -> None:  # fmt: skip
        self.url, self.part, self.size, self.sha256 = url, part, size, sha256
        self.observer, self.patience, self.clock, self.limit = observer, patience, clock, limit
        self.resumed = part.size
        self.total = size
        self.tries = self.failures = self.restarts = self.fetched = 0
        self._mark = part.size
        self._reached = False
        self._started = clock.now()
        self._told = self._started - _TELL_S

    async def run(self) -> Pulled:
        """Try until the file is whole."""
        known = self.part.state
        if known is None or known.url != self.url or (self.sha256 and known.digest not in (None, self.sha256)):
            self.part.restart()
            self.resumed = self._mark = 0
        while not self._whole():
            self.tries += 1
            try:
                await self._attempt()
                break
            except AgainError as again:
                await asyncio.to_thread(self.part.sync)
                await self._wait(again)
        return await asyncio.to_thread(self._finish)

    def _whole(self) -> bool:
        known = self.part.state
        return known is not None and known.total is not None and self.part.size == known.total > 0

    async def _attempt(self) -> None:
        import httpx2

        try:
            async with self._answer() as (response, digest, linked):
                self._judge(response, digest, linked)
                await self._receive(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise self._unreached(error) from None
        except httpx2.TimeoutException:
            raise AgainError(f"the server was silent for {self.patience.silence_s:.0f} s") from None
        except httpx2.TransportError as error:
            raise AgainError(f"the connection broke ({visible(str(error))[:100] or type(error).__name__})") from None
        if self.part.state is not None and self.part.state.total not in (None, self.part.size):
            raise AgainError("the connection ended early")
        if self.part.size == 0:
            raise AgainError("the server sent an empty file")

    @asynccontextmanager
    async def _answer(self) -> AsyncIterator[tuple[httpx2.Response, str | None, int | None]]:
        """The final answer to one request, with the checksum and size that the hub stated on the way to it."""
        import httpx2

        headers = {"Accept-Encoding": "identity", "User-Agent": "covey"}
        known = self.part.state
        if self.part.size and known is not None:
            headers["Range"] = f"bytes={self.part.size}-"
            if known.validator:
                headers["If-Range"] = known.validator
        limits = httpx2.Timeout(self.patience.silence_s, connect=self.patience.connect_s)
        direct: dict[str, httpx2.AsyncBaseTransport | None] = dict.fromkeys(_LOOPBACK)
        async with httpx2.AsyncClient(timeout=limits, mounts=direct, follow_redirects=False) as client:
            url, digest, linked = self.url, None, None
            for _ in range(_HOPS):
                async with client.stream("GET", url, headers=headers) as response:
                    self._reached = True
                    digest = digest or linked_digest(response.headers)  # the first host's word counts
                    linked = linked or number(response.headers.get("x-linked-size"))
                    if not response.has_redirect_location:
                        yield response, digest, linked
                        return
                    url = next_address(url, response.headers["location"])
            raise UnusableModel(f"{self.url} redirects more than {_HOPS} times. Use another address.")

    def _judge(self, response: httpx2.Response, digest: str | None, linked: int | None) -> None:
        """Decide what an answer's body is and where it goes; raise when it is not the file, or not the part wanted."""
        code = response.status_code
        if code == 416:
            self._restart("the server has no such part of the file")
        if code not in (200, 206):
            self._refuse(response)
        start, total = (
            (0, number(response.headers.get("content-length"))) if code == 200 else content_range(response.headers)
        )
        if linked is not None and total not in (None, linked):
            raise AgainError(f"the server announces {total} bytes, the hub {linked}")
        total = linked if total is None else total
        if self.sha256 and digest and digest != self.sha256:
            raise UnusableModel(
                f"{self.url} is another file by now: its SHA-256 is {digest}, expected {self.sha256}. Nothing was "
                "downloaded. Give --sha256 yourself if you trust it."
            )
        if self.size is not None and total is not None and total != self.size:
            raise UnusableModel(f"{self.url} has {total} bytes, expected {self.size}: it is another file by now.")
        self._check_total(total)
        state = PartState(
            url=self.url, validator=validator(response.headers), total=total, digest=digest or self.sha256
        )
        if code == 206:
            known = self.part.state
            if start != self.part.size or known is None or differs(known, state):
                self._restart("the file changed meanwhile")
            state = state.model_copy(update={"validator": state.validator or (known.validator if known else "")})
        elif self.part.size:  # the file changed, or the server knows no ranges
            self._count_restart()
            self.part.restart()
        self.total = total
        if total is not None:
            check_space(self.part.dest, total - self.part.size)
        self.part.note(state)

    def _check_total(self, total: int | None) -> None:
        if total is not None and total > self.limit:
            raise UnusableModel(
                f"{self.url} has {total} bytes; Covey downloads {self.limit} at most. Fetch it by hand if it is right."
            )

    async def _receive(self, response: httpx2.Response) -> None:
        waiting = bytearray()
        try:
            async for chunk in response.aiter_raw():
                waiting += chunk
                self._check_total(self.part.size + len(waiting))
                if self.total is not None and self.part.size + len(waiting) > self.total:
                    waiting.clear()
                    self._restart("the server sent more than it announced")
                if len(waiting) >= _WRITE:
                    self._keep(waiting)
        finally:  # also when it broke off: what came is kept
            self._keep(waiting)

    def _keep(self, waiting: bytearray) -> None:
        if not waiting:
            return
        data = bytes(waiting)
        waiting.clear()
        if self.part.size == 0:
            self._check_magic(data[:_BEGINNING])
        self.part.write(data)
        self.fetched += len(data)
        self._tell()

    def _check_magic(self, begins: bytes) -> None:
        """A GGUF file begins with its name; a page to log in on does not."""
        if self.part.dest.suffix == ".gguf" and not begins.startswith(_MAGIC[: len(begins)]):
            seen = visible(begins.decode("utf-8", "replace"))
            self.part.restart()
            raise UnusableModel(
                f"{self.url} did not send a GGUF file: it begins with {seen!r}. Perhaps it is a page to log in on; "
                f"open the address in a browser, and copy the file to {self.part.dest}."
            )

    def _tell(self) -> None:
        now = self.clock.now()
        if now - self._told < _TELL_S and self.part.size != self.total:
            return
        self._told = now
        spent = now - self._started
        rate = self.fetched / spent if spent > 0 else None
        left = None if self.total is None or not rate else (self.total - self.part.size) / rate
        self.observer(Fetch(state="fetching", done=self.part.size, total=self.total, rate=rate, eta_s=left))

    def _restart(self, reason: str) -> None:
        self._count_restart()
        self.part.restart()
        raise AgainError(reason)

    def _count_restart(self) -> None:
        self.restarts += 1
        self.resumed = self._mark = 0
        if self.restarts >= self.patience.tries:
            raise RunError(
                f"{self.url} had to be started from nothing {self.restarts} times: the file keeps changing, or the "
                "server neither holds a connection nor resumes one. Try later, or another address."
            )

    def _refuse(self, response: httpx2.Response) -> None:
        code, host = response.status_code, urlsplit(self.url).hostname
        if code in _LATER:
            asked = retry_after_s(response.headers.get("retry-after"), datetime.now(UTC))
            raise AgainError(f"{host} answered {code}", asked_s=asked)
        if code in (401, 403):
            raise UnusableModel(
                f"{host} wants you to log in for {self.url} (HTTP {code}), perhaps to accept a licence. Do that in a "
                f"browser, download the file there, and copy it to {self.part.dest}."
            )
        if code in (404, 410):
            raise UnusableModel(f"{self.url} is not there (HTTP {code}). Check the address, or the model's page.")
        raise UnusableModel(f"{host} answered {code} for {self.url}, which is no file. Check the address.")

    def _unreached(self, error: Exception) -> CoveyError | AgainError:
        host = urlsplit(self.url).hostname
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return UnusableModel(
                    f"The certificate of {host} is not trusted: {cause.verify_message}. Behind a proxy that replaces "
                    "certificates, let SSL_CERT_FILE name its own."
                )
            if isinstance(cause, socket.gaierror):
                return AgainError(f"the name {host} cannot be looked up", reached=False)
            cause = cause.__cause__ or cause.__context__
        return AgainError(f"{host} cannot be reached ({visible(str(error))[:100]})", reached=False)

    async def _wait(self, again: AgainError) -> None:
        """Wait before the next try, or give up. Raises RunError."""
        if self.part.size - self._mark >= self.patience.progress:
            self.failures, self._mark = 0, self.part.size
        self.failures += 1
        never = not again.reached and not self._reached
        if self.failures >= (self.patience.reach_tries if never else self.patience.tries):
            raise RunError(self._last_words(str(again), offline=never))
        pause = wait_s(self.failures, self.patience, self.clock.chance())
        if again.asked_s is not None:
            if again.asked_s > self.patience.asked_s:
                raise RunError(f"{again}, and asks to wait {again.asked_s:.0f} s. Give the same command again then.")
            pause = max(pause, again.asked_s)
        message = f"{redact(str(again))}; trying again in {pause:.0f} s"
        self.observer(Fetch(state="waiting", done=self.part.size, total=self.total, message=message))
        await self.clock.sleep(pause)

    def _last_words(self, reason: str, *, offline: bool) -> str:
        dest = self.part.dest
        if offline:
            return (
                f"This machine seems to be offline: {reason}. Go online and give the same command again, or download "
                f"{self.url} elsewhere and copy it to {dest}."
            )
        kept = f" {self.part.size} bytes are kept in {part_path(dest)};" if self.part.size else ""
        return (
            f"{self.url} could not be downloaded: {reason}, after {self.failures} tries.{kept} give the same command "
            "again to go on."
        )

    def _finish(self) -> Pulled:
        part, known = self.part, self.part.state
        self._check_magic(part.start(_BEGINNING))
        expected = self.sha256 or (known.digest if known else None)
        got = part.sha256
        if (expected and got != expected) or (self.size is not None and part.size != self.size):
            told = f"SHA-256 {got}, expected {expected}" if expected else f"{part.size} bytes, expected {self.size}"
            bad = part.reject()
            raise UnusableModel(
                f"What came from {self.url} is not the right file: {told}. It was set aside as {bad}, which nothing "
                "uses; delete it, and give the same command again. If it happens twice, use another address."
            )
        part.finish()
        self.observer(Fetch(state="done", done=part.size, total=part.size))
        return Pulled(
            path=str(part.dest),
            size=part.size,
            sha256=got,
            checked="given" if self.sha256 else "hub" if expected else "none",
            resumed=self.resumed,
            fetched=self.fetched,
            tries=self.tries,
        )
