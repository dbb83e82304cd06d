"""Landlock by system calls: everything in the file system is denied except what is named.

Sources: the kernel's ``include/uapi/linux/landlock.h`` and ``Documentation/userspace-api/landlock.rst``. Landlock does
not cover changes of modes, owners, times and extended attributes, nor local sockets by path: the filter of system calls
that goes with it must (see :mod:`covey.execution.seccomp`).
"""

from __future__ import annotations

import ctypes
import os
import struct

from covey.execution.launcher import syscalls

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1

_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ALL = (1 << 16) - 1  # every access of ABI 5
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL_DEV
_READING = _EXECUTE | _READ | _LIST
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_WRITING = _ALL & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
_TCP = 3  # bind and connect
_SCOPED = 3  # abstract sockets and signals of others

NEEDED_ABI = 6
"""The first version that keeps signals inside (Linux 6.12). Below 3, files could even be truncated."""


def abi() -> int:
    """Return the kernel's Landlock version, 0 where it is missing or switched off."""
    try:
        return syscalls.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def restrict(readable: list[str], writable: list[str], devices: list[str], *, network: bool) -> None:
    """Restrict this process and all it starts, for good; ``no_new_privs`` must be set. Raises OSError."""
    if abi() < NEEDED_ABI:
        raise OSError(0, "this kernel's Landlock is too old")
    attributes = struct.pack("=QQQ", _ALL, 0 if network else _TCP, _SCOPED)
    ruleset = syscalls.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for paths, access in ((readable, _READING), (writable, _WRITING), (devices, _READ | _WRITE)):
        for path in paths:
            _allow(ruleset, path, access)
    syscalls.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # what is not there needs no permission
    try:
        if os.fstat(descriptor).st_mode & 0o170000 != 0o040000:
            access &= _ON_FILES
        rule = struct.pack("=Qi", access, descriptor)
        syscalls.syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(descriptor)
