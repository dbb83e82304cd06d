"""System calls that Python 3.11 does not wrap."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

SIGKILL = 9
SIGSTOP = 19

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount; raises OSError that names the call."""
    _check(
        libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            os.fsencode(data) if data else None,
        ),
        f"mount {kind or 'bind'} on {target}",
    )


def unshare(flags: int) -> None:
    """Leave namespaces."""
    _check(libc.unshare(ctypes.c_int(flags)), "unshare")


def prctl(option: int, argument: int = 0, third: int = 0) -> int:
    """Set a process attribute."""
    zero = ctypes.c_ulong(0)
    return _check(libc.prctl(option, ctypes.c_ulong(argument), ctypes.c_ulong(third), zero, zero), f"prctl {option}")


def syscall(number: int, *arguments: object) -> int:
    """Call by number, for what the C library does not wrap."""
    return _check(libc.syscall(ctypes.c_long(number), *arguments), f"system call {number}")


def default_signals() -> None:
    """Give back the default action to every signal that Python or whoever started it ignores.

    Without importing ``signal``, which costs start-up time. Numbers that cannot be set are passed over by the kernel.
    """
    for number in range(1, 32):
        libc.signal(number, None)
