"""System calls that have often led out of sandboxes, each with arguments that do no harm where it is allowed."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from covey.core.protocols import Sandbox
from support_sandbox import CONTAINING, make, python, text, unsandboxed

# name: (x86_64 number, aarch64 number, arguments); outside, the kernel lets them in: any error but "not permitted"
_CALLS: dict[str, tuple[int, int, str]] = {
    "unshare user namespace": (272, 97, "0x10000000"),
    "unshare mount namespace": (272, 97, "0x00020000"),
    "unshare network namespace": (272, 97, "0x40000000"),
    "setns": (308, 268, "-1, 0"),
    "clone3": (435, 435, "None, 0"),
    "mount": (165, 40, "None, b'/covey-no-such', b'tmpfs', 0, None"),
    "umount": (166, 39, "b'/covey-no-such', 0"),
    "pivot_root": (155, 41, "b'/covey-no-such', b'/covey-no-such'"),
    "chroot": (161, 51, "b'/covey-no-such'"),
    "fsopen": (430, 430, "b'covey-no-such', 0"),
    "fsconfig": (431, 431, "-1, 0, None, None, 0"),
    "fsmount": (432, 432, "-1, 0, 0"),
    "move_mount": (429, 429, "-1, b'', -1, b'', 0"),
    "open_tree": (428, 428, "-1, b'covey-no-such', 0"),
    "mount_setattr": (442, 442, "-1, b'', 0, None, 0"),
    "ptrace": (101, 117, "0, 0, None, None"),
    "process_vm_readv": (310, 270, "os.getpid(), None, 0, None, 0, 0"),
    "process_vm_writev": (311, 271, "os.getpid(), None, 0, None, 0, 0"),
    "kcmp": (312, 272, "os.getpid(), os.getpid(), 1, 0, 0"),
    "pidfd_getfd": (438, 438, "-1, 0, 0"),
    "keyctl": (250, 219, "0, -3, 0, 0, 0"),
    "add_key": (248, 217, "b'covey-no-such', b'x', None, 0, -3"),
    "request_key": (249, 218, "b'covey-no-such', b'x', None, 0"),
    "bpf": (321, 280, "99, None, 0"),
    "perf_event_open": (298, 241, "None, 0, -1, -1, 0"),
    "userfaultfd": (323, 282, "0x7fff"),
    "io_uring_setup": (425, 425, "1, None"),
    "io_uring_enter": (426, 426, "-1, 0, 0, 0, None, 0"),
    "init_module": (175, 105, "None, 0, None"),
    "finit_module": (313, 273, "-1, b'', 0"),
    "delete_module": (176, 106, "b'covey-no-such', 0"),
    "kexec_load": (246, 104, "None, 99, None, 0"),
    "open_by_handle_at": (304, 265, "-1, None, 0"),
    "fanotify_init": (300, 262, "0xffffffff, 0"),
    "swapon": (167, 224, "b'/covey-no-such', 0"),
    "acct": (163, 89, "b'/covey-no-such'"),
    "quotactl": (179, 60, "0, b'/covey-no-such', 0, None"),
    "syslog": (103, 116, "10, None, 0"),
    "settimeofday": (164, 170, "None, ctypes.byref((ctypes.c_int * 2)(9999999, 0))"),
    "sethostname": (170, 161, "b'x', -1"),
    "memfd_secret": (447, 447, "0xffff"),
    "openat2": (437, 437, "-1, b'', None, 0"),
}

_SCRIPT = """
import ctypes, errno, json, os
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def attempt(name, number, arguments):
    read, write = os.pipe()
    if os.fork() == 0:
        words = [a if not isinstance(a, int) else ctypes.c_long(a) for a in eval("(" + arguments + ",)")]
        code = 0 if libc.syscall(ctypes.c_long(number), *words) >= 0 else ctypes.get_errno()
        os.write(write, str(code).encode())
        os._exit(0)
    os.close(write)
    found[name] = os.read(read, 10).decode() or "killed"
    os.close(read)
    os.wait()
