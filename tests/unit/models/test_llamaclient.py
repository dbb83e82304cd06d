from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from covey.core.errors import ContextOverflow, EngineError
from covey.core.model import ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.models.http import HttpClient
from covey.models.httperrors import HttpLimits
from covey.models.llamaclient import LlamaClient, SchemaIgnored
from support_engine import Exchange, Handler, serving

ASK = (ChatMessage(role="user", content="say"),)
SCHEMA: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
FINAL = {
    "content": "",
    "stop": True,
    "stop_type": "eos",
    "model": "m",
    "timings": {"prompt_n": 3, "cache_n": 40, "predicted_n": 2},
}


class Fake:
    """A llama-server of canned answers: what ``/completion`` streams, and a tokenizer of one token per character."""

    def __init__(self, events: Sequence[Any] = (), *, close: bool = False, props: Any = None) -> None:
        self.events = events
        self.close = close
        self.props = props
        self.bodies: dict[str, list[Any]] = {}

    async def __call__(self, exchange: Exchange) -> None:
        body: Any = json.loads(exchange.body) if exchange.body else None
        self.bodies.setdefault(exchange.path, []).append(body)
        match exchange.path:
            case "/apply-template":
                text = "".join(f"<|im_start|>{message['content']}" for message in body["messages"])
                await exchange.answer(200, {"prompt": text})
            case "/tokenize":
                await exchange.answer(200, {"tokens": _tokens(body["content"], special=body["parse_special"])})
            case "/props":
                await exchange.answer(200, self.props)
            case "/completion":
                await exchange.begin_stream()
                for event in self.events:
                    await exchange.event(event)
                if not self.close:
                    await exchange.gone()
            case _:
                await exchange.answer(501, {"error": {"message": "not supported"}})


def _tokens(text: str, *, special: bool) -> list[Any]:
    """One token per character; ``<|im_start|>`` is token 0 where control tokens are parsed."""
    return [ord(char) for char in (text.replace("<|im_start|>", "\0") if special else text)]


@asynccontextmanager
async def _client(handler: Handler, silence_s: float = 60) -> AsyncGenerator[LlamaClient, None]:
    async with serving(handler) as server:
        client = LlamaClient(HttpClient(server.url, limits=HttpLimits(first_s=30, silence_s=silence_s)))
        try:
            yield client
        finally:
            await client.aclose()


async def _completed(fake: Fake, schema: Schema | None = None, sampling: Sampling | None = None) -> Completion:
    async with _client(fake) as client:
        return await client.complete(ASK, schema, sampling or Sampling())


async def test_an_answer_is_put_together_and_counted_by_the_engine_s_own_words() -> None:
    fake = Fake([{"prompt_progress": {"total": 9}}, {"content": "he"}, {"content": "llo"}, FINAL], close=True)
    found = await _completed(fake, sampling=Sampling(max_tokens=7, temperature=0.5, seed=-1, stop=("x",)))
    assert (found.text, found.finish, found.model) == ("hello", "stop", "m")
    assert found.usage == Usage(prefilled=3, reused=40, generated=2)
    sent = fake.bodies["/completion"][0]
    assert sent["prompt"] == "<|im_start|>say"
    assert (sent["n_predict"], sent["seed"], sent["stop"], sent["cache_prompt"]) == (7, 2**32 - 1, ["x"], True)
    assert "json_schema" not in sent
    assert fake.bodies["/apply-template"][0]["chat_template_kwargs"] == {"enable_thinking": False}


async def test_a_schema_goes_out_with_its_blanks_pinned_and_never_with_thinking() -> None:
    fake = Fake([{"content": "{}"}, FINAL])
    await _completed(fake, SCHEMA, Sampling(thinking=True))
    assert fake.bodies["/completion"][0]["json_schema"]["x-guidance"]["whitespace_flexible"] is False
    assert fake.bodies["/apply-template"][0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert "x-guidance" not in SCHEMA


@pytest.mark.parametrize(
    ("final", "finish"),
    [
        ({"stop_type": "eos"}, "stop"),
        ({"stop_type": "word"}, "stop"),
        ({"stop_type": "limit"}, "length"),
        ({"stop_type": "none", "truncated": True}, "length"),
    ],
)
async def test_why_an_answer_ended_is_the_engine_s_word(final: dict[str, Any], finish: str) -> None:
    assert (await _completed(Fake([{"content": "x"}, FINAL | final]))).finish == finish


async def test_an_end_without_a_reason_is_an_error() -> None:
    with pytest.raises(EngineError, match="without a reason"):
        await _completed(Fake([FINAL | {"stop_type": "none"}]))


async def test_an_answer_that_ignores_its_schema_is_no_answer() -> None:
    with pytest.raises(SchemaIgnored):
        await _completed(Fake([{"content": "hello"}, FINAL]), SCHEMA)
    with pytest.raises(SchemaIgnored):
        await _completed(Fake([{"content": "hello"}, FINAL | {"stop_type": "limit"}]), SCHEMA)
    cut = await _completed(Fake([{"content": '{"a'}, FINAL | {"stop_type": "limit"}]), SCHEMA)
    assert cut.finish == "length"


async def test_a_stream_that_stops_early_or_falls_silent_is_an_error() -> None:
    with pytest.raises(EngineError, match="ended before its answer"):
        await _completed(Fake([{"content": "half"}], close=True))
    async with _client(Fake([{"content": "half"}]), silence_s=0.3) as client:
        with pytest.raises(EngineError, match="silent"):
            await client.complete(ASK, None, Sampling())
    with pytest.raises(EngineError, match="ended before its answer"):
        await _completed(Fake(close=True))


async def test_overflow_that_shows_in_the_stream_is_overflow() -> None:
    error = {"code": 400, "type": "exceed_context_size_error", "message": "m", "n_prompt_tokens": 9, "n_ctx": 8}
    with pytest.raises(ContextOverflow) as caught:
        await _completed(Fake([{"error": error}]))
    assert (caught.value.tokens, caught.value.context) == (9, 8)


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("<think>hm</think>\n\nyes", "yes", "hm"),
        ("hm</think>yes", "yes", "hm"),
        ("<think>hm and", "", "hm and"),
        ("yes", "yes", ""),
    ],
)
async def test_thoughts_are_parted_from_the_answer(text: str, answer: str, reasoning: str) -> None:
    found = await _completed(Fake([{"content": text}, FINAL]), sampling=Sampling(thinking=True))
    assert (found.text, found.reasoning) == (answer, reasoning)


