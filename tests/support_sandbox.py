"""What the tests of sandboxes share: trees, interpreters, markers, and a look at what is left on the host."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from covey.core.errors import NoSandbox
from covey.core.execution import ExecResult, ExecSpec, Limits, Mount, Tree
from covey.core.protocols import Sandbox
from covey.execution import cgroups
from covey.execution.sandboxes.select import choose

_SYSTEM_PYTHON = Path("/usr/bin/python3")
PYTHON = str(_SYSTEM_PYTHON if _SYSTEM_PYTHON.exists() else Path(sys.executable).resolve())
PYTHON_MOUNTS = () if _SYSTEM_PYTHON.exists() else (Mount(source=sys.base_prefix, target=sys.base_prefix),)

_MADE: dict[tuple[str, Path], Sandbox] = {}

KINDS = ("bubblewrap", "landlock", "none")


async def make(kind: str, scratch: Path) -> Sandbox:
    """Return a working sandbox, or skip the test and say why; one for each kind and scratch folder."""
    if (kind, scratch) not in _MADE:
        try:
            _MADE[kind, scratch] = await choose(kind, scratch)
        except NoSandbox as error:
            pytest.skip(f"{kind} does not work here: {error}")
    return _MADE[kind, scratch]


def plant(folder: Path, files: dict[str, str], owner: int | None) -> Path:
    """Write ``files`` below ``folder`` and give everything to ``owner``."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if owner is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)
    return folder


def snapshot(folder: Path) -> dict[str, object]:
    """Describe everything below ``folder``: kind, mode, content."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        content: object = None
        if path.is_symlink():
            content = path.readlink()
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (info.st_mode, info.st_uid, content)
    return found


def shell(
    script: str, *words: str, tree: Tree | None = None, limits: Limits | None = None, env: dict[str, str] | None = None
) -> ExecSpec:
    """Return a spec that runs a shell script; ``words`` are its ``$1`` and on."""
    argv = ("/bin/sh", "-c", script, "sh", *words)
    return ExecSpec(argv=argv, tree=tree, limits=limits or Limits(wall_s=30.0), env=env or {})


def python(
    script: str,
    *words: str,
    tree: Tree | None = None,
    limits: Limits | None = None,
    mounts: tuple[Mount, ...] = (),
    network: bool = False,
) -> ExecSpec:
    """Return a spec that runs a Python script; ``words`` are its ``sys.argv[1:]``."""
    return ExecSpec(
        argv=(PYTHON, "-c", script, *words),
        tree=tree,
        limits=limits or Limits(wall_s=30.0),
        mounts=(*PYTHON_MOUNTS, *mounts),
        network=network,
    )


def unsandboxed(script: str, *words: str, pass_fds: Iterable[int] = ()) -> str:
    """Run the same Python script on the host: the positive control of an attack."""
    done = subprocess.run(
        [PYTHON, "-c", script, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        pass_fds=tuple(pass_fds),
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


class Beacon:
    """A named pipe on which a sandboxed program says that it has come so far."""

    def __init__(self, folder: Path, owner: int | None) -> None:
        folder.mkdir()
        os.mkfifo(folder / "fifo")
        for path in (folder, folder / "fifo"):
            if owner is not None:
                os.chown(path, owner, owner)
        self.path = str(folder / "fifo")
        self.mount = Mount(source=str(folder), target=str(folder), mode="rw")

    async def lit(self, running: asyncio.Future[ExecResult] | None = None) -> None:
        """Wait until the program has written; fail when it ended instead."""
        loop = asyncio.get_running_loop()
        seen = loop.create_future()
        descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        loop.add_reader(descriptor, lambda: None if seen.done() else seen.set_result(None))
        try:
            await asyncio.wait([seen, *([running] if running else [])], return_when="FIRST_COMPLETED", timeout=30)
            assert seen.done(), f"the program never came so far: {running}"
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)


def marker() -> str:
    """Return a word that names the processes of one test."""
    return f"covey-test-{uuid.uuid4().hex}"


def marked(word: str) -> list[psutil.Process]:
    """Find the host's processes that have ``word`` in their command."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(word in part for part in process.cmdline()) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def left_behind(scratch: Path) -> list[str]:
    """Name what an execution must not leave: files in scratch, mounts, control groups."""
    left = [str(path) for path in scratch.rglob("*")] if scratch.exists() else []
    left += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(scratch) in line]
    groups = cgroups.find()
    for parent in {groups["memory"], groups["pids"]} if groups else ():
        mine = Path(parent).glob(f"covey-{os.getpid()}*") if parent else ()
        left += [str(path) for path in mine]
    return left


def text(result: ExecResult) -> str:
    """Return the standard output as text."""
    return result.stdout.decode(errors="replace")


CONTAINING = ("bubblewrap", "landlock")

BREACH, HELD = "BREACH", "HELD"


def attack(body: str) -> str:
    """Return a script that does ``body`` and prints BREACH, or HELD and why when an error stops it."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return (
        "import ctypes, errno, os, socket, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(*words):\n"
        "    if libc.syscall(*words) < 0:\n"
        "        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))\n"
        f"try:\n{indented}\n    print('{BREACH}')\n"
        f"except (OSError, AssertionError) as error:\n    print('{HELD}', repr(error))\n"
    )


def succeeds_unsandboxed(script: str, *words: str) -> None:
    """Run the positive control; skip the test where this user may not do it even outside."""
    said = unsandboxed(script, *words)
    if os.geteuid() != 0 and said.startswith(HELD):
        pytest.skip(f"the kernel denies this to ordinary users anyway: {said.strip()}")
    assert said.strip().endswith(BREACH), f"the control of this attack does not work: {said}"


async def holds(sandbox: Sandbox, spec: ExecSpec) -> None:
    """Assert that the attack ran inside and was stopped."""
    result = await sandbox.exec(spec)
    said = text(result)
    assert BREACH not in said, said
    assert HELD in said, (said, result)
