"""One suite over every model back end: the promises of :class:`covey.core.protocols.ModelBackend`."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
import pytest_asyncio

from covey.core.errors import ContextOverflow
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.protocols import ModelBackend
from covey.models.backends.embedded import EmbeddedBackend, launch
from covey.models.backends.openai_compatible import OpenAICompatibleBackend
from covey.models.backends.openai_responses import OpenAIResponsesBackend
from covey.models.backends.transformers import TransformersBackend
from covey.models.spec import EngineSpec
from covey.testing.endpoint import FOREVER, Endpoint, Reply, Request
from covey.testing.gguf import write_random, write_speaking
from covey.testing.models import RecordedBackend, ScriptedBackend
from support_models import CARD, CARD_TEXT, HELLO, STRANGE, user, write_transformers_folder

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.requirement("A4", "A5")]

CONTEXT = 1024
KEY = "contract-key"
WORDS = "one two three four five six seven eight nine ten"


@dataclass
class Subject:
    """A back end, and how to see that it does not go on after a request was cancelled."""

    backend: ModelBackend
    endpoint: Endpoint | None = None
    instant: bool = False


class Rehearsed(ScriptedBackend):
    """Answers from a script by way of a recording: each call is recorded, and what is replayed is handed out."""

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        said = await super().complete(prompt, schema, sampling)
        replayed = await RecordedBackend(self.calls[-1:]).complete(prompt, schema, sampling)
        assert replayed == said
        return replayed


class ChatOnly(OpenAICompatibleBackend):
    """Speaks chat completions to a llama-server too, as to any other server."""

    async def _llama_capabilities(self) -> Capabilities | None:
        return None


def _says(_prompt: object, schema: Schema | None, _sampling: object) -> str:
    return CARD_TEXT if schema else WORDS


def _replies(request: Request) -> Reply:
    if "wait for ever" in request.prompt:
        return Reply(WORDS, pause_s=FOREVER) if "max_tokens" in request.body else Reply(WORDS, first_s=FOREVER)
    if request.schema or "JSON schema" in request.prompt:
        return Reply(CARD_TEXT)
    limit = request.body.get("max_tokens") or request.body.get("n_predict") or request.body.get("max_output_tokens", 99)
    if limit > 16:
        return Reply(WORDS)
    return Reply("one", finish="max_output_tokens" if "max_output_tokens" in request.body else "length")


def _spec(path: Path) -> EngineSpec:
    return EngineSpec(path=str(path), context=CONTEXT, threads=1)


async def _embedded(stack: AsyncExitStack, folder: Path) -> Subject:
    backend = EmbeddedBackend(_spec(write_random(folder / "random.gguf", context=CONTEXT)), on_event=lambda _: None)
    return Subject(await stack.enter_async_context(backend))


async def _served(stack: AsyncExitStack, folder: Path) -> str:
    path = write_speaking(folder / "speaking.gguf", CARD_TEXT, context=CONTEXT)
    process, url = await launch(_spec(path), KEY, 60.0)
    stack.push_async_callback(process.stop)
    return f"{url}/v1"


async def _real_server(stack: AsyncExitStack, folder: Path) -> Subject:
    return Subject(OpenAICompatibleBackend(await _served(stack, folder), key=KEY))


async def _real_chat(stack: AsyncExitStack, folder: Path) -> Subject:
    return Subject(ChatOnly(await _served(stack, folder), key=KEY))


def _stub(stack: AsyncExitStack, endpoint: Endpoint, make: Callable[[str], ModelBackend]) -> Subject:
    stack.enter_context(endpoint)
    return Subject(make(endpoint.url), endpoint)


async def _subject(kind: str, stack: AsyncExitStack, folder: Path) -> Subject:
    if kind == "embedded":
        return await _embedded(stack, folder)
    if kind == "real server":
        return await _real_server(stack, folder)
    if kind == "real server, chat":
        return await _real_chat(stack, folder)
    if kind == "transformers":
        return Subject(TransformersBackend(write_transformers_folder(folder), context=CONTEXT))
    if kind == "scripted":
        return Subject(ScriptedBackend(_says), instant=True)
    if kind == "recorded":
        return Subject(Rehearsed(_says), instant=True)
    endpoints = {
        "llama-server": Endpoint(_replies, llama=True, context=CONTEXT),
        "endpoint": Endpoint(_replies, context=CONTEXT),
        "endpoint without schemas": Endpoint(_replies, context=CONTEXT, schema="ignored"),
        "responses": Endpoint(_replies, context=CONTEXT),
    }
    make: Callable[[str], ModelBackend] = OpenAIResponsesBackend if kind == "responses" else OpenAICompatibleBackend
    return _stub(stack, endpoints[kind], make)


KINDS = [
    "embedded",
    "real server",
    "real server, chat",
    "llama-server",
    "endpoint",
    "endpoint without schemas",
    "responses",
    "scripted",
    "recorded",
    pytest.param(
        "transformers",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("torch") is None,
            reason="torch is not installed; run: pip install 'covey[dev,transformers]' && "
            "python -m pytest tests/contract/test_model_contract.py",
        ),
    ),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Subject]:
    async with AsyncExitStack() as stack:
        found = await _subject(request.param, stack, tmp_path_factory.mktemp("model"))
        stack.push_async_callback(found.backend.aclose)
        yield found


async def test_an_answer_is_whole_and_its_tokens_are_counted(subject: Subject) -> None:
    completion = await subject.backend.complete(HELLO, None, Sampling(max_tokens=64))
    assert completion.finish in ("stop", "length")
    assert completion.usage.prefilled + completion.usage.reused >= 1
    assert completion.usage.generated <= 64
    assert completion.model


async def test_an_answer_that_was_cut_off_says_so(subject: Subject) -> None:
    completion = await subject.backend.complete(HELLO, None, Sampling(max_tokens=2))
    assert completion.finish == "length"
    assert len(completion.text) < len(WORDS)


async def test_the_same_question_gets_the_same_answer(subject: Subject) -> None:
    texts = {(await subject.backend.complete(HELLO, None, Sampling(max_tokens=24))).text for _ in range(2)}
    assert len(texts) == 1


async def test_an_answer_under_a_schema_fits_where_that_is_promised(subject: Subject) -> None:
    promised = (await subject.backend.capabilities()).schema_support in ("grammar", "json_schema")
    completion = await subject.backend.complete(HELLO, CARD, Sampling(max_tokens=64))
    if promised and completion.finish == "stop":
        jsonschema.validate(json.loads(completion.text), CARD)
    again = (await subject.backend.capabilities()).schema_support in ("grammar", "json_schema")
    assert again or not promised or completion.finish == "length"


async def test_counts_are_never_below_the_engines_own(subject: Subject) -> None:
    for prompt in (user("x"), HELLO, user("def f(a):\n    return a[1:] + [0x7f]\n" * 8), (*HELLO, *HELLO)):
        counted = await subject.backend.count(prompt)
        usage = (await subject.backend.complete(prompt, None, Sampling(max_tokens=20))).usage
        assert 1 <= usage.prefilled + usage.reused <= counted


async def test_a_prompt_that_does_not_fit_is_refused_with_numbers(subject: Subject) -> None:
    context = (await subject.backend.capabilities()).context
    with pytest.raises(ContextOverflow) as caught:
        await subject.backend.complete(user("0a" * 2 * context), None, Sampling(max_tokens=4))
    assert caught.value.tokens >= caught.value.context > 0
    with pytest.raises(ContextOverflow):
        await subject.backend.complete(user("word " * context * 2), None, Sampling(max_tokens=4))
    assert (await subject.backend.complete(HELLO, None, Sampling(max_tokens=20))).usage.prefilled >= 0


@pytest.mark.parametrize("name", [name for name in STRANGE if name != "megabyte"])
async def test_strange_prompts_are_answered(subject: Subject, name: str) -> None:
    completion = await subject.backend.complete(user(STRANGE[name]), None, Sampling(max_tokens=20))
    assert completion.finish in ("stop", "length")
    completion.text.encode("utf-8", "strict")


async def test_a_megabyte_is_too_much_and_said_to_be(subject: Subject) -> None:
    with pytest.raises(ContextOverflow):
        await subject.backend.complete(user(STRANGE["megabyte"]), None, Sampling(max_tokens=20))


async def test_a_cancelled_request_leaves_nothing_running(subject: Subject) -> None:
    if subject.instant:
        pytest.skip("it answers at once: there is nothing to cancel")
    before = len(subject.endpoint.requests) if subject.endpoint else 0
    question = subject.backend.complete(user("wait for ever"), None, Sampling(max_tokens=900, temperature=1.5))
    task = asyncio.create_task(question)
    while subject.endpoint and not any("wait for ever" in r.prompt for r in subject.endpoint.requests[before:]):
        await asyncio.wait({task}, timeout=0.01)
    await asyncio.wait({task}, timeout=0.05)
    task.cancel()
    await asyncio.wait({task})
    if subject.endpoint:
        assert task.cancelled()
        assert await asyncio.to_thread(subject.endpoint.requests[-1].hung_up.wait, 60)
    assert (await subject.backend.complete(HELLO, None, Sampling(max_tokens=20))).usage.prefilled >= 0


@pytest.mark.parametrize("kind", ["llama-server", "endpoint", "responses", "scripted", "recorded"])
async def test_closing_twice_is_fine_before_and_after_use(kind: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        for used in (False, True):
            backend = (await _subject(kind, stack, tmp_path)).backend
            if used:
                await backend.complete(HELLO, None, Sampling(max_tokens=20))
            await backend.aclose()
            await backend.aclose()
