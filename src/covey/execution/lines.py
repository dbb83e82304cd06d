"""Lines of a channel, with bounds on a single line and on what waits to be read."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

WAITING_BYTES = 1 << 20
"""Above this much unread data the pipe is not read further, so that the program waits instead of us growing."""


class Pausable(Protocol):
    """What :mod:`asyncio` calls a read transport, as far as it is needed here."""

    def pause_reading(self) -> None:
        """Let the writer wait."""
        ...

    def resume_reading(self) -> None:
        """Go on."""
        ...


class Lines:
    """Splits a byte stream into lines. A line longer than ``limit`` ends the channel and counts as truncation."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._paused = False
        self.truncated = False
        self.transport: Pausable | None = None

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._ended:
            return
        *complete, rest = data.split(b"\n")
        for line in complete:
            self._waiting.append(bytes(self._partial) + line)
            self._size += len(self._waiting[-1])
            self._partial.clear()
        self._partial += rest
        if len(self._partial) > self._limit:
            self.truncated = True
            self._partial.clear()
            self.end()
        if self._size > WAITING_BYTES and self.transport is not None and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._changed.set()

    def end(self) -> None:
        """No more bytes will come. A last line without its end is dropped: it was cut off."""
        self._ended = True
        self._changed.set()

    @property
    def ended(self) -> bool:
        """True when no more bytes will come."""
        return self._ended

    async def next(self, timeout_s: float) -> bytes | None:
        """Return the next line, or None at the end. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not self._waiting:
                if self._ended:
                    return None
                self._changed.clear()
                await self._changed.wait()
        line = self._waiting.popleft()
        self._size -= len(line)
        if self._size <= WAITING_BYTES:
            self.resume()
        return line

    def resume(self) -> None:
        """Read the pipe again, if reading it was put off."""
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()

    def value(self) -> bytes:
        """What nobody has read."""
        return b"".join(line + b"\n" for line in self._waiting)
