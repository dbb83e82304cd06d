"""A fork server whose start is given up leaves nothing open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from covey.core.execution import ExecResult, ExecSpec, TestCommand, Tree
from covey.core.protocols import Sandbox, SandboxProcess
from covey.execution.forkserver import ForkServer
from support_execution import LIMITS, this_environment


class Silent:
    """A program that starts and never says that it is ready."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.stopped = False

    async def send(self, line: bytes) -> None:
        raise AssertionError(line)

    async def receive(self, timeout_s: float) -> bytes | None:  # noqa: ARG002 - it never answers
        self.asked.set()
        await asyncio.Event().wait()
        return None

    async def stop(self) -> ExecResult:
        self.stopped = True
        return cast("ExecResult", None)


class Room:
    """A sandbox with one silent program; knows whether its block was left."""

    def __init__(self) -> None:
        self.program = Silent()
        self.left = False

    @asynccontextmanager
    async def start(self, spec: ExecSpec) -> AsyncIterator[SandboxProcess]:  # noqa: ARG002 - it runs nothing
        try:
            yield self.program
        finally:
            self.left = True


async def test_a_start_that_is_cancelled_stops_the_program_and_leaves_the_sandbox(tmp_path: Any) -> None:
    room = Room()
    command = TestCommand(framework="pytest", argv=("python", "-m", "pytest"))
    tree = Tree(base=str(tmp_path), root="/srv/project")
    server = ForkServer(cast("Sandbox", room), this_environment(), command, tree, workers=1, limits=LIMITS, seed=0)
    start = asyncio.create_task(server.__aenter__())
    await room.program.asked.wait()
    assert not room.left
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert room.program.stopped
    assert room.left