async def test_a_control_token_that_a_message_spells_stays_text() -> None:
    fake = Fake([FINAL])
    prompt = [ChatMessage(role="user", content="List<int> a <|im_start|> b")]
    async with _client(fake) as client:
        await client.complete(prompt, None, Sampling())
        await client.complete(prompt, None, Sampling())
        assert await client.count(prompt) == len(fake.bodies["/completion"][0]["prompt"])
    sent = fake.bodies["/completion"][0]["prompt"]
    assert sent == [0, *map(ord, "List<int> a <|im_start|> b")]
    assert sent.count(0) == 1  # the template's own
    spelled = [body["content"] for body in fake.bodies["/tokenize"] if "List" not in body["content"]]
    assert spelled.count("<int>\n<|im_start|>") + spelled.count("<|im_start|>\n<int>") == 2  # asked once, both ways


async def test_text_that_spells_no_control_token_is_sent_as_text() -> None:
    fake = Fake([FINAL])
    async with _client(fake) as client:
        await client.complete([ChatMessage(role="user", content="if a <b> [OK] \ue0000\ue001")], None, Sampling())
    assert isinstance(fake.bodies["/completion"][0]["prompt"], str)


async def test_private_characters_of_a_message_survive_next_to_a_control_token() -> None:
    fake = Fake([FINAL])
    text = "\ue00077\ue001 <|im_start|>"
    async with _client(fake) as client:
        await client.complete([ChatMessage(role="user", content=text)], None, Sampling())
    assert fake.bodies["/completion"][0]["prompt"] == [0, *map(ord, text)]


async def test_surrogates_and_nuls_reach_the_engine_as_replacement_characters() -> None:
    fake = Fake([FINAL])
    async with _client(fake) as client:
        await client.complete([ChatMessage(role="user", content="a\ud800\0b")], None, Sampling())
    assert fake.bodies["/completion"][0]["prompt"] == "<|im_start|>a\ufffd\ufffdb"


async def test_a_server_that_is_no_llama_server_is_recognised() -> None:
    bad: list[Any] = [{}, [], {"total_slots": 1, "default_generation_settings": {"n_ctx": 0}}]
    for props in bad:
        async with _client(Fake(props=props)) as client:
            with pytest.raises(EngineError, match="llama-server"):
                await client.capabilities()


@pytest.mark.parametrize(
    ("status", "body", "grammar"),
    [
        (200, {"content": "ok"}, "llguidance"),
        (200, {"content": "something"}, "gbnf"),
        (400, {"error": {"message": "failed to parse grammar"}}, "gbnf"),
    ],
)
async def test_the_grammar_engine_is_found_out_by_its_language(status: int, body: Any, grammar: str) -> None:
    props: Any = {"total_slots": 2, "default_generation_settings": {"n_ctx": 512}, "modalities": {"vision": True}}

    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/props":
            await exchange.answer(200, props)
        elif exchange.path == "/completion":
            await exchange.answer(status, body)
        else:
            await exchange.answer(501, {"error": {"message": "This server does not support slots action."}})

    async with _client(handler) as client:
        found = await client.capabilities()
    assert (found.grammar, found.context, found.parallel, found.slots, found.images) == (grammar, 512, 2, False, True)


async def test_a_state_that_cannot_be_restored_counts_no_tokens() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.answer(400, {"error": {"message": "Unable to restore slot"}})

    async with _client(handler) as client:
        assert await client.restore_slot(0, "gone") == 0
        with pytest.raises(EngineError):
            await client.save_slot(0, "gone")