for name, (number, arguments) in CALLS.items():
    attempt(name, number, arguments)
print(json.dumps(found))
"""

_DENIED = {"1", "13", "38", "killed"}  # EPERM, EACCES, ENOSYS

_outcomes: dict[str, dict[str, str]] = {}


def _script() -> str:
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    if column is None:
        pytest.skip("the numbers of this architecture's system calls are not known")
    calls = {name: (entry[column], entry[2]) for name, entry in _CALLS.items()}
    return f"CALLS = {calls!r}\n{_SCRIPT}"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(params=CONTAINING)
async def sandbox(request: pytest.FixtureRequest, scratch: Path) -> Sandbox:
    return await make(request.param, scratch)


@pytest.fixture(scope="module")
def outside() -> dict[str, str]:
    """What the same calls give outside: the positive controls."""
    found: dict[str, str] = json.loads(unsandboxed(_script()))
    return found


@pytest.mark.parametrize("name", _CALLS)
async def test_a_dangerous_system_call_is_denied(sandbox: Sandbox, outside: dict[str, str], name: str) -> None:
    if sandbox.name not in _outcomes:  # all in one execution
        result = await sandbox.exec(python(_script()))
        assert result.exit_code == 0, result
        _outcomes[sandbox.name] = json.loads(text(result))
    if outside[name] in _DENIED:
        pytest.skip(f"outside it is denied to this user as well (error {outside[name]})")
    assert _outcomes[sandbox.name][name] in _DENIED


@pytest.mark.parametrize("request_number", ["0x5412", "0x5412 | 1 << 32", "0x541C"])
async def test_nothing_can_be_typed_into_a_terminal(sandbox: Sandbox, request_number: str) -> None:
    script = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def typed(fd):
    if libc.ioctl(fd, ctypes.c_ulong({request_number}), ctypes.c_char_p(b"x")) == 0:
        return 0
    return ctypes.get_errno()
read, write = os.pipe()
try:
    main, other = os.openpty()
    name = os.ttyname(other)
    if os.fork() == 0:
        os.setsid()
        os.write(write, str(typed(os.open(name, os.O_RDWR))).encode())
        os._exit(0)
    print(os.read(read, 10).decode())
except OSError as error:
    print(error.errno)
"""
    expected = {"0", "25", "22"} if request_number == "0x541C" else {"0"}  # only a real console knows TIOCLINUX
    if (control := unsandboxed(script).strip()) not in expected:
        pytest.skip(f"this kernel denies it to everyone (error {control})")
    assert text(await sandbox.exec(python(script))).strip() in {"1", "13", "2"}


async def test_a_namespace_cannot_be_entered_by_clone_either(sandbox: Sandbox) -> None:
    number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    script = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
pid = libc.syscall(ctypes.c_long({number}), ctypes.c_long(0x10000011), None, None, None, None)
if pid == 0:
    os._exit(0)
print(ctypes.get_errno() if pid < 0 else "made")
"""
    if unsandboxed(script).strip() != "made":
        pytest.skip("new user namespaces are denied to everyone here")
    assert text(await sandbox.exec(python(script))) == "1\n"


async def test_calls_of_the_x32_kind_are_denied(sandbox: Sandbox) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("only x86_64 has them")
    script = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall(ctypes.c_long(0x40000000 | 101), 0), ctypes.get_errno())
"""
    assert text(await sandbox.exec(python(script))) == "-1 38\n"


async def test_calls_of_a_32_bit_program_end_it(sandbox: Sandbox) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("only x86_64 is known here to take calls of another architecture")
    # mov eax, 20 (getpid); int 0x80; ret
    script = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
print("BREACH" if call() > 0 else "no such calls here")
"""
    if "BREACH" not in unsandboxed(script):
        pytest.skip("this kernel takes no 32-bit calls")
    result = await sandbox.exec(python(script))
    assert (result.signal, result.stdout) == (31, b"")
