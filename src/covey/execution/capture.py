"""Keeping the two ends of an output of any length in flat memory."""

from __future__ import annotations


class Capture:
    """The first and the last half of ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._head_limit = limit - limit // 2
        self._tail_limit = limit // 2
        self._total = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._total += len(data)
        room = self._head_limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data[-self._tail_limit :] if self._tail_limit else b""
        if len(self._tail) > self._tail_limit:
            del self._tail[: len(self._tail) - self._tail_limit]

    @property
    def truncated(self) -> bool:
        """True when something in the middle was left out."""
        return self._total > len(self._head) + len(self._tail)

    def value(self) -> bytes:
        """What was kept; where something is left out, a line says how much."""
        if not self.truncated:
            return bytes(self._head + self._tail)
        left_out = self._total - len(self._head) - len(self._tail)
        return bytes(self._head) + b"\n[... %d bytes left out ...]\n" % left_out + bytes(self._tail)


class Bounded:
    """The first ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._kept = bytearray()
        self._limit = limit
        self.truncated = False

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        room = self._limit - len(self._kept)
        self._kept += data[: max(0, room)]
        self.truncated = self.truncated or len(data) > room

    def value(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)
