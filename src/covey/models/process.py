"""One engine process: started in a group of its own, listened to, and ended for certain."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

from covey.core.errors import EngineError, EngineOutOfMemory, UnusableModel
from covey.models.httperrors import clip

T = TypeVar("T")

HEAD_BYTES = 256 << 10
"""Kept of the beginning of an engine's log: what it says while it loads."""

TAIL_BYTES = 64 << 10
"""Kept of the end of an engine's log."""

_OUT_OF_MEMORY = re.compile(
    r"out of (?:device |host )?memory|OutOf(?:Device|Host)Memory|failed to (?:allocate|reserve)|unable to allocate"
    r"|bad_alloc|cudaMalloc failed|not enough (?:memory|space)|cannot allocate memory|MemoryError|insufficient memory",
    re.IGNORECASE,
)
_UNUSABLE = re.compile(
    r"error loading model|failed to load model|invalid magic|corrupted|unknown (?:model )?architecture|failed to open"
    r"|No such file",
    re.IGNORECASE,
)
_SETTINGS = re.compile(r"failed to create[_ ]context|failed to initialize the context|does not divide", re.IGNORECASE)
_OPTION = re.compile(r"(?:invalid|unknown) argument", re.IGNORECASE)


class EngineProcess:
    """A running engine program. Made by :meth:`start`; :meth:`stop` must follow."""

    def __init__(self, process: asyncio.subprocess.Process, title: str) -> None:
        self._process = process
        self._title = title
        self._head = bytearray()
        self._tail = bytearray()
        self._drains = [asyncio.ensure_future(self._drain(process.stderr))]

    @classmethod
    async def start(cls, argv: Sequence[str], *, line: bytes, title: str, keep_input: bool) -> EngineProcess:
        """Start ``argv`` and write ``line`` to its standard input, which stays open if ``keep_input``.

        ``title`` names the engine in messages. Raises UnusableModel when there is no such program.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # a terminal's Ctrl-C is for Covey, which then ends the engine
            )
        except OSError as error:
            raise UnusableModel(f"{argv[0]} cannot be started ({error.strerror}). Check its path.") from error
        started = cls(process, title)
        assert process.stdin is not None
        process.stdin.write(line)
        if not keep_input:
            process.stdin.close()
        return started

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """False once its end was noticed."""
        return self._process.returncode is None

    def log(self) -> str:
        """Return what the engine wrote to its standard error: beginning and end, if it was much."""
        gap = "\n[…]\n" if len(self._tail) == TAIL_BYTES else ""
        return self._head.decode("utf-8", "replace") + gap + self._tail.decode("utf-8", "replace")

    def rss_bytes(self) -> int:
        """Memory that the process has in RAM now; 0 once it is gone."""
        statm = Path(f"/proc/{self.pid}/statm")
        if not self.running:
            return 0
        with contextlib.suppress(OSError):
            return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, text=True, check=False)
        return int(found.stdout.strip() or 0) * 1024

    async def ready_line(self, timeout_s: float) -> bytes:
        """Return the first line of standard output; what follows on it is dropped.

        Raises what :meth:`failure` says when the program ends first, EngineError when ``timeout_s`` pass.
        """
        line = await self.unless_it_ends(self._first_line(), timeout_s)
        self._drains.append(asyncio.ensure_future(self._drain(self._process.stdout, keep=False)))
        return line

    async def _first_line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            await self.exited()
            raise self.failure(loading=True)
        return line

    async def unless_it_ends(self, work: Coroutine[None, None, T], timeout_s: float) -> T:
        """Await ``work`` while the program loads. Raises as :meth:`ready_line` does."""
        task = asyncio.ensure_future(work)
        end = asyncio.ensure_future(self.exited())
        try:
            await asyncio.wait({task, end}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if end.done():
                raise self.failure(loading=True)
            raise EngineError(
                f"{self._title} was not ready after {timeout_s:.0f} s. Take a smaller model, or allow more time.",
                detail=clip(self.log()[-3000:], 3000),
            )
        finally:
            for future in (task, end):
                future.cancel()
            await asyncio.gather(task, end, return_exceptions=True)

    async def ended_within(self, seconds: float) -> bool:
        """Wait so long for the program's end; say whether it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.exited()
        return not self.running

    async def exited(self) -> int:
        """Wait until the program has ended and its log is complete; return its exit code, minus the signal."""
        code = await self._process.wait()
        await asyncio.wait(self._drains, timeout=2)  # a stranger may still hold the pipe
        return code

    def failure(self, *, loading: bool) -> EngineError | UnusableModel:
        """Say why the program ended, from its own words; only a program that is ``loading`` can lack memory."""
        log = self.log()
        code = self._process.returncode
        detail = clip(log[-3000:], 3000)
        killed = code == -signal.SIGKILL  # Linux ends what asks for too much with it
        if loading and (killed or _OUT_OF_MEMORY.search(log)):
            return EngineOutOfMemory(
                f"{self._title} has no memory for this model and context. Give it less context, a smaller model or "
                "more memory.",
                detail=detail,
            )
        if loading and _SETTINGS.search(log):
            return UnusableModel(
                f"{self._title} cannot run this model with these settings. Take the cache type f16, or less context.",
                detail=detail,
            )
        if loading and _UNUSABLE.search(log):
            return UnusableModel(
                f"{self._title} cannot load the model: the file is damaged, incomplete or of a kind that it does not "
                "know. Download it again, or take another.",
                detail=detail,
            )
        if loading and _OPTION.search(log):
            return UnusableModel(
                f"{self._title} does not know an option that it was given. Take a newer version of it.", detail=detail
            )
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return EngineError(f"{self._title} ended by itself ({how}). See its last words.", detail=detail)

    async def stop(self, grace_s: float = 5.0) -> None:
        """End the program and its group and wait until they are gone. May be called twice, and be cancelled."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            if self.running:
                self._signal(signal.SIGTERM)
                async with asyncio.timeout(grace_s):
                    await self._process.wait()
        except TimeoutError:
            pass  # it is killed now
        finally:
            self._signal(signal.SIGKILL)
        await self.exited()
        for drain in self._drains:
            drain.cancel()

    def _signal(self, number: signal.Signals) -> None:
        # The group outlives its leader where the leader left children behind; without any it is not there any more.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _drain(self, stream: asyncio.StreamReader | None, *, keep: bool = True) -> None:
        assert stream is not None
        while part := await stream.read(1 << 16):
            if not keep:
                continue
            room = HEAD_BYTES - len(self._head)
            self._head += part[:room]
            self._tail += part[room:] if room > 0 else part
            del self._tail[:-TAIL_BYTES]
