"""Outliving, killing, and being orphaned: nothing of a sandbox is left, whoever dies first."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from covey.core.errors import SandboxError
from covey.execution import cgroups
from support_sandbox import (
    CONTAINING,
    KINDS,
    Beacon,
    attack,
    holds,
    left_behind,
    make,
    marked,
    marker,
    plant,
    python,
    succeeds_unsandboxed,
    text,
)

_RUNNER = """
import asyncio, sys
from pathlib import Path
from covey.core.execution import ExecSpec, Limits, Mount, Tree
from covey.execution.sandboxes.select import choose
kind, scratch, base, beacon, word, python = sys.argv[1:]
folder = str(Path(beacon).parent)
code = '''
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write("lit")
        time.sleep(60)
    os._exit(0)
time.sleep(60)
'''
async def main():
    sandbox = await choose(kind, Path(scratch))
    await sandbox.exec(ExecSpec(
        argv=(python, "-c", code, beacon, word),
        tree=Tree(base=base, root="/srv/project"),
        mounts=(Mount(source=folder, target=folder, mode="rw"), Mount(source=sys.base_prefix, target=sys.base_prefix)),
    ))
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_left_when_covey_itself_is_killed(kind: str, tmp_path: Path) -> None:
    owner = (await make(kind, tmp_path / "own-scratch")).owner
    base, beacon, word = plant(tmp_path / "base", {"a": ""}, owner), Beacon(tmp_path / "beacon", owner), marker()
    scratch = tmp_path / "scratch"
    words = [kind, str(scratch), str(base), beacon.path, word, str(Path(sys.executable).resolve())]
    runner = _runner(words)
    try:
        await beacon.lit()
        everything = psutil.Process(runner.pid).children(recursive=True) + marked(word)
        assert len(everything) > 2
    finally:
        runner.kill()
        runner.wait()
    _, alive = psutil.wait_procs(everything, timeout=20)
    assert alive == []
    assert marked(word) == []
    assert left_behind(scratch) == []


def _runner(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{_RUNNER}", *words])


async def test_bubblewrap_ends_when_its_supervisor_is_killed(scratch: Path, tmp_path: Path) -> None:
    sandbox = await make("bubblewrap", scratch)
    beacon, word = Beacon(tmp_path / "beacon", sandbox.owner), marker()
    script = "import os, sys, time; os.fork(); open(sys.argv[1], 'w').write('lit'); time.sleep(60)"
    running = asyncio.create_task(sandbox.exec(python(script, beacon.path, word, mounts=(beacon.mount,))))
    await beacon.lit(running)
    everything = psutil.Process().children(recursive=True)
    supervisors = psutil.Process().children()
    assert len(supervisors) == 1
    assert len(everything) > 3
    supervisors[0].kill()
    with pytest.raises(SandboxError, match="without a report"):
        await running
    _, alive = psutil.wait_procs([process for process in everything if process not in supervisors], timeout=20)
    assert alive == []
    await sandbox.probe()
    left = [path for path in left_behind(scratch) if "covey-" in path]
    assert [path for path in left if Path(path, "cgroup.procs").read_text()] == []
    cgroups.prepare()  # the next Covey sweeps the empty groups
    assert left_behind(scratch) == []


@pytest.mark.parametrize("kind", CONTAINING)
async def test_processes_of_the_host_cannot_be_signalled(kind: str, scratch: Path) -> None:
    sandbox = await make(kind, scratch)
    script = attack("os.kill(int(sys.argv[1]), int(sys.argv[2]))")
    with _victim() as control:
        succeeds_unsandboxed(script, str(control.pid), str(signal.SIGTERM.value))
        assert control.wait(10) == -signal.SIGTERM
    with _victim() as victim:
        for number in (signal.SIGTERM, signal.SIGKILL):
            await holds(sandbox, python(script, str(victim.pid), str(int(number))))
        await holds(sandbox, python(script, str(os.getpid()), "0"))
        assert victim.poll() is None


async def test_a_signal_to_everyone_stays_inside(scratch: Path) -> None:
    sandbox = await make("bubblewrap", scratch)  # only where everyone is a namespace
    with _victim() as victim:
        script = "import os, time\nif not os.fork(): time.sleep(60)\nos.kill(-1, 9); print(os.wait()[1])"
        assert text(await sandbox.exec(python(script))) == "9\n"
        assert victim.poll() is None


@contextmanager
def _victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        try:
            yield process
        finally:
            process.kill()
