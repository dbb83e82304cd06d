"""What a process gives up for itself and for all that it starts."""

# Importing pathlib would cost milliseconds in every execution.
# ruff: noqa: PTH123
from __future__ import annotations

import ctypes
import os
import resource

from covey.execution.launcher import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from covey.execution.launcher.plan import Plan


def become(uid: int) -> None:
    """Become an ordinary user for good: no groups, no capabilities."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def no_new_privileges() -> None:
    """No set-user-id program and no file capability can give anything back."""
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Drop every capability, also from the bounding set, so that being uid 0 means nothing but owning root's files."""
    syscalls.prctl(syscalls.PR_CAP_AMBIENT, syscalls.PR_CAP_AMBIENT_CLEAR_ALL)
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
    syscalls.prctl(syscalls.PR_SET_SECUREBITS, 0x2F)  # no root, no fix-up, no keep, no ambient raise; locked
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if syscalls.libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def install_filter(program: bytes) -> None:
    """Install a seccomp filter (an array of ``struct sock_filter``)."""
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    described = Program(len(program) // 8, ctypes.addressof(code))
    syscalls.prctl(syscalls.PR_SET_SECCOMP, 2, ctypes.addressof(described))


def limit(plan: Plan, processes: int | None) -> None:
    """Set resource limits. ``processes`` counts threads too and is left alone when None."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, plan["file_bytes"])
    _lower(resource.RLIMIT_MEMLOCK, 64 << 20)
    _lower(resource.RLIMIT_MSGQUEUE, 819_200)
    _lower(resource.RLIMIT_NOFILE, 4096)
    if processes is not None:
        _lower(resource.RLIMIT_NPROC, processes)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def close_all_but(keep: set[int], *, until_exec: int) -> None:
    """Close every descriptor except the standard three and ``keep``, which programs started from here inherit.

    ``until_exec`` stays open in this process alone.
    """
    start = 3
    for number in sorted({*keep, until_exec}):
        os.closerange(start, number)
        os.set_inheritable(number, number != until_exec)
        start = number + 1
    os.closerange(start, max(start, os.sysconf("SC_OPEN_MAX"), 1 << 16))
