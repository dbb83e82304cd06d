"""No sandbox: what ``--unsafe-no-sandbox`` runs. Limits and cleaning up hold, containment does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.protocols import SandboxProcess
from covey.execution import cgroups
from covey.execution.launcher.plan import Groups, Plan
from covey.execution.sandboxes import hosted, leftovers
from covey.execution.sandboxes.running import run_to_end, run_to_talk

_UNHELD = ("filesystem", "network", "signals", "uid", "seccomp")


class BareSandbox:
    """Runs programs as they are, on a private copy of the tree, with a clean environment, limits and an end.

    The program can read and change whatever its user can. ``scratch`` is a folder of Covey's own.
    """

    name = "none"
    owner: int | None = None

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._groups: Groups | None = None
        self._ready = False

    async def probe(self) -> Applied:
        """Say which limits hold."""
        return (await self.exec(ExecSpec(argv=("/bin/sh", "-c", ":")))).applied

    async def exec(self, spec: ExecSpec) -> ExecResult:
        """Run a program to its end."""
        return await run_to_end(await self._plan(spec), spec, self._applied())

    @asynccontextmanager
    async def start(self, spec: ExecSpec) -> AsyncIterator[SandboxProcess]:
        """Run a program to talk to."""
        async with run_to_talk(await self._plan(spec), spec, self._applied()) as process:
            yield process

    def _applied(self) -> Applied:
        held = {"tree": "copy", "file_size": "rlimit", "disk": "watchdog", "wall": "supervisor", "output": "supervisor"}
        return Applied(sandbox=self.name, mechanisms={**dict.fromkeys(_UNHELD, "none"), **held})

    async def _plan(self, spec: ExecSpec) -> Plan:
        if not self._ready:
            self._groups = await asyncio.to_thread(cgroups.prepare)
            await asyncio.to_thread(leftovers.sweep, self._scratch)
            self._ready = True
        return hosted.plan(spec, self._scratch, self._groups)
