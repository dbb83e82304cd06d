"""Starting the supervisor of one execution, reading what its program writes, and getting its report."""

from __future__ import annotations

import asyncio
import marshal
import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol, cast

from covey.core.errors import SandboxError
from covey.core.execution import Applied, ExecResult, Limits
from covey.execution.capture import Bounded, Capture
from covey.execution.launcher.plan import Plan, Report
from covey.execution.lines import Lines

# The package itself is put in place by hand: importing it would import what the supervisor must not wait for.
BOOT = (
    "import sys; covey = sys.modules['covey'] = type(sys)('covey'); covey.__path__ = [sys.argv.pop()]; "
    "from covey.execution.launcher.main import main; "
)
PACKAGE = str(Path(__file__).resolve().parents[1])
_NO_PROGRAM = b"bwrap: execvp "
GRACE_S = 20.0
"""After the wall limit the supervisor gets this long to end, count and clean up."""


class _Sink(Protocol):
    def add(self, data: bytes) -> None: ...


class _Pipe(asyncio.Protocol):
    """Feeds one pipe into a sink and says when it ended."""

    def __init__(self, sink: _Sink) -> None:
        self.sink = sink
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.sink.add(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's interface
        if isinstance(self.sink, Lines):
            self.sink.end()
        if not self.closed.done():
            self.closed.set_result(None)


class _Readers:
    """The pipes on which a program writes, read by the event loop."""

    def __init__(self) -> None:
        self._open: list[tuple[asyncio.ReadTransport, _Pipe]] = []

    async def attach(self, sink: _Sink, given: list[int]) -> int:
        """Make a pipe that feeds ``sink``; its other end is added to ``given`` and returned."""
        read, write = os.pipe()
        given.append(write)
        transport, protocol = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _Pipe(sink), os.fdopen(read, "rb", buffering=0)
        )
        self._open.append((transport, protocol))
        if isinstance(sink, Lines):
            sink.transport = transport
        return write

    def closed(self, sink: _Sink) -> asyncio.Future[None]:
        """Return what is done when the pipe of ``sink`` has no writer left."""
        return next(protocol.closed for _, protocol in self._open if protocol.sink is sink)

    async def drain(self, within_s: float) -> None:
        """Read to the end of every pipe, but not for longer than ``within_s``: someone may hold one open."""
        for _, protocol in self._open:
            if isinstance(protocol.sink, Lines):
                protocol.sink.resume()
        await asyncio.wait([protocol.closed for _, protocol in self._open], timeout=within_s)
        self.close()

    def close(self) -> None:
        """Read no more."""
        for transport, _ in self._open:
            transport.close()


class Supervised:
    """One execution under its supervisor. Made by :func:`launch`; ``finish`` must be awaited in the end."""

    def __init__(self, limits: Limits, applied: Applied, channel: Bounded | Lines) -> None:
        self._stdout = Capture(limits.output_bytes)
        self._stderr = Capture(limits.output_bytes)
        self.channel = channel
        self._limits = limits
        self._applied = applied
        self._report = Bounded(1 << 16)
        self._readers = _Readers()
        self._reported: asyncio.Future[None] | None = None
        self._lifeline = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._finishing: asyncio.Task[ExecResult] | None = None

    async def launch(self, plan: Plan, stdin: int) -> None:
        """Start the supervisor. ``stdin`` becomes the program's standard input; the caller still closes it.

        Raises SandboxError. Nothing is awaited once the supervisor runs, so a cancellation cannot lose it.
        """
        given: list[int] = []  # ends that are the supervisor's
        try:
            out = await self._readers.attach(self._stdout, given)
            err = await self._readers.attach(self._stderr, given)
            channel = await self._readers.attach(self.channel, given)
            report = await self._readers.attach(self._report, given)
            lifeline, self._lifeline = os.pipe()
            given.append(lifeline)
            plan["channel"], plan["lifeline"] = channel, lifeline
            plan_file = memory_file(marshal.dumps(dict(plan)))
            given.append(plan_file)
            passed = (channel, report, lifeline, plan_file)
            self._process = _spawn([str(plan_file), str(report)], (stdin, out, err), passed)
            self._reported = self._readers.closed(self._report)
        except OSError as error:
            raise SandboxError(f"The supervisor of the sandbox could not be started: {error}") from error
        finally:
            for descriptor in given:
                os.close(descriptor)
            if self._process is None:
                self._readers.close()
                self._cut_lifeline()

    async def result(self) -> ExecResult:
        """Wait for the program to end, and return how."""
        await self.settle(self._limits.wall_s + GRACE_S)
        return await self.finish()

    async def settle(self, within_s: float) -> None:
        """Wait for the supervisor's report."""
        if self._reported is None:
            raise SandboxError("The sandbox was not started.")
        await asyncio.wait([self._reported], timeout=within_s)

    async def finish(self) -> ExecResult:
        """End everything if it has not ended yet, and return how it went; a cancellation waits for that."""
        if self._finishing is None:
            self._finishing = asyncio.get_running_loop().create_task(self._finish())
        cancelled: asyncio.CancelledError | None = None
        while not self._finishing.done():
            try:
                await asyncio.shield(self._finishing)
            except asyncio.CancelledError as error:
                if self._finishing.cancelled():
                    raise
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return self._finishing.result()

    async def _finish(self) -> ExecResult:
        self._cut_lifeline()
        if self._process is None or self._reported is None:
            raise SandboxError("The sandbox was not started.")
        if not self._reported.done():
            await asyncio.wait([self._reported], timeout=GRACE_S)
        if not self._reported.done():
            self._process.kill()
        await self._readers.drain(2.0)
        if self._process.poll() is None:
            await asyncio.to_thread(self._process.wait)
        return self._conclude(self._report.value())

    def _cut_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _conclude(self, words: bytes) -> ExecResult:
        stderr = self._stderr.value()
        text = stderr[-2000:].decode(errors="replace").strip()
        if not words:
            raise SandboxError("The supervisor of the sandbox ended without a report.", detail=text)
        report = cast("Report", marshal.loads(words))  # noqa: S302 - written by our own supervisor
        if "error" in report:
            raise SandboxError(f"The sandbox could not be set up: {report['error']}. {text}".strip(), detail=text)
        if report.get("unstarted"):
            if not stderr.startswith(_NO_PROGRAM):
                raise SandboxError(f"The sandbox could not be set up: {text}", detail=text)
            report["exit_code"] = 127  # as shells say it
        applied = Applied(
            sandbox=self._applied.sandbox, mechanisms={**self._applied.mechanisms, **report["mechanisms"]}
        )
        return ExecResult(
            exit_code=report["exit_code"],
            signal=report["signal"],
            timed_out=report["timed_out"],
            out_of_memory=report["out_of_memory"],
            truncated=self._stdout.truncated or self._stderr.truncated or self.channel.truncated,
            stdout=self._stdout.value(),
            stderr=stderr,
            channel=self.channel.value(),
            duration_s=report["duration_s"],
            max_memory_bytes=report["max_memory_bytes"],
            applied=applied,
        )


def _spawn(arguments: list[str], standard: tuple[int, int, int], inherited: tuple[int, ...]) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = standard
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", f"{BOOT}main()", *arguments, PACKAGE],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=inherited,
        env={},
        cwd="/",
        start_new_session=True,
    )


def memory_file(content: bytes) -> int:
    """Return a descriptor of an anonymous file with ``content``, at its start."""
    descriptor = os.memfd_create("covey")
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
