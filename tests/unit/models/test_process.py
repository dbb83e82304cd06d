from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from covey.core.errors import CoveyError, EngineError, EngineOutOfMemory, UnusableModel
from covey.models.process import HEAD_BYTES, TAIL_BYTES, EngineProcess

LONG = 60.0
READY = "import sys, time; print('ready', flush=True); "


async def _started(code: str, line: bytes = b"", *, keep_input: bool = True) -> EngineProcess:
    return await EngineProcess.start([sys.executable, "-c", code], line=line, title="The engine", keep_input=keep_input)


async def _failure(code: str) -> CoveyError:
    process = await _started(code)
    try:
        await process.ready_line(LONG)
    except CoveyError as error:
        return error
    finally:
        await process.stop()
    raise AssertionError("it was ready")


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


async def test_a_program_gets_its_line_and_says_that_it_is_ready() -> None:
    process = await _started("import sys; print(input()[::-1], flush=True); sys.stdin.read()", b"abc\n")
    assert await process.ready_line(LONG) == b"cba\n"
    assert process.running
    assert process.rss_bytes() > 1 << 20
    await process.stop()
    await process.stop()
    assert not process.running
    assert process.rss_bytes() == 0


async def test_input_ends_at_once_where_it_is_not_kept_open() -> None:
    process = await _started("import sys; print(len(sys.stdin.read()), flush=True)", b"key\n", keep_input=False)
    assert await process.ready_line(LONG) == b"4\n"
    await process.stop()


async def test_beginning_and_end_of_a_long_log_are_kept_whatever_its_bytes() -> None:
    size = HEAD_BYTES + 4 * TAIL_BYTES
    process = await _started(
        f"import sys; sys.stderr.buffer.write(b'first\\xff' + b'.' * {size} + b'last'); print('ready', flush=True)"
    )
    await process.ready_line(LONG)
    assert await process.exited() == 0
    log = process.log()
    assert log.startswith("first\ufffd")
    assert log.endswith("last")
    assert len(log) < HEAD_BYTES + TAIL_BYTES + 100
    await process.stop()


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("import sys; sys.exit('ggml: failed to allocate buffer of size 9')", EngineOutOfMemory, "no memory"),
        ("import os; os.kill(os.getpid(), 9)", EngineOutOfMemory, "no memory"),
        ("import sys; sys.exit('error loading model: corrupted or incomplete')", UnusableModel, "damaged"),
        ("import sys; sys.exit('q8_0 with block size 32 does not divide 16')", UnusableModel, "settings"),
        ("import sys; sys.exit('error: invalid argument: --new')", UnusableModel, "newer version"),
        ("import os; os.abort()", EngineError, "signal 6"),
        ("", EngineError, "exit code 0"),
    ],
)
async def test_an_end_while_loading_is_explained_by_the_engine_s_own_words(
    code: str, error: type[CoveyError], words: str
) -> None:
    caught = await _failure(code)
    assert type(caught) is error
    assert words in str(caught)


async def test_a_program_that_is_killed_later_had_memory() -> None:
    process = await _started(READY + "time.sleep(600)")
    await process.ready_line(LONG)
    os.kill(process.pid, signal.SIGKILL)
    assert await process.ended_within(LONG)
    assert type(process.failure(loading=False)) is EngineError
    await process.stop()


async def test_a_program_that_is_never_ready_is_given_up() -> None:
    process = await _started("import time; time.sleep(600)")
    with pytest.raises(EngineError, match="was not ready"):
        await process.ready_line(0.05)
    assert not await process.ended_within(0.05)
    await process.stop()
    assert not _alive(process.pid)


async def test_a_program_that_does_not_exist_is_the_user_s_to_mend() -> None:
    with pytest.raises(UnusableModel, match="cannot be started"):
        await EngineProcess.start(["/no/such/engine"], line=b"", title="The engine", keep_input=True)


async def test_a_program_that_ignores_termination_and_its_children_are_killed() -> None:
    process = await _started(
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(child.pid, flush=True); time.sleep(600)"
    )
    child = int(await process.ready_line(LONG))
    assert _alive(child)
    await process.stop(grace_s=0.05)
    assert not _alive(process.pid)
    async with asyncio.timeout(LONG):
        while _alive(child):  # noqa: ASYNC110 - nothing tells of a stranger's end
            await asyncio.sleep(0.01)


async def test_cancelling_whoever_waits_leaves_the_program_to_be_stopped() -> None:
    process = await _started("import time; time.sleep(600)")
    waiting = asyncio.ensure_future(process.ready_line(LONG))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await process.stop()
    assert not _alive(process.pid)


async def test_a_stop_that_is_cancelled_still_kills() -> None:
    process = await _started(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY + "time.sleep(600)"
    )
    await process.ready_line(LONG)
    stopping = asyncio.ensure_future(process.stop(grace_s=600))
    await asyncio.sleep(0.05)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert await process.ended_within(LONG)


async def test_secrets_in_a_log_are_not_shown_in_errors() -> None:
    token = "ghp_" + "a1B2" * 10
    caught = await _failure(f"import sys; sys.exit('token {token}')")
    assert token not in caught.detail
    assert "token" in caught.detail
