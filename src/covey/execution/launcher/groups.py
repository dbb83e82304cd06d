"""A child control group for one execution, by direct writes, version 1 or 2."""

# Importing pathlib would cost milliseconds in every execution.
# ruff: noqa: PTH102, PTH106
from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from covey.execution.launcher.plan import Groups

PREFIX = "covey-"


def _write(path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 65536).decode()
    finally:
        os.close(descriptor)


class Group:
    """The control group of one execution. What could not be made is not there: see ``mechanisms``."""

    def __init__(self, parents: Groups | None, memory_bytes: int, processes: int) -> None:
        self.memory: str | None = None
        self.pids: str | None = None
        self.version = 0 if parents is None else parents["version"]
        self._made: list[str] = []
        if parents is None:
            return
        name = f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
        if parents["memory"] is not None:
            self.memory = self._make(parents["memory"], name, self._memory_limits(memory_bytes))
        if parents["pids"] is not None:
            self.pids = self._make(parents["pids"], name, [("pids.max", str(processes))])

    def _memory_limits(self, size: int) -> list[tuple[str, str]]:
        if self.version == 1:
            return [("memory.limit_in_bytes", str(size)), ("memory.memsw.limit_in_bytes", str(size))]
        return [("memory.max", str(size)), ("memory.swap.max", "0"), ("memory.oom.group", "1")]

    def _make(self, parent: str, name: str, limits: list[tuple[str, str]]) -> str | None:
        """Make a group with ``limits``, of which all but the first are refinements that a kernel may lack."""
        path = f"{parent}/{name}"
        try:
            os.mkdir(path)
        except FileExistsError:
            pass  # version 2: memory and pids are one folder
        except OSError:
            return None
        if path not in self._made:
            self._made.append(path)
        for number, (file, value) in enumerate(limits):
            try:
                _write(f"{path}/{file}", value)
            except OSError:
                if number == 0:
                    return None  # an unlimited group does no harm; it is removed with the others
        return path

    def join(self) -> None:
        """Move the calling process into the group. Raises OSError."""
        for path in self._made:
            _write(f"{path}/cgroup.procs", "0")

    @property
    def mechanism(self) -> str:
        """How :class:`~covey.core.execution.Applied` names it."""
        return f"cgroup-v{self.version}"

    def freeze_births(self) -> None:
        """No process of the group can start another one any more."""
        if self.pids is not None:
            try:
                _write(f"{self.pids}/pids.max", "0")
            except OSError:
                return  # the group is gone, and with it every process

    def members(self) -> list[int]:
        """Process ids in the group."""
        found: set[int] = set()
        for path in self._made:
            try:
                found.update(int(line) for line in _read(f"{path}/cgroup.procs").split())
            except OSError:
                continue
        return sorted(found)

    def out_of_memory(self) -> bool:
        """True when the kernel killed a process because the group reached its memory limit."""
        if self.memory is None:
            return False
        file = "memory.oom_control" if self.version == 1 else "memory.events"
        try:
            lines = _read(f"{self.memory}/{file}").splitlines()
        except OSError:
            return False
        return any(line.startswith("oom_kill ") and int(line.split()[1]) > 0 for line in lines)

    def peak(self) -> int | None:
        """Most memory used at once, in bytes, page cache included; None where the kernel does not say."""
        if self.memory is None:
            return None
        try:
            return int(_read(f"{self.memory}/{'memory.max_usage_in_bytes' if self.version == 1 else 'memory.peak'}"))
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Remove the group; a dying process may hold it for a moment."""
        until = time.monotonic() + 2.0
        while self._made:
            try:
                os.rmdir(self._made[-1])
            except FileNotFoundError:
                pass
            except OSError:
                if time.monotonic() > until:
                    return
                time.sleep(0.002)
                continue
            self._made.pop()
