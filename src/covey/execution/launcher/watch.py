"""Looking at, and ending, all descendants of this process by way of ``/proc``."""

# Importing pathlib would cost milliseconds in every execution.
# ruff: noqa: PTH123, PTH208
from __future__ import annotations

import os
import time

from covey.execution.launcher import syscalls

_PAGE = os.sysconf("SC_PAGE_SIZE")


def _parents() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
    return children


def descendants(root: int) -> list[int]:
    """Process ids below ``root``, parents first."""
    children = _parents()
    found: list[int] = []
    queue = list(children.get(root, ()))
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(children.get(pid, ()))
    return found


def family(root: int) -> list[int]:
    """Process ids below ``root``, found by asking each process for its children: fast, but one may be missed."""
    found: list[int] = []
    queue = [root]
    while queue:
        pid = queue.pop()
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                    below = [int(word) for word in file.read().split()]
                found += below
                queue += below
        except FileNotFoundError:
            if pid == root:  # a kernel without CONFIG_PROC_CHILDREN
                return descendants(root)
        except OSError:
            continue
    return found


def threads_of(uid: int) -> int:
    """Return how many threads a user has on this machine."""
    total = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == uid:  # noqa: PTH116 - see the top of this file
                    total += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
    return total


def usage(pids: list[int], memory_limit: int) -> tuple[int, int]:
    """Return (bytes of memory, number of threads) of ``pids``.

    Resident sizes count shared pages once for each process that shares them; when their sum is above the limit, the
    proportional sizes decide.
    """
    resident = threads = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        threads += int(fields[17])
        resident += int(fields[21]) * _PAGE
    if resident <= memory_limit:
        return resident, threads
    return sum(_proportional(pid) for pid in pids), threads


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
        return 0
    except OSError:
        return 0


def signal_all(pids: list[int], number: int) -> None:
    """Send a signal to each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def reap() -> bool:
    """Collect ended children; False when no child is left at all."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def end_all(within_s: float) -> bool:
    """Kill every descendant until none is left; True when that worked in time.

    The caller must be a child subreaper: then a process that leaves its session or whose parent ended is a descendant
    still. Stopping all before killing keeps a fork bomb from outrunning the killing.
    """
    until = time.monotonic() + within_s
    while reap():
        pids = descendants(os.getpid())
        signal_all(pids, syscalls.SIGSTOP)
        signal_all(pids, syscalls.SIGKILL)
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


class DiskWatch:
    """Watches what is written below a folder. Looking costs time, so it looks seldom where there is much to see."""

    def __init__(self, path: str, limit: int) -> None:
        self._path = path
        self._limit = limit + folder_bytes(path)
        self._next = 0.0

    def over(self) -> bool:
        """True when more has been added than the limit."""
        now = time.monotonic()
        if now < self._next:
            return False
        size = folder_bytes(self._path)
        self._next = now + max(0.1, 10 * (time.monotonic() - now))
        return size > self._limit


def folder_bytes(path: str) -> int:
    """Disk space below ``path``, in bytes; what vanishes meanwhile is not counted."""
    total = 0
    queue = [path]
    while queue:
        here = queue.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    try:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            queue.append(entry.path)
                    except OSError:
                        continue
        except OSError:
            continue
    return total
