"""What the OpenAI-compatible back end finds out about a server, asks of it and learns from its refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from pydantic import JsonValue

from covey.core.errors import ContextOverflow, EngineError, UnusableModel
from covey.core.model import Sampling
from covey.models.backends.openai_compatible import DEFAULT_CONTEXT, OpenAICompatibleBackend
from covey.testing.endpoint import Endpoint, Reply, Request
from support_models import CARD, CARD_TEXT, HELLO, user

pytestmark = pytest.mark.requirement("A5")


async def no_wait(_seconds: float) -> None:
    """Do not wait between tries."""


@asynccontextmanager
async def talking(endpoint: Endpoint, **options: Any) -> AsyncIterator[OpenAICompatibleBackend]:
    async with AsyncExitStack() as stack:
        stack.enter_context(endpoint)
        backend = OpenAICompatibleBackend(endpoint.url, sleep=no_wait, **options)
        stack.push_async_callback(backend.aclose)
        yield backend


@pytest.mark.parametrize(
    ("schema", "support", "probes"),
    [
        ("held", "json_schema", 1),
        ("object", "json_object", 2),
        ("ignored", "none", 2),
        ("refused", "none", 2),  # the refusal names the format, so no other field is tried
        ("broken", "none", 2),
    ],
)
async def test_schema_support_is_found_out_by_one_tiny_request_and_kept(schema: Any, support: str, probes: int) -> None:
    endpoint = Endpoint(schema=schema)
    async with talking(endpoint) as backend:
        assert (await backend.capabilities()).schema_support == support
        asked = len(endpoint.requests)
        assert (await backend.capabilities()).schema_support == support
        assert len(endpoint.requests) == asked
        sent = endpoint.asked(probes=True)
        assert len(sent) <= probes
        assert all(request.body["max_tokens"] <= 256 for request in sent)


async def test_a_schema_is_sent_strictly_where_it_is_held_and_shown_where_not() -> None:
    endpoint = Endpoint([CARD_TEXT])
    async with talking(endpoint) as backend:
        await backend.complete(HELLO, CARD | {"x-guidance": {"whitespace_flexible": False}}, Sampling())
        (request,) = endpoint.asked()
        assert request.body["response_format"]["json_schema"] == {"name": "answer", "strict": True, "schema": CARD}
        assert request.prompt == "Say hello."
    endpoint = Endpoint([CARD_TEXT], schema="object")
    async with talking(endpoint) as backend:
        await backend.complete(HELLO, CARD, Sampling())
        (request,) = endpoint.asked()
        assert request.body["response_format"] == {"type": "json_object"}
        assert '"colour"' in request.prompt
    endpoint = Endpoint([CARD_TEXT], schema="ignored")
    async with talking(endpoint) as backend:
        await backend.complete(HELLO, CARD, Sampling())
        (request,) = endpoint.asked()
        assert "response_format" not in request.body
        assert '"colour"' in request.prompt


async def test_limits_and_sampling_are_always_sent_and_thinking_is_off() -> None:
    endpoint = Endpoint(["a", "b"])
    async with talking(endpoint) as backend:
        await backend.complete(HELLO, None, Sampling(max_tokens=33, temperature=0.5, top_p=0.9, seed=4, stop=("X",)))
        await backend.complete(HELLO, None, Sampling(thinking=True))
        off, on = [request.body for request in endpoint.asked()]
        wanted = {"max_tokens": 33, "temperature": 0.5, "top_p": 0.9, "seed": 4, "stop": ["X"], "model": "stub"}
        assert {name: off[name] for name in wanted} == wanted
        assert off["chat_template_kwargs"] == {"enable_thinking": False}
        assert off["reasoning_effort"] == "none"
        assert "chat_template_kwargs" not in on
        assert "reasoning_effort" not in on


async def test_refused_fields_are_left_out_from_then_on() -> None:
    endpoint = Endpoint(["a", "b"], refuses=["reasoning_effort", "chat_template_kwargs", "stream_options"])
    async with talking(endpoint) as backend:
        assert (await backend.complete(HELLO, None, Sampling())).text == "a"
        before = len(endpoint.requests)
        assert (await backend.complete(HELLO, None, Sampling())).text == "b"
        assert len(endpoint.requests) == before + 1
        assert not {"reasoning_effort", "chat_template_kwargs", "stream_options"} & endpoint.requests[-1].body.keys()
        assert "seed" in endpoint.requests[-1].body


async def test_a_limit_of_another_name_is_learnt() -> None:
    def answer(request: Request) -> Reply:
        if "max_tokens" in request.body:
            words = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            return Reply(status=400, message=words)
        return Reply("fine")

    endpoint = Endpoint(answer)
    async with talking(endpoint) as backend:
        assert (await backend.complete(HELLO, None, Sampling(max_tokens=5))).text == "fine"
        assert endpoint.requests[-1].body["max_completion_tokens"] == 5


async def test_a_refusal_that_nothing_mends_is_an_error_with_the_servers_words() -> None:
    endpoint = Endpoint(lambda _request: Reply(status=400, message="no such weather"))
    async with talking(endpoint) as backend:
        with pytest.raises(EngineError, match="no such weather"):
            await backend.complete(HELLO, None, Sampling())
        assert len(endpoint.asked()) == 2  # once as it is, once without what is optional


OLLAMA_TAGS: dict[str, JsonValue] = {"models": [{"name": "stub", "context_length": 6144}]}


@pytest.mark.parametrize(
    ("models", "routes", "context"),
    [
        (["stub"], {}, DEFAULT_CONTEXT),
        ([{"id": "stub", "max_model_len": 32768}], {}, 32768),
        (["stub"], {"/api/v0/models": {"data": [{"id": "stub", "loaded_context_length": 5000}]}}, 5000),
        (["stub"], {"/api/ps": OLLAMA_TAGS}, 6144),
        (["stub"], {"/api/ps": {"models": []}, "/api/show": {"parameters": "num_ctx 9000"}}, 9000),
        (["stub"], {"/v1/model": {"id": "stub", "parameters": {"max_seq_len": 7000}}}, 7000),
        (["stub"], {"/upstream/stub/props": {"default_generation_settings": {"n_ctx": 3000}}}, 3000),
    ],
    ids=["says nothing", "vLLM", "LM Studio", "Ollama loaded", "Ollama set", "TabbyAPI", "llama-swap"],
)
async def test_the_window_is_read_in_the_servers_own_words(models: Any, routes: Any, context: int) -> None:
    async with talking(Endpoint(models=models, routes=routes)) as backend:
        assert (await backend.capabilities()).context == context
    async with talking(Endpoint(models=models, routes=routes), context=1234) as backend:
        assert (await backend.capabilities()).context == 1234


async def test_vllms_tokenizer_is_used() -> None:
    endpoint = Endpoint(models=[{"id": "stub", "max_model_len": 4096}], routes={"/tokenize": {"count": 77}})
    async with talking(endpoint) as backend:
        assert (await backend.capabilities()).tokenizer
        assert await backend.count(HELLO) == 77


@pytest.mark.parametrize(
    "tokens",
    [lambda text: len(text.encode()) + 20, lambda text: 30 + len(text.encode()) // 3, lambda text: 1 + len(text) // 6],
    ids=["byte", "usual", "sparse"],
)
async def test_estimates_stay_above_the_servers_own_count(tokens: Callable[[str], int]) -> None:
    async with talking(Endpoint(tokens=tokens)) as backend:
        for size in (1, 100, 1000, 5000):
            prompt = user("word " * (size // 5 + 1))
            estimate = await backend.count(prompt)
            completion = await backend.complete(prompt, None, Sampling())
            assert 1 <= completion.usage.prefilled <= estimate


async def test_tokens_are_estimated_from_above_when_the_server_counts_none() -> None:
    async with talking(Endpoint(lambda _request: Reply("hello", usage=False))) as backend:
        completion = await backend.complete(user("x" * 1000), None, Sampling(max_tokens=20))
        assert completion.usage.prefilled >= 250
        assert completion.usage.generated >= 2


async def test_cached_tokens_count_as_reused() -> None:
    async with talking(Endpoint([Reply("a", prompt_tokens=100, cached_tokens=90)])) as backend:
        usage = (await backend.complete(HELLO, None, Sampling())).usage
        assert (usage.prefilled, usage.reused) == (10, 90)


async def test_a_prompt_cut_without_a_word_is_found_out() -> None:
    endpoint = Endpoint(context=200, truncates=True)
    async with talking(endpoint) as backend:
        assert (await backend.complete(user("word " * 100), None, Sampling())).text == "ok"
        with pytest.raises(ContextOverflow, match="num_ctx") as caught:
            await backend.complete(user("word " * 2000), None, Sampling())
        assert caught.value.context == 200
        assert caught.value.tokens > 2000
        assert (await backend.capabilities()).context == 200


async def test_a_server_that_does_not_count_cached_tokens_is_not_accused() -> None:
    seen: set[str] = set()

    def answer(request: Request) -> Reply:
        known = request.prompt in seen
        seen.add(request.prompt)
        return Reply("fine", prompt_tokens=3 if known else None)

    endpoint = Endpoint(answer)
    async with talking(endpoint) as backend:
        for _ in range(3):
            assert (await backend.complete(user("word " * 500), None, Sampling())).text == "fine"
        assert len(endpoint.asked()) == 4  # it was doubted once


async def test_a_prompt_that_fits_is_asked_again_when_only_the_limit_behind_it_does_not() -> None:
    def answer(request: Request) -> Reply:
        asked = 50 + request.body["max_tokens"]
        if asked > 4096:
            words = f"This model's maximum context length is 4096 tokens. However, you requested {asked} tokens."
            return Reply(status=400, message=words)
        return Reply("fits")

    async with talking(Endpoint(answer, models=[{"id": "stub", "context_length": 4096}])) as backend:
        assert (await backend.complete(HELLO, None, Sampling(max_tokens=4090))).text == "fits"


async def test_a_llama_server_is_spoken_to_as_one() -> None:
    endpoint = Endpoint([CARD_TEXT, Reply("b", cached_tokens=2)], llama=True, context=2048)
    async with talking(endpoint, slot=0) as backend:
        found = await backend.capabilities()
        assert (found.schema_support, found.context, found.tokenizer, found.timings) == ("grammar", 2048, True, True)
        assert await backend.count(user("x" * 40)) == 10
        assert (await backend.complete(HELLO, CARD, Sampling())).text == CARD_TEXT
        assert (await backend.complete(HELLO, None, Sampling())).usage.reused == 2
        assert endpoint.asked("/completion")[-1].body["id_slot"] == 0
        assert not endpoint.asked("/chat/completions", probes=True)


async def test_another_server_that_only_has_props_is_spoken_to_as_any() -> None:
    routes = {"/props": {"default_generation_settings": {"n_ctx": 512}, "total_slots": 1}}
    async with talking(Endpoint(["fine"], routes=routes)) as backend:
        assert (await backend.capabilities()).schema_support == "json_schema"
        assert (await backend.complete(HELLO, None, Sampling())).text == "fine"


async def test_a_named_model_is_used_and_an_unknown_one_refused_with_the_nearest_names() -> None:
    endpoint = Endpoint(["a"], models=["alpha", "beta"])
    async with talking(endpoint, model="beta") as backend:
        assert (await backend.complete(HELLO, None, Sampling())).model == "beta"
        assert backend.name == "beta"
    async with talking(Endpoint(models=["alpha", "beta"]), model="bete") as backend:
        with pytest.raises(UnusableModel, match="nearest names are: beta"):
            await backend.capabilities()


async def test_the_key_is_sent_and_never_shown() -> None:
    endpoint = Endpoint(["a"], key="sk-secret-123456")
    async with talking(endpoint, key="sk-secret-123456") as backend:
        assert (await backend.complete(HELLO, None, Sampling())).text == "a"
    async with talking(Endpoint(key="sk-other"), key="sk-secret-123456") as backend:
        with pytest.raises(UnusableModel, match="key") as caught:
            await backend.complete(HELLO, None, Sampling())
        assert "sk-secret" not in str(caught.value) + caught.value.detail


async def test_thoughts_never_reach_the_text() -> None:
    replies: list[Reply | str] = [Reply("yes", reasoning="hm"), "<think>hm</think>\nyes"]
    async with talking(Endpoint(replies)) as backend:
        for _ in replies:
            completion = await backend.complete(HELLO, None, Sampling())
            assert (completion.text, completion.reasoning) == ("yes", "hm")


async def test_a_broken_stream_is_asked_again_and_a_whole_answer_never() -> None:
    endpoint = Endpoint([Reply("x" * 100, cut=3), Reply("x" * 100, cut=2, clean=True), Reply(status=500), "last"])
    async with talking(endpoint) as backend:
        with pytest.raises(EngineError):
            await backend.complete(HELLO, None, Sampling())
        assert len(endpoint.asked()) == 3
        assert (await backend.complete(HELLO, None, Sampling())).text == "last"
        assert len(endpoint.asked()) == 4


async def test_failures_under_a_schema_that_persist_lower_what_is_promised() -> None:
    def answer(request: Request) -> Reply:
        return Reply(status=500, message="grammar failed") if request.schema else Reply(CARD_TEXT)

    endpoint = Endpoint(answer)
    async with talking(endpoint) as backend:
        assert (await backend.capabilities()).schema_support == "json_schema"
        assert (await backend.complete(HELLO, CARD, Sampling())).text == CARD_TEXT
        assert (await backend.capabilities()).schema_support == "json_object"
        assert '"colour"' in endpoint.requests[-1].prompt


async def test_a_short_prompt_does_not_make_long_ones_look_small() -> None:
    async with talking(Endpoint(schema="broken", tokens=lambda text: 1 + len(text) // 6)) as backend:
        await backend.complete(user("hello"), None, Sampling())
        assert await backend.count(user("x" * 3_000)) >= 1_000
