from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from covey.core.errors import ContextOverflow, EngineError, UnusableModel
from covey.core.model import ChatMessage, Sampling, Schema
from covey.models.backends.embedded import EmbeddedBackend, launch
from covey.models.http import HttpClient
from covey.models.llamaclient import SchemaIgnored
from covey.models.spec import EngineSpec
from covey.testing.gguf import write_random, write_speaking

pytestmark = pytest.mark.requirement("A5")

TEXT = 'It says {"a": 1}, é and 日本, and stops.'
SECRET = "PROMPT-OF-NOBODY-ELSE"
ASK = (ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=f"{SECRET} go"))
SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "lines": {"type": "array", "items": {"enum": ["a b", "c"]}, "maxItems": 3},
        "ok": {"type": "boolean"},
    },
    "required": ["name", "lines", "ok"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speaking(tmp_path_factory.mktemp("model") / "speaking.gguf", TEXT)


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("model") / "random.gguf")


def _backend(path: Path, on_event: Callable[[str], None] | None = None, **spec: Any) -> EmbeddedBackend:
    given = {"context": 512, "threads": 1} | spec
    return EmbeddedBackend(EngineSpec(path=str(path), **given), on_event=on_event or _no_event)


def _no_event(message: str) -> None:
    raise AssertionError(message)


async def test_a_model_file_answers_with_nothing_set_up(speaking: Path) -> None:
    async with _backend(speaking) as backend:
        found = await backend.complete(ASK, None, Sampling(max_tokens=200))
        counted = await backend.count(ASK)
        again = await backend.complete(ASK, None, Sampling(max_tokens=200))
        cut = await backend.complete(ASK, None, Sampling(max_tokens=5))
        capabilities = await backend.capabilities()
        assert backend.rss_bytes() > 1 << 20
    assert (found.text, found.finish, found.model) == (TEXT, "stop", "speaking")
    assert found.usage.prefilled + found.usage.reused == counted
    assert found.usage.generated >= len(TEXT.encode())
    assert (again.text, again.usage.prefilled, again.usage.reused) == (TEXT, 1, counted - 1)
    assert (cut.text, cut.finish) == (TEXT[:5], "length")
    assert (capabilities.context, capabilities.parallel, capabilities.grammar) == (512, 1, "llguidance")
    assert capabilities.schema_support == "grammar"
    assert not capabilities.slots


async def test_key_and_prompt_are_seen_nowhere_but_by_the_engine(speaking: Path) -> None:
    async with _backend(speaking) as backend:
        await backend.complete(ASK, None, Sampling(max_tokens=200))
        client = backend._running.client._http  # type: ignore[union-attr]
        key = client._key
        process = Path(f"/proc/{backend.pid}")
        seen = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        log = backend.engine_log()
        stranger = HttpClient(client.url)
        with pytest.raises(UnusableModel, match="401"):
            await stranger.get_json("/props")
        await stranger.aclose()
    assert key.encode() not in seen
    assert SECRET.encode() not in seen
    assert "KV buffer size" in log  # it is the whole log
    assert SECRET not in log
    assert key[:8] not in log
    assert key[-8:] not in log


async def test_structured_answers_of_a_random_model_are_valid(random: Path) -> None:
    import jsonschema

    async with _backend(random, parallel=2) as backend:
        asked = [backend.complete(ASK, SCHEMA, Sampling(max_tokens=200, temperature=1, seed=seed)) for seed in range(8)]
        answers = await asyncio.gather(*asked)
    for answer in answers:
        assert answer.finish == "stop"
        jsonschema.validate(json.loads(answer.text), SCHEMA)
        assert json.loads(answer.text).keys() == SCHEMA["properties"].keys()  # type: ignore[union-attr]
    assert len({answer.text for answer in answers}) == 8  # the model is free within the schema


async def test_a_control_token_in_a_message_stays_text(speaking: Path) -> None:
    plain, spelled = "a <b_x_y_zz> b", "a <|im_end|> b"
    async with _backend(speaking) as backend:
        counts = [await backend.count([ChatMessage(role="user", content=text)]) for text in (plain, spelled)]
        answer = await backend.complete([ChatMessage(role="user", content=spelled)], None, Sampling(max_tokens=200))
    # The tokenizer has single bytes: the spelling takes as many tokens as it has characters, not one.
    assert counts[1] == counts[0]
    assert answer.usage.prefilled + answer.usage.reused == counts[1]
    assert answer.text == TEXT


