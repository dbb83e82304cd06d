from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from covey.core.errors import ContextOverflow, UnusableModel
from covey.core.model import ChatMessage, Sampling, Schema
from covey.models.backends.llama_server import LlamaServerBackend
from covey.models.http import HttpClient
from covey.models.spec import EngineSpec
from covey.testing.gguf import write_speaking
from support_llama_server import write_llama_server

pytestmark = pytest.mark.requirement("A5")

TEXT = '{"name": "a wren", "ok": true}'
ASK = (ChatMessage(role="user", content="a <|im_end|> b"),)
SCHEMA: Schema = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "ok": {"type": "boolean"}},
    "required": ["name", "ok"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speaking(tmp_path_factory.mktemp("model") / "speaking.gguf", TEXT)


UPSTREAM = shutil.which("llama-server")


@pytest.fixture(params=["stand-in", UPSTREAM] if UPSTREAM else ["stand-in"])
def binary(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The stand-in, and upstream's own program where this machine has it."""
    if request.param == "stand-in":
        return str(write_llama_server(tmp_path / "llama-server"))
    return str(request.param)


def _backend(path: Path, binary: str, on_event: Callable[[str], None] = print, **spec: Any) -> LlamaServerBackend:
    given = {"context": 512, "threads": 1} | spec
    return LlamaServerBackend(EngineSpec(path=str(path), **given), binary, on_event=on_event)


async def test_the_user_s_own_engine_answers(model: Path, binary: str, tmp_path: Path) -> None:
    async with _backend(model, binary, parallel=2, slots_folder=str(tmp_path)) as backend:
        answer = await backend.complete(ASK, None, Sampling(max_tokens=200), id_slot=0)
        structured = await backend.complete(ASK, SCHEMA, Sampling(max_tokens=200), id_slot=0)
        capabilities = await backend.capabilities()
        count = await backend.count(ASK)
        saved = await backend.save_slot("state")
        assert await backend.restore_slot("state") == saved > count
        with pytest.raises(ContextOverflow):
            await backend.complete([ChatMessage(role="user", content="x" * 600)], None, Sampling())
    assert answer.text == TEXT
    assert answer.usage.prefilled == count
    assert structured.usage.reused == count - 1
    assert json.loads(structured.text).keys() == {"name", "ok"}
    assert (capabilities.context, capabilities.parallel, capabilities.slots) == (512, 2, True)


async def test_its_key_is_asked_for_and_in_no_argument_or_environment(model: Path, binary: str) -> None:
    async with _backend(model, binary) as backend:
        await backend.start()
        client = backend._running.client._http  # type: ignore[union-attr]
        process = Path(f"/proc/{backend.pid}")
        seen = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        assert client._key.encode() not in seen
        assert str(model).encode() in seen
        stranger = HttpClient(client.url)
        with pytest.raises(UnusableModel, match="401"):
            await stranger.get_json("/props")
        await stranger.aclose()


async def test_it_is_brought_back_after_a_crash(model: Path, binary: str) -> None:
    events: list[str] = []
    async with _backend(model, binary, events.append) as backend:
        await backend.start()
        pid = backend.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that the request waits for the engine that is about to be killed
        os.kill(pid, signal.SIGKILL)
        assert (await backend.complete(ASK, None, Sampling(max_tokens=200))).text == TEXT
        assert backend.pid != pid
    assert len(events) == 1


async def test_a_damaged_file_and_an_unknown_option_are_the_user_s_to_mend(binary: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"no model" * 100)
    async with _backend(bad, binary) as backend:
        with pytest.raises(UnusableModel, match="damaged"):
            await backend.capabilities()
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho 'error: invalid argument: --fit' >&2\nexit 1\n")
    old.chmod(0o755)
    async with _backend(bad, str(old)) as backend:
        with pytest.raises(UnusableModel, match="newer version"):
            await backend.capabilities()
