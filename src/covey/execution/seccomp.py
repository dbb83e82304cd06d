"""A seccomp filter made with :mod:`struct`: which system calls a sandboxed program may not make.

Sources of the numbers: the kernel's ``arch/x86/entry/syscalls/syscall_64.tbl`` and
``include/uapi/asm-generic/unistd.h``. Everything else is allowed: the filter takes away what a test suite never needs
and what has often been a way into the kernel.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass
from typing import Literal

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERROR = 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_X32 = 0x40000000

Sockets = Literal["all", "internet", "none"]
"""Which sockets may be made (pairs always may): ``all`` needs a network namespace around it, or a reason to share the
host's; ``internet`` leaves out local sockets, for where listeners of the host can be reached by path; raw and packet
sockets and every netlink protocol but routes are denied in any case."""

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64); None where the architecture has no such call
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chmod": (90, None),
    "chown": (92, None),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "creat": (85, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "file_setattr": (469, 469),
    "finit_module": (313, 273),
    "fremovexattr": (199, 16),
    "fsconfig": (431, 431),
    "fsetxattr": (190, 7),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "futimesat": (261, None),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lchown": (94, None),
    "lremovexattr": (198, 15),
    "lsetxattr": (189, 6),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "nfsservctl": (180, 42),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "openat": (257, 56),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "removexattr": (197, 14),
    "removexattrat": (466, 466),
    "request_key": (249, 218),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "settimeofday": (164, 170),
    "setxattr": (188, 5),
    "setxattrat": (463, 463),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "utime": (132, None),
    "utimensat": (280, 88),
    "utimes": (235, None),
    "vhangup": (153, 58),
}

_DENIED = """
    acct add_key bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig fsmount
    fsopen fspick init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl memfd_secret migrate_pages
    modify_ldt mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree open_tree_attr
    perf_event_open pidfd_getfd pivot_root process_madvise process_mrelease process_vm_readv process_vm_writev
    ptrace quotactl quotactl_fd reboot request_key setdomainname sethostname setns settimeofday swapoff swapon
    syslog umount2 uselib userfaultfd vhangup
""".split()  # noqa: SIM905 - a list to read
_ABSENT = """
    clone3 io_uring_setup io_uring_enter io_uring_register openat2
""".split()  # noqa: SIM905 - a list to read
"""Said not to exist: callers then use older calls, whose arguments a filter can see."""
_SHARED_MEMORY = """
    msgctl msgget msgrcv msgsnd mq_open semctl semget semop semtimedop shmat shmctl shmget
""".split()  # noqa: SIM905 - a list to read
"""Objects that outlive a process and belong to no file."""
_ATTRIBUTES = """
    chmod chown fchmod fchmodat fchmodat2 fchown fchownat futimesat lchown utime utimensat utimes
""".split()  # noqa: SIM905 - a list to read
"""Changes of modes, owners and times."""
_EXTENDED = """
    file_setattr fremovexattr fsetxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
