"""Running a plan to its end, or as a process to talk to: the part that all sandboxes share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from covey.core.errors import SandboxError
from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.protocols import SandboxProcess
from covey.execution.capture import Bounded
from covey.execution.launcher.plan import Plan
from covey.execution.lines import Lines
from covey.execution.process import Supervised, memory_file


async def run_to_end(plan: Plan, spec: ExecSpec, applied: Applied) -> ExecResult:
    """Run ``plan`` and wait for its program. A cancellation ends everything before it goes on."""
    supervised = Supervised(spec.limits, applied, Bounded(spec.limits.channel_bytes))
    stdin = memory_file(spec.stdin) if spec.stdin else os.open(os.devnull, os.O_RDONLY)
    try:
        await supervised.launch(plan, stdin)
    finally:
        os.close(stdin)
    try:
        return await supervised.result()
    finally:
        await supervised.finish()


@asynccontextmanager
async def run_to_talk(plan: Plan, spec: ExecSpec, applied: Applied) -> AsyncIterator[SandboxProcess]:
    """Run ``plan`` while the context lasts."""
    lines = Lines(spec.limits.channel_bytes)
    supervised = Supervised(spec.limits, applied, lines)
    read, write = os.pipe()
    try:
        await supervised.launch(plan, read)
    except BaseException:
        os.close(write)
        raise
    finally:
        os.close(read)
    process = Process(supervised, lines, write)
    try:
        if spec.stdin:
            await process.write(spec.stdin)
        yield process
    finally:
        await process.stop()


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class Process:
    """A program in a sandbox, spoken to line by line."""

    def __init__(self, supervised: Supervised, lines: Lines, stdin: int) -> None:
        self._supervised = supervised
        self._lines = lines
        self._stdin = stdin
        os.set_blocking(stdin, False)

    async def send(self, line: bytes) -> None:
        """Write one line to standard input. Raises SandboxError when the program is gone."""
        await self.write(line + b"\n")

    async def write(self, data: bytes) -> None:
        """Write bytes to standard input, waiting while the pipe is full."""
        left = memoryview(data)
        while left:
            if self._stdin < 0:
                raise SandboxError("The sandboxed program has been stopped.")
            try:
                left = left[os.write(self._stdin, left) :]
            except BlockingIOError:
                await self._writable()
            except BrokenPipeError:
                raise SandboxError("The sandboxed program has ended; it reads no more input.") from None

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        descriptor = self._stdin
        loop.add_writer(descriptor, _settle, ready)
        try:
            await ready
        finally:
            loop.remove_writer(descriptor)

    async def receive(self, timeout_s: float) -> bytes | None:
        """Return the next line of the channel, or None at its end. Raises TimeoutError."""
        return await self._lines.next(timeout_s)

    async def stop(self) -> ExecResult:
        """End the program and everything it started."""
        try:
            if self._lines.ended:  # it is ending by itself: how, is worth a moment
                await self._supervised.settle(1.0)
            return await self._supervised.finish()
        finally:
            if self._stdin >= 0:
                os.close(self._stdin)
                self._stdin = -1