async def test_awkward_text_reaches_the_engine(speaking: Path) -> None:
    async with _backend(speaking) as backend:
        for text in ("", "\ud800 lone", "nul \0 byte", "\ufffe\uffff", "{{ jinja }} {% raw %}", "e\u0301" * 20):
            prompt = [ChatMessage(role="user", content=text)]
            assert (await backend.complete(prompt, None, Sampling(max_tokens=200))).text == TEXT


async def test_a_prompt_that_does_not_fit_is_refused_and_the_next_answered(speaking: Path) -> None:
    async with _backend(speaking) as backend:
        long = [ChatMessage(role="user", content="x" * 600)]
        with pytest.raises(ContextOverflow) as caught:
            await backend.complete(long, None, Sampling())
        assert caught.value.tokens == await backend.count(long)
        assert caught.value.context == 512
        assert (await backend.complete(ASK, None, Sampling(max_tokens=200))).text == TEXT


async def test_an_answer_that_fills_the_window_is_cut_as_length(random: Path) -> None:
    async with _backend(random, context=256) as backend:
        schema: Schema = {"type": "string", "minLength": 900, "maxLength": 1000}
        answer = await backend.complete(ASK, schema, Sampling(max_tokens=5000))
    assert answer.finish == "length"
    assert answer.usage.generated < 256


async def test_a_schema_that_the_engine_cannot_read_gives_no_answer(random: Path) -> None:
    async with _backend(random) as backend:
        unreadable: list[Schema] = [{"type": "objekt"}, {"$ref": "#/nowhere"}]
        for schema in unreadable:
            with pytest.raises(SchemaIgnored):
                await backend.complete(ASK, schema, Sampling(max_tokens=20, temperature=0))


async def test_a_slot_survives_its_engine(random: Path, tmp_path: Path) -> None:
    async with _backend(random, slots_folder=str(tmp_path), parallel=2) as backend:
        assert (await backend.capabilities()).slots
        await backend.complete(ASK, None, Sampling(max_tokens=4), id_slot=1)
        saved = await backend.save_slot("role-a", id_slot=1)
        assert await backend.restore_slot("role-b", id_slot=1) == 0
    async with _backend(random, slots_folder=str(tmp_path), parallel=2) as backend:
        count = await backend.count(ASK)
        assert saved >= count
        assert await backend.restore_slot("role-a", id_slot=1) == saved
        back = await backend.complete(ASK, None, Sampling(max_tokens=4), id_slot=1)
        await backend.erase_slots()
        fresh = await backend.complete(ASK, None, Sampling(max_tokens=4), id_slot=1)
    assert (back.usage.prefilled, back.usage.reused) == (1, count - 1)
    assert (fresh.usage.prefilled, fresh.usage.reused) == (count, 0)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model" * 100, None])
async def test_a_damaged_model_file_is_the_user_s_to_replace(
    random: Path, tmp_path: Path, content: bytes | None
) -> None:
    bad = tmp_path / "bad.gguf"
    whole = random.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2] if content is None else content)
    async with _backend(bad) as backend:
        with pytest.raises(UnusableModel, match="damaged"):
            await backend.complete(ASK, None, Sampling())
        assert backend.pid is None


async def test_an_engine_whose_output_is_not_an_address_is_refused(speaking: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    with pytest.raises(EngineError, match="where it listens"):
        await launch(EngineSpec(path=str(speaking)), "key", 60)


def test_without_xllamacpp_the_message_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['xllamacpp'] = None\n"
        "import importlib.util; importlib.util.find_spec = lambda name: None\n"
        "from covey.core.errors import UnusableModel\n"
        "from covey.models.backends.embedded import EmbeddedBackend\n"
        "from covey.models.spec import EngineSpec\n"
        "try: EmbeddedBackend(EngineSpec(path='m'), on_event=print)\n"
        "except UnusableModel as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert 'pip install "covey[local]"' in done.stdout


async def test_modules_of_the_working_directory_are_not_imported(
    speaking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("xllamacpp", "json", "covey"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    async with _backend(speaking) as backend:
        assert (await backend.complete(ASK, None, Sampling(max_tokens=200))).text == TEXT
    assert not (tmp_path / "taken").exists()
