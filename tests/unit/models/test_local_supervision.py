from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from covey.core.errors import ContextOverflow, EngineError, EngineOutOfMemory, UnusableModel
from covey.core.model import ChatMessage, Sampling
from covey.models.httperrors import HttpLimits
from covey.models.local import LocalBackend, Supervision
from covey.models.process import EngineProcess
from covey.models.spec import EngineSpec
from support_engine import Exchange, serving

ASK = (ChatMessage(role="user", content="say"),)
RIGHT: list[Any] = [{"content": "right"}, {"content": "", "stop": True, "stop_type": "eos"}]
SILENT: list[Any] = [{"content": "wrong"}]
GARBAGE: list[Any] = [{"content": "wrong"}, "garbage"]


class Engine:
    """A llama-server of this process behind a program that only lives: what it streams, one list per request."""

    def __init__(self, tmp_path: Path) -> None:
        self.model = tmp_path / "model.gguf"
        self.model.write_bytes(b"GGUF")
        self.url = ""
        self.answers: list[Any] = []
        self.loads: list[str] = []  # programs to run instead, one per start
        self.contexts: list[int] = []
        self.pids: list[int] = []
        self.events: list[str] = []
        self.slept: list[float] = []
        self.asked = asyncio.Semaphore(0)  # one for each request that came through

    async def launch(self, spec: EngineSpec, key: str, load_s: float) -> tuple[EngineProcess, str]:
        assert key.endswith("-key")
        self.contexts.append(spec.context)
        code = self.loads.pop(0) if self.loads else "print('ready', flush=True); import sys; sys.stdin.read()"
        process = await EngineProcess.start([sys.executable, "-c", code], line=b"", title="The engine", keep_input=True)
        self.pids.append(process.pid)
        try:
            await process.ready_line(load_s)
        except BaseException:
            await process.stop()
            raise
        return process, self.url

    async def handle(self, exchange: Exchange) -> None:
        body: Any = json.loads(exchange.body) if exchange.body else {}
        if exchange.path == "/health":
            await exchange.answer(200, {"status": "ok"})
        elif exchange.path == "/props":
            await exchange.answer(200, {"total_slots": 1, "default_generation_settings": {"n_ctx": self.contexts[-1]}})
        elif exchange.path == "/apply-template":
            await exchange.answer(200, {"prompt": "say"})
        elif exchange.path == "/tokenize":
            await exchange.answer(200, {"tokens": [1, 2, 3]})
        elif exchange.path == "/completion" and "grammar" in body:
            await exchange.answer(200, {"content": "ok"})
        elif exchange.path == "/completion":
            await self._complete(exchange)
        else:
            await exchange.answer(501, {})

    async def _complete(self, exchange: Exchange) -> None:
        answer = self.answers.pop(0)
        self.asked.release()
        if isinstance(answer, int):
            await exchange.answer(answer, {"error": {"message": "context_length_exceeded" if answer == 400 else "no"}})
            return
        await exchange.begin_stream()
        for event in answer:
            if event == "die":
                os.kill(self.pids[-1], signal.SIGKILL)
                return
            if event == "garbage":
                await exchange.send(b"data: \xff{{{\n\n")
                return
            await exchange.event(event)
        await exchange.gone()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[Engine, None]:
    made = Engine(tmp_path)
    async with serving(made.handle) as server:
        made.url = server.url
        yield made


@asynccontextmanager
async def _backend(engine: Engine, *, silence_s: float = 60, **spec: Any) -> AsyncGenerator[LocalBackend, None]:
    limits = HttpLimits(first_s=60, silence_s=silence_s, loading_s=1)
    patience = Supervision(tries=3, backoff_s=0.5, load_s=60, min_context=512, http=limits)
    backend = LocalBackend(
        EngineSpec(path=str(engine.model), **spec),
        engine.launch,
        on_event=engine.events.append,
        supervision=patience,
        sleep=engine.sleep,
    )
    async with backend:
        yield backend


async def test_an_engine_starts_with_the_first_request_and_ends_with_the_block(engine: Engine) -> None:
    engine.answers = [RIGHT]
    async with _backend(engine) as backend:
        assert backend.pid is None
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
        assert backend.pid == engine.pids[0]
    assert backend.pid is None
    assert engine.events == []
    with pytest.raises(EngineError, match="closed"):
        await backend.complete(ASK, None, Sampling())


@pytest.mark.parametrize("bad", [["die"], [{"content": "wro"}, "die"], GARBAGE, 500, [RIGHT[0], "die"]])
async def test_a_failed_engine_is_replaced_and_asked_again_from_the_start(engine: Engine, bad: Any) -> None:
    engine.answers = [bad, RIGHT]
    async with _backend(engine) as backend:
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
    assert len(set(engine.pids)) == 2
    assert len(engine.events) == 1
    assert "started again" in engine.events[0]


async def test_a_silent_engine_is_replaced(engine: Engine) -> None:
    engine.answers = [SILENT, RIGHT]
    async with _backend(engine, silence_s=0.3) as backend:
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
    assert "silent" in engine.events[0]


