"""The filter is run here instruction by instruction, as the kernel would."""

from __future__ import annotations

import errno
import struct

import pytest

from covey.execution import seccomp
from covey.execution.seccomp import Sockets

_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBERS: dict[str, dict[str, int]] = {
    "clone": {"x86_64": 56, "aarch64": 220},
    "clone3": {"x86_64": 435, "aarch64": 435},
    "execve": {"x86_64": 59, "aarch64": 221},
    "ioctl": {"x86_64": 16, "aarch64": 29},
    "memfd_create": {"x86_64": 319, "aarch64": 279},
    "mknodat": {"x86_64": 259, "aarch64": 33},
    "mount": {"x86_64": 165, "aarch64": 40},
    "openat": {"x86_64": 257, "aarch64": 56},
    "prlimit64": {"x86_64": 302, "aarch64": 261},
    "ptrace": {"x86_64": 101, "aarch64": 117},
    "read": {"x86_64": 0, "aarch64": 63},
    "setxattr": {"x86_64": 188, "aarch64": 5},
    "shmget": {"x86_64": 29, "aarch64": 194},
    "socket": {"x86_64": 41, "aarch64": 198},
    "socketpair": {"x86_64": 53, "aarch64": 199},
    "unshare": {"x86_64": 272, "aarch64": 97},
    "utimensat": {"x86_64": 280, "aarch64": 88},
    "chmod": {"x86_64": 90},
}

ALLOW, KILL = "allow", "kill"


def decide(program: bytes, arch: int, number: int, arguments: tuple[int, ...]) -> str | int:
    """Return ``allow``, ``kill`` or the error number."""
    data = struct.pack("<iIQ6Q", number, arch, 0, *(arguments + (0,) * 6)[:6])
    code = list(struct.iter_unpack("=HBBI", program))
    accumulator = at = 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x15:
            at += if_true if accumulator == value else if_false
        elif operation == 0x35:
            at += if_true if accumulator >= value else if_false
        else:
            assert operation == 0x06
            if value == 0x7FFF0000:
                return ALLOW
            return KILL if value == 0x80000000 else int(value & 0xFFFF)


def asked(
    machine: str, call: str, *arguments: int, sockets: Sockets = "all", bounded: bool = True, namespaces: bool = True
) -> str | int:
    if machine not in _NUMBERS[call]:
        pytest.skip(f"{machine} has no {call}")
    program = seccomp.build(sockets, bounded_memory=bounded, namespaces=namespaces, machine=machine)
    assert program is not None
    return decide(program, _ARCH[machine], _NUMBERS[call][machine], arguments)


@pytest.fixture(params=_ARCH)
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize(
    ("call", "arguments", "answer"),
    [
        ("read", (0, 0, 0), ALLOW),
        ("execve", (0, 0, 0), ALLOW),
        ("mount", (), errno.EPERM),
        ("ptrace", (), errno.EPERM),
        ("clone3", (), errno.ENOSYS),
        ("clone", (0x01200011,), ALLOW),
        ("clone", (0x10000011,), errno.EPERM),
        ("clone", (0x00020011,), errno.EPERM),
        ("clone", (0x3D0F00,), ALLOW),
        ("unshare", (0x400,), ALLOW),
        ("unshare", (0x80,), errno.EPERM),
        ("unshare", (0x40000000,), errno.EPERM),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), errno.EPERM),
        ("ioctl", (0, 0x5412 | 7 << 32), errno.EPERM),
        ("socket", (1, 1, 0), ALLOW),
        ("socket", (2, 1, 0), ALLOW),
        ("socket", (2, 3, 1), errno.EACCES),
        ("socket", (2, 3 | 0o2000000, 1), errno.EACCES),
        ("socket", (16, 3, 0), ALLOW),
        ("socket", (16, 3, 9), errno.EACCES),
        ("socket", (40, 1, 0), errno.EACCES),
        ("socket", (17, 2, 0), errno.EACCES),
        ("socketpair", (1, 1, 0), ALLOW),
        ("chmod", (0, 0o755), ALLOW),
        ("chmod", (0, 0o4755), errno.EPERM),
        ("openat", (0, 0, 0, 0o4755), ALLOW),
        ("openat", (0, 0, 0o101, 0o755), ALLOW),
        ("openat", (0, 0, 0o101, 0o4755), errno.EPERM),
        ("openat", (0, 0, 0o20200002, 0o4755), errno.EPERM),
        ("mknodat", (0, 0, 0o010644), ALLOW),
        ("mknodat", (0, 0, 0o020644), errno.EPERM),
        ("mknodat", (0, 0, 0o060644), errno.EPERM),
        ("memfd_create", (), ALLOW),
    ],
)
def test_each_call_is_answered(machine: str, call: str, arguments: tuple[int, ...], answer: str | int) -> None:
    assert asked(machine, call, *arguments) == answer


def test_memory_that_no_process_shows_needs_a_bound(machine: str) -> None:
    assert asked(machine, "memfd_create", bounded=False) == errno.EPERM
    assert asked(machine, "shmget", bounded=False) == errno.EPERM


def test_without_namespaces_other_processes_and_attributes_are_out_of_reach(machine: str) -> None:
    assert asked(machine, "prlimit64", 0, 7, namespaces=False) == ALLOW
    assert asked(machine, "prlimit64", 1, 7, namespaces=False) == errno.EPERM
    assert asked(machine, "utimensat", namespaces=False) == 0
    assert asked(machine, "setxattr", namespaces=False) == errno.EOPNOTSUPP
    assert asked(machine, "shmget", namespaces=False) == errno.ENOSYS
    assert asked(machine, "prlimit64", 1, 7) == ALLOW


@pytest.mark.parametrize(
    ("sockets", "unix", "inet"), [("all", ALLOW, ALLOW), ("internet", 13, ALLOW), ("none", 13, 13)]
)
def test_which_sockets_can_be_made(machine: str, sockets: Sockets, unix: str | int, inet: str | int) -> None:
    assert asked(machine, "socket", 1, 1, sockets=sockets) == unix
    assert asked(machine, "socket", 2, 1, sockets=sockets) == inet
    assert asked(machine, "socket", 10, 1, sockets=sockets) == inet
    assert asked(machine, "socketpair", 1, 1, sockets=sockets) == ALLOW


def test_calls_of_another_architecture_end_the_program() -> None:
    program = seccomp.build("all", bounded_memory=True, machine="x86_64")
    assert program is not None
    assert decide(program, 0x40000003, 20, ()) == KILL
    assert decide(program, _ARCH["x86_64"], 0x40000000 | 101, ()) == errno.ENOSYS


def test_every_jump_stays_inside_the_filter(machine: str) -> None:
    kinds: tuple[Sockets, ...] = ("all", "internet", "none")
    for sockets in kinds:
        program = seccomp.build(sockets, bounded_memory=False, namespaces=False, machine=machine)
        assert program is not None
        code = list(struct.iter_unpack("=HBBI", program))
        assert len(code) < 4096
        jumps = [(at, max(true, false)) for at, (operation, true, false, _) in enumerate(code) if operation & 7 == 5]
        assert all(at + 1 + far < len(code) for at, far in jumps)
        assert code[-1][0] == 0x06


def test_an_unknown_architecture_has_no_filter() -> None:
    assert seccomp.build("all", bounded_memory=True, machine="riscv64") is None
    assert not seccomp.supported("riscv64")
