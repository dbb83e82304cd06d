from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from covey.core.model import ChatMessage, Completion, Sampling
from covey.models.backends.embedded import EmbeddedBackend
from covey.models.httperrors import HttpLimits
from covey.models.local import Supervision
from covey.models.spec import EngineSpec
from covey.testing.gguf import write_speaking

pytestmark = pytest.mark.requirement("B5", "D14")

TEXT = "".join(f"{number} bottles, " for number in range(60))
ASK = (ChatMessage(role="user", content="sing"),)
LONG = 60.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speaking(tmp_path_factory.mktemp("model") / "speaking.gguf", TEXT, context=2048)


class Watched:
    """A back end with what it told and which processes it started."""

    def __init__(self, model: Path, *, silence_s: float = LONG) -> None:
        self.events: list[str] = []
        limits = HttpLimits(first_s=silence_s, silence_s=silence_s)
        self.backend = EmbeddedBackend(
            EngineSpec(path=str(model), context=2048, threads=1),
            on_event=self.events.append,
            supervision=Supervision(tries=4, backoff_s=0.01, load_s=LONG, http=limits),
        )

    @property
    def pid(self) -> int:
        found = self.backend.pid
        assert found is not None
        return found

    async def asked(self) -> asyncio.Task[Completion]:
        """Ask, and return as soon as the engine works on it."""
        before = self.backend.engine_log().count("processing task")
        task = asyncio.ensure_future(self.backend.complete(ASK, None, Sampling(max_tokens=2000)))
        async with asyncio.timeout(LONG):
            while self.backend.engine_log().count("processing task") == before and not task.done():  # noqa: ASYNC110 - a log
                await asyncio.sleep(0.001)
        return task


async def test_an_engine_killed_in_the_middle_of_its_answer_costs_nothing_but_time(model: Path) -> None:
    watched = Watched(model)
    async with watched.backend as backend:
        await backend.start()
        first = watched.pid
        while not watched.events:  # now and then the engine is faster than its killer
            task = await watched.asked()
            os.kill(watched.pid, signal.SIGKILL)
            answer = await task
            assert (answer.text, answer.finish) == (TEXT, "stop")
        assert watched.pid != first
        second = watched.pid
    assert "signal 9" in watched.events[0]
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)


async def test_an_engine_that_hangs_is_replaced(model: Path) -> None:
    watched = Watched(model, silence_s=4)
    async with watched.backend as backend:
        await backend.start()
        first = watched.pid
        os.kill(first, signal.SIGSTOP)
        answer = await backend.complete(ASK, None, Sampling(max_tokens=2000))
        assert answer.text == TEXT
        assert watched.pid != first
    assert "silent" in watched.events[0]
    assert not psutil.pid_exists(first)


async def test_cancelling_a_request_leaves_the_engine_free_for_the_next(model: Path) -> None:
    watched = Watched(model)
    async with watched.backend as backend:
        await backend.start()
        task = await watched.asked()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await backend.complete(ASK, None, Sampling(max_tokens=2000))).text == TEXT
    assert watched.events == []


async def test_cancelling_a_start_leaves_no_process(model: Path) -> None:
    before = _children()
    for _ in range(3):
        backend = Watched(model).backend
        task = asyncio.ensure_future(backend.start())
        async with asyncio.timeout(LONG):
            while _children() == before:  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await backend.aclose()
        assert _children() == before


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


@pytest.mark.parametrize("ready", [True, False])
def test_the_engine_does_not_outlive_a_parent_that_is_killed(model: Path, *, ready: bool) -> None:
    code = (
        "import asyncio, sys\n"
        "from covey.models.backends.embedded import EmbeddedBackend, launch\n"
        "from covey.models.process import EngineProcess\n"
        "from covey.models.spec import EngineSpec\n"
        f"spec = EngineSpec(path={str(model)!r}, threads=1)\n"
        "async def main():\n"
        f"    if {ready}:\n"
        "        process, _ = await launch(spec, 'key', 60)\n"
        "    else:\n"  # a worker that waits for its order
        "        worker = [sys.executable, '-P', '-m', 'covey.models.worker']\n"
        "        process = await EngineProcess.start(worker, line=b'', title='engine', keep_input=True)\n"
        "    print(process.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        assert worker.is_running()
        parent.kill()
    _gone(worker)


def test_any_program_on_the_leash_dies_with_its_parent() -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'covey.models.leash', 'sh', '-c', 'echo on; exec sleep 600'],"
        " stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        end = time.monotonic() + LONG
        while child.name() != "sleep":  # the shell is about to become it
            assert time.monotonic() < end
            time.sleep(0.01)
        parent.kill()
    _gone(child)


def _gone(process: psutil.Process) -> None:
    end = time.monotonic() + LONG
    while _running(process):
        assert time.monotonic() < end
        time.sleep(0.01)


def _running(process: psutil.Process) -> Any:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