async def test_tries_are_bounded_and_wait_longer_each_time(engine: Engine) -> None:
    engine.answers = [["die"]] * 3
    async with _backend(engine) as backend:
        with pytest.raises(EngineError, match="signal 9"):
            await backend.complete(ASK, None, Sampling())
        engine.answers = [RIGHT]
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
    assert engine.slept == [0.5, 1.0]


async def test_what_a_new_engine_would_only_repeat_is_not_tried_again(engine: Engine) -> None:
    engine.answers = [400, 418]
    async with _backend(engine) as backend:
        with pytest.raises(ContextOverflow):
            await backend.complete(ASK, None, Sampling())
        with pytest.raises(EngineError, match="418"):
            await backend.complete(ASK, None, Sampling())
    assert len(engine.pids) == 1


async def test_an_engine_that_died_between_requests_is_started_again(engine: Engine) -> None:
    engine.answers = [RIGHT, RIGHT]
    async with _backend(engine) as backend:
        await backend.complete(ASK, None, Sampling())
        running = backend._running
        assert running is not None
        os.kill(engine.pids[0], signal.SIGKILL)
        await running.process.exited()
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
    assert len(engine.pids) == 2
    assert len(engine.events) == 1


async def test_short_memory_means_half_the_context_down_to_the_floor(engine: Engine) -> None:
    short = "import sys; sys.exit('failed to allocate buffer')"
    engine.loads = [short, short]
    engine.answers = [RIGHT]
    async with _backend(engine, context=2000) as backend:
        assert (await backend.capabilities()).context == 512
        assert backend.spec.context == 512
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
    assert engine.contexts == [2000, 1000, 512]
    assert ["1000" in engine.events[0], "512" in engine.events[1], len(engine.events)] == [True, True, 2]


async def test_no_memory_even_for_the_smallest_context_is_out_of_memory(engine: Engine) -> None:
    engine.loads = ["import sys; sys.exit('out of memory')"] * 9
    async with _backend(engine, context=1024) as backend:
        with pytest.raises(EngineOutOfMemory):
            await backend.complete(ASK, None, Sampling())
    assert engine.contexts == [1024, 512]


async def test_a_crash_while_loading_is_tried_again_but_an_unusable_file_is_not(engine: Engine) -> None:
    engine.loads = ["import os; os.abort()"]
    engine.answers = [RIGHT]
    async with _backend(engine) as backend:
        assert (await backend.complete(ASK, None, Sampling())).text == "right"
    engine.loads = ["import sys; sys.exit('failed to load model')"]
    async with _backend(engine) as backend:
        with pytest.raises(UnusableModel):
            await backend.complete(ASK, None, Sampling())
    assert len(engine.pids) == 3


async def test_a_missing_file_is_found_before_anything_starts(engine: Engine) -> None:
    engine.model.unlink()
    async with _backend(engine) as backend:
        with pytest.raises(UnusableModel, match="no model file"):
            await backend.capabilities()
    assert engine.pids == []


async def test_requests_above_the_number_of_slots_wait(engine: Engine) -> None:
    engine.answers = [SILENT, RIGHT]
    async with _backend(engine) as backend:
        first = asyncio.ensure_future(backend.complete(ASK, None, Sampling()))
        await engine.asked.acquire()
        second = asyncio.ensure_future(backend.complete(ASK, None, Sampling()))
        assert await backend.count(ASK) == 3  # counting takes no slot
        assert engine.answers == [RIGHT]  # the second has not been asked
        first.cancel()
        assert (await second).text == "right"
    assert len(engine.pids) == 1


async def test_one_crash_under_two_requests_starts_one_engine(engine: Engine) -> None:
    engine.answers = [SILENT, ["die"], RIGHT, RIGHT]
    async with _backend(engine, parallel=2) as backend:
        await backend.start()
        first = asyncio.ensure_future(backend.complete(ASK, None, Sampling()))
        await engine.asked.acquire()
        second = await backend.complete(ASK, None, Sampling())
        first.cancel()  # this process answers for the engine, so the first stream outlives it
        assert second.text == "right"
    assert len(engine.pids) == 2


async def test_closing_ends_whoever_still_waits(engine: Engine) -> None:
    engine.answers = [SILENT]
    async with _backend(engine) as backend:
        waiting = asyncio.ensure_future(backend.complete(ASK, None, Sampling()))
        await engine.asked.acquire()
    with pytest.raises(EngineError):
        await waiting
    assert len(engine.pids) == 1


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 101])
async def test_names_of_slot_states_cannot_leave_their_folder(engine: Engine, name: str) -> None:
    async with _backend(engine, slots_folder="/somewhere") as backend:
        with pytest.raises(ValueError, match="slot state"):
            await backend.save_slot(name)
    async with _backend(engine) as backend:
        with pytest.raises(EngineError, match="slots_folder"):
            await backend.restore_slot("fine")