""".split()  # noqa: SIM905 - a list to read
"""Extended attributes."""
_OTHER_PROCESS = {
    "prlimit64": 0,
    "sched_setaffinity": 0,
    "sched_setattr": 0,
    "sched_setparam": 0,
    "sched_setscheduler": 0,
} | {
    "ioprio_set": 1,
    "setpriority": 1,
}
"""Calls that change another process, with the argument that names it; 0 means the caller."""

_NEW_NAMESPACE = 0x7E020080  # every CLONE_NEW* flag; 0x80 (NEWTIME) counts for unshare only
_SET_ID = 0o6000
_CREATE = 0o100 | 0o20000000  # O_CREAT | __O_TMPFILE
_KIND, _CHARACTER, _BLOCK = 0o170000, 0o020000, 0o060000

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_IOCTLS = (0x5412, 0x541C, 0x40086602, 0x401C5820)  # TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR


@dataclass(frozen=True)
class _If:
    """``argument & mask`` compared with ``value``: low words only, which is where all these arguments are."""

    argument: int
    how: Literal["equal", "differs"]
    value: int
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class _Rule:
    call: str
    error: int
    conditions: tuple[_If, ...] = ()


def _any_bit(argument: int, mask: int) -> _If:
    return _If(argument, "differs", 0, mask)


def _rules(sockets: Sockets, *, bounded_memory: bool, namespaces: bool) -> list[_Rule]:
    denied = errno.EPERM
    rules = [_Rule(name, denied) for name in _DENIED]
    rules += [_Rule(name, errno.ENOSYS) for name in _ABSENT]
    rules += [
        _Rule("unshare", denied, (_any_bit(0, _NEW_NAMESPACE),)),
        _Rule("clone", denied, (_any_bit(0, _NEW_NAMESPACE & ~0xFF),)),
        _Rule("socketpair", denied, (_If(0, "differs", _UNIX),)),
        _Rule("chmod", denied, (_any_bit(1, _SET_ID),)),
        _Rule("fchmod", denied, (_any_bit(1, _SET_ID),)),
        _Rule("fchmodat", denied, (_any_bit(2, _SET_ID),)),
        _Rule("fchmodat2", denied, (_any_bit(2, _SET_ID),)),
        _Rule("creat", denied, (_any_bit(1, _SET_ID),)),
        _Rule("open", denied, (_any_bit(1, _CREATE), _any_bit(2, _SET_ID))),
        _Rule("openat", denied, (_any_bit(2, _CREATE), _any_bit(3, _SET_ID))),
    ]
    rules += [_Rule("ioctl", denied, (_If(1, "equal", request),)) for request in _IOCTLS]
    for name, argument in (("mknod", 1), ("mknodat", 2)):
        rules.append(_Rule(name, denied, (_any_bit(argument, _SET_ID),)))
        rules += [_Rule(name, denied, (_If(argument, "equal", kind, _KIND),)) for kind in (_CHARACTER, _BLOCK)]
    if not bounded_memory:  # memory that no resident size shows
        rules += [_Rule(name, denied) for name in ("memfd_create", "shmget")]
    if not namespaces:
        rules = _bare_rules() + rules
    return rules + _socket_rules(sockets)


def _bare_rules() -> list[_Rule]:
    """What namespaces would contain, and Landlock does not.

    Changes of modes, owners and times are accepted and do nothing: denied, they would break every program that copies
    a file; allowed, they would reach every file of the user.
    """
    rules = [_Rule(name, 0) for name in _ATTRIBUTES]
    rules += [_Rule(name, errno.EOPNOTSUPP) for name in _EXTENDED]
    rules += [_Rule(name, errno.ENOSYS) for name in _SHARED_MEMORY]
    return rules + [_Rule(name, errno.EPERM, (_any_bit(who, 0xFFFFFFFF),)) for name, who in _OTHER_PROCESS.items()]


def _socket_rules(sockets: Sockets) -> list[_Rule]:
    refused = errno.EACCES
    if sockets == "none":
        return [_Rule("socket", refused)]
    families = (_UNIX, _INET, _INET6, _NETLINK) if sockets == "all" else (_INET, _INET6)
    return [
        _Rule("socket", refused, tuple(_If(0, "differs", family) for family in families)),
        _Rule("socket", refused, (_If(0, "equal", _NETLINK), _If(2, "differs", 0))),
        _Rule("socket", refused, (_If(0, "differs", _NETLINK), _If(1, "equal", 3, 0xF))),
    ]


def supported(machine: str | None = None) -> bool:
    """Return True when the numbers of this machine's architecture are known."""
    return (machine or platform.machine()) in _AUDIT


def build(
    sockets: Sockets, *, bounded_memory: bool, namespaces: bool = True, machine: str | None = None
) -> bytes | None:
    """Return the filter as an array of ``struct sock_filter``, or None on an architecture that is not known.

    ``bounded_memory`` says that a control group bounds memory; without one, memory that belongs to no process is
    denied. Without ``namespaces`` around the program, what reaches other processes and files is denied too. A call of
    another architecture ends the program: its numbers would mean something else.
    """
    name = machine or platform.machine()
    if name not in _AUDIT:
        return None
    column = 0 if name == "x86_64" else 1
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT[name]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if column == 0:
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERROR | errno.ENOSYS)]
    for rule in _rules(sockets, bounded_memory=bounded_memory, namespaces=namespaces):
        number = _CALLS[rule.call][column]
        if number is not None:
            code += _compile(rule, number)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _compile(rule: _Rule, number: int) -> list[tuple[int, int, int, int]]:
    body: list[tuple[int, int, int, int]] = []
    refuse = (_RETURN, 0, 0, _ERROR | rule.error)
    if not rule.conditions:
        return [(_EQUAL, 0, 1, number), refuse]
    length = 3 * len(rule.conditions) + 1  # conditions and the refusal; the reload of the number comes after
    for index, condition in enumerate(rule.conditions):
        past = length - 3 * (index + 1)
        body += [(_LOAD, 0, 0, _ARGUMENTS + 8 * condition.argument), (_AND, 0, 0, condition.mask)]
        holds, fails = (0, past) if condition.how == "equal" else (past, 0)
        body.append((_EQUAL, holds, fails, condition.value))
    return [(_EQUAL, 0, length + 1, number), *body, refuse, (_LOAD, 0, 0, _NUMBER)]
