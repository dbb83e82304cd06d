"""The sandbox that needs no program: Landlock, a filter of system calls, resource limits and a supervisor."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from covey.core.errors import NoSandbox, SandboxError
from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.protocols import SandboxProcess
from covey.execution import cgroups, seccomp
from covey.execution.launcher import landlock
from covey.execution.launcher.plan import Groups, Plan
from covey.execution.sandboxes import hosted, leftovers, probing, request
from covey.execution.sandboxes.running import run_to_end, run_to_talk

_READABLE = ("/usr", *request.LINKED, "/proc", "/sys/devices/system/cpu", *(f"/etc/{name}" for name in request.ETC))
_IDENTITY = ("/etc/passwd", "/etc/group", "/etc/hosts")
_DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]


class LandlockSandbox:
    """Runs programs on the host, which can reach nothing of it but what is named.

    Weaker than namespaces: processes of the host can be seen (not touched), there is no ``/dev/shm``, no local server,
    and changes of modes, owners and times do nothing. ``scratch`` is a folder of Covey's own.
    """

    name = "landlock"
    owner: int | None = None

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._probing = asyncio.Lock()
        self._known: Applied | None = None
        self._groups: Groups | None = None

    async def probe(self) -> Applied:
        """Run a program for real and look at what holds. Raises NoSandbox."""
        async with self._probing:
            if self._known is None:
                self._known = await self._probe()
            return self._known

    async def exec(self, spec: ExecSpec) -> ExecResult:
        """Run a program to its end."""
        await self.probe()
        return await self._exec(spec)

    @asynccontextmanager
    async def start(self, spec: ExecSpec) -> AsyncIterator[SandboxProcess]:
        """Run a program to talk to."""
        await self.probe()
        async with run_to_talk(self._plan(spec), spec, self._applied(spec)) as process:
            yield process

    async def _exec(self, spec: ExecSpec) -> ExecResult:
        return await run_to_end(self._plan(spec), spec, self._applied(spec))

    async def _probe(self) -> Applied:
        version = landlock.abi()
        if version < landlock.NEEDED_ABI:
            raise NoSandbox(
                f"Landlock of this kernel has version {version}, and {landlock.NEEDED_ABI} is needed: use Linux 6.12 "
                "or later with `landlock` in its `lsm=` boot parameter, or install bubblewrap."
            )
        if not seccomp.supported():
            raise NoSandbox("Landlock needs a filter of system calls; none is known for this architecture.")
        self._groups = await asyncio.to_thread(cgroups.prepare)
        self._scratch.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(leftovers.sweep, self._scratch)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix=leftovers.probe_prefix()) as folder:
            try:
                result = await self._exec(probing.tree_spec(Path(folder), None))
                probing.check(result, Path(folder))
            except (SandboxError, NoSandbox) as error:
                raise NoSandbox(f"Landlock does not work here: {error}") from error
        return result.applied

    def _applied(self, spec: ExecSpec) -> Applied:
        return Applied(
            sandbox=self.name,
            mechanisms={
                "filesystem": "landlock",
                "tree": "copy",
                "network": "none" if spec.network else "seccomp",
                "signals": "landlock",
                "uid": "no-capabilities" if os.geteuid() == 0 else "none",
                "seccomp": "seccomp",
                "file_size": "rlimit",
                "disk": "watchdog",
                "wall": "supervisor",
                "output": "supervisor",
            },
        )

    def _plan(self, spec: ExecSpec) -> Plan:
        plan = hosted.plan(spec, self._scratch, self._groups)
        folder = plan["folder"]
        plan["mode"] = "landlock"
        plan["readable"] = [*_READABLE, *_IDENTITY, *(["/etc/resolv.conf"] if spec.network else [])]
        plan["readable"] += [mount.source for mount in spec.mounts if mount.mode == "ro"]
        plan["writable"] = [f"{folder}/{name}" for name in ("tree", "tmp", "home")]
        plan["writable"] += [mount.source for mount in spec.mounts if mount.mode == "rw"]
        plan["devices"] = _DEVICES
        plan["seccomp"] = seccomp.build(
            "internet" if spec.network else "none",
            bounded_memory=bool(self._groups and self._groups["memory"]),
            namespaces=False,
        )
        return plan
