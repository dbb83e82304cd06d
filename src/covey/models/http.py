"""How Covey speaks HTTP to a model server: one client, its limits, and one place where trouble gets its name.

Every body is JSON, every stream is server-sent events (WHATWG HTML, section "Server-sent events"). Nothing a server
sends is unbounded: not the time until it answers, not the silence in between, not a line, not the whole. A key is
sent as ``Authorization: Bearer`` and is never part of a message.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import JsonValue

from covey.core.errors import EngineError, UnusableModel
from covey.models.httperrors import HttpLimits, Unreachable, clip, quote, refuse

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are never asked through a proxy."""


class HttpClient:
    """A client for one base URL.

    ``key`` is sent with each request. ``verify``: False for no check of certificates, or the path of a file of CA
    certificates. ``sleep`` waits between tries; tests replace it. Raises UnusableModel when the address or the key
    cannot be used as given.
    """

    def __init__(
        self,
        base_url: str,
        key: str = "",
        *,
        verify: bool | str = True,
        limits: HttpLimits | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.url = _checked_url(base_url)
        self.limits = limits or HttpLimits()
        self._key = key
        self._sleep = sleep
        self._client = self._open(verify=verify)

    def _open(self, *, verify: bool | str) -> httpx2.AsyncClient:
        import httpx2

        if not all(33 <= ord(char) <= 126 for char in self._key):
            raise UnusableModel(
                f"The key for {self.url} holds blanks, line ends or characters outside ASCII. Give it again."
            )
        headers = {"accept-encoding": "identity"} | ({"authorization": f"Bearer {self._key}"} if self._key else {})
        try:
            context: ssl.SSLContext | bool = (
                ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify
            )
        except (OSError, ssl.SSLError) as error:
            raise UnusableModel(f"{verify} cannot be read as CA certificates ({error}). Give a PEM file.") from error
        return httpx2.AsyncClient(
            headers=headers,
            verify=context if self.url.startswith("https:") else False,  # reading the CA store takes time
            timeout=httpx2.Timeout(None, connect=self.limits.connect_s),
            follow_redirects=False,
            trust_env=urlsplit(self.url).hostname not in LOOPBACK,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get_json(self, path: str) -> JsonValue:
        """GET ``path`` under the base URL. Errors: see :meth:`stream`."""
        return await self._whole("GET", path, None)

    async def post_json(self, path: str, body: JsonValue) -> JsonValue:
        """POST ``body`` to ``path`` and return the JSON answer. Errors: see :meth:`stream`."""
        return await self._whole("POST", path, body)

    async def stream(self, path: str, body: JsonValue) -> AsyncGenerator[dict[str, JsonValue], None]:
        """POST ``body`` and yield the JSON object of each event until ``[DONE]`` or the end of the answer.

        Whether the last event is the end that the protocol promises is for the caller to check. Close the generator
        (:func:`contextlib.aclosing`) to hang up. Raises Unreachable and UnusableModel where the user must act,
        ContextOverflow for a prompt that does not fit, and HttpFailure or EngineError for anything else.
        """
        clock = _Clock(self.limits)
        answer = await self._answer("POST", path, body, clock)
        try:
            async for data in self._events(answer, path, clock):
                if data == "[DONE]":
                    return
                event = self._parsed(data, path)
                if not isinstance(event, dict):
                    raise EngineError(
                        f"{self.url}{path} streamed something other than JSON objects.", detail=self.quote(data)
                    )
                if error := event.get("error"):
                    self._refuse(_code(error), path, json.dumps({"error": error}))
                clock.heard()
                yield event
                clock.heard()
        finally:
            await answer.aclose()

    async def _whole(self, method: str, path: str, body: JsonValue) -> JsonValue:
        clock = _Clock(self.limits)
        answer = await self._answer(method, path, body, clock)
        try:
            return self._parsed(await self._text(answer, path, clock, self.limits.total_bytes), path)
        finally:
            await answer.aclose()

    async def _answer(self, method: str, path: str, body: JsonValue, clock: _Clock) -> httpx2.Response:
        """Send the request until the server neither loads nor limits; return its answer, body unread, status 200."""
        request = self._client.build_request(
            method,
            self.url + path,
            content=None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
            headers=None if body is None else {"content-type": "application/json"},
        )
        waits = _Waits(self.limits)
        while True:
            answer = await self._within(self._client.send(request, stream=True), path, clock)
            try:
                if answer.is_success:
                    if answer.headers.get("content-encoding", "identity") == "identity":
                        return answer
                    raise EngineError(f"{self.url}{path} sent a compressed answer although none was asked for.")
                text = await self._text(answer, path, clock, self.limits.line_bytes)
            except BaseException:
                await answer.aclose()
                raise
            await answer.aclose()
            wait = waits.next(answer.status_code, answer.headers.get("retry-after", ""), text)
            if wait is None:
                self._refuse(answer.status_code, path, text)
            await self._sleep(wait)
            clock.restart()

    async def _within(self, work: Coroutine[None, None, T], path: str, clock: _Clock) -> T:
        """Await one piece of an exchange within its time; every failure of the transport gets its name here."""
        import httpx2

        try:
            async with asyncio.timeout_at(clock.deadline):
                return await work
        except TimeoutError as error:
            raise EngineError(
                f"{self.url}{path} was silent for {clock.allowed:.0f} s. The server hangs or is overloaded; "
                "restart it, or give it a smaller model."
            ) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
            raise Unreachable(self._why_unreachable(error)) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise EngineError(
                f"{self.url}{path} closed the connection in the middle of an answer, or did not speak HTTP.",
                detail=self.quote(f"{type(error).__name__}: {error}"),
            ) from error

    async def _chunks(self, answer: httpx2.Response, path: str, clock: _Clock) -> AsyncGenerator[bytes, None]:
        total = 0
        raw = aiter(answer.aiter_raw())
        while chunk := await self._within(_next(raw), path, clock):
            total += len(chunk)
            if total > self.limits.total_bytes:
                raise EngineError(f"{self.url}{path} sent more than {self.limits.total_bytes} bytes; it was cut off.")
            yield chunk

    async def _text(self, answer: httpx2.Response, path: str, clock: _Clock, limit: int) -> str:
        """Read a whole body; of one that refuses only the beginning matters."""
        parts = bytearray()
        async with aclosing(self._chunks(answer, path, clock)) as chunks:
            async for chunk in chunks:
                clock.heard()
                parts += chunk
                if len(parts) > limit:
                    break
        return parts.decode("utf-8", "replace")

    async def _events(self, answer: httpx2.Response, path: str, clock: _Clock) -> AsyncGenerator[str, None]:
        """Yield the data of each event. Some servers name an error's field ``error``: it counts as data."""
        pending = bytearray()
        data: list[str] = []
        async with aclosing(self._chunks(answer, path, clock)) as chunks:
            async for chunk in chunks:
                pending += chunk
                *lines, rest = pending.split(b"\n")
                pending = bytearray(rest)
                if len(pending) > self.limits.line_bytes or any(len(line) > self.limits.line_bytes for line in lines):
                    raise EngineError(f"{self.url}{path} streamed a line above {self.limits.line_bytes} bytes.")
                for line in lines:
                    field, _, value = self._line(bytes(line), path).partition(":")
                    if field in ("data", "error"):
                        value = value.removeprefix(" ")
                        data.append(value if field == "data" else f'{{"error": {value}}}')
                    elif not field and not value and data:
                        yield "\n".join(data)
                        data = []
        if data:
            yield "\n".join(data)

    def _line(self, line: bytes, path: str) -> str:
        try:
            return line.removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            raise EngineError(f"{self.url}{path} streamed bytes that are not UTF-8.") from error

    def _parsed(self, text: str, path: str) -> JsonValue:
        try:
            parsed: JsonValue = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise EngineError(
                f"{self.url}{path} answered something that is not JSON. Is it the address of a model server?",
                detail=self.quote(text),
            ) from error
        return parsed

    def quote(self, text: str) -> str:
        """Return the server's words fit to be shown, the key never among them."""
        return quote(text, self._key)

    def _why_unreachable(self, error: Exception) -> str:
        causes = _causes(error)
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            words = self.quote(str(error))
            return (
                f"The certificate or TLS of {self.url} cannot be trusted or used ({words}). Check http against "
                "https, or give the CA certificate of the server."
            )
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return f"The host of {self.url} is not known. Check its spelling and the network."
        return f"Nothing answers at {self.url}. Check host and port, and that the server runs."

    def _refuse(self, status: int, path: str, text: str) -> NoReturn:
        refuse(self.url, path, status, text, limits=self.limits, key=self._key)


class _Clock:
    """The time that the next piece of an answer may take."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self.restart()

    def restart(self) -> None:
        """Begin a new try."""
        now = _now()
        self._end = now + self._limits.overall_s
        self._set(now, self._limits.first_s)

    def heard(self) -> None:
        """Something that counts has come: the silence begins anew."""
        self._set(_now(), self._limits.silence_s)

    def _set(self, now: float, seconds: float) -> None:
        self.deadline = min(now + seconds, self._end)
        self.allowed = self.deadline - now


class _Waits:
    """How long to wait before a request is sent again: exponential, within the limits, never for other statuses."""

    def __init__(self, limits: HttpLimits) -> None:
        self._left = {503: limits.loading_s, 429: limits.rate_s}
        self._wait = 0.05

    def next(self, status: int, retry_after: str, text: str) -> float | None:
        """Seconds until the next try, or None when there is none."""
        left = self._left.get(status, 0.0)
        if left <= 0 or (status == 429 and "insufficient_quota" in text):
            return None
        self._wait = min(self._wait * 2, 10.0 if status == 429 else 1.0)
        wait = max(self._wait, _seconds(retry_after))
        if wait > left:
            if status == 429:
                return None
            wait = left
        self._left[status] = left - wait
        return wait


def _code(error: JsonValue) -> int:
    """Return the status inside an error that came as an event."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else 0


def _seconds(retry_after: str) -> float:
    """Read ``Retry-After`` (RFC 9110, 10.2.3): seconds or a date; 0 when it is neither."""
    if retry_after.strip().isdecimal():
        return float(retry_after[:9])
    try:
        then = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return 0.0
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _checked_url(base_url: str) -> str:
    try:
        parts = urlsplit(base_url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable = usable and base_url.strip().isprintable() and not re.search(r"\s", base_url.strip())
    except ValueError:
        usable = False
    if not usable:
        raise UnusableModel(
            f"{clip(base_url, 200)!r} is not the address of a model server. Give one like http://127.0.0.1:8080/v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UnusableModel(
            f"The address for {parts.hostname} holds a user, a password, a query or a fragment. Give the bare "
            "base URL; a key is given apart from it."
        )
    return base_url.strip().rstrip("/")


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the next chunk that is not empty; nothing at the end."""
    async for chunk in chunks:
        if chunk:
            return chunk
    return b""
