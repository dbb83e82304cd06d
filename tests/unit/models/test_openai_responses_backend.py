"""The Responses back end, with the real SDK against a loopback endpoint: tools, sources, provenance, structure."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from covey.core.errors import AgentFeedback, AnswerInvalid, ConfigError, EngineError
from covey.core.model import Sampling
from covey.models.backends.openai_responses import OpenAIResponsesBackend
from covey.models.calls import prompt_digest
from covey.models.sourcepolicy import Decision, Provenance, Source, SourceBlocked
from covey.testing.endpoint import Endpoint, Reply, Request
from support_models import CARD, CARD_TEXT, HELLO

pytestmark = pytest.mark.requirement("E7")

CODE: dict[str, Any] = {
    "type": "code_interpreter_call",
    "id": "ci_1",
    "status": "completed",
    "code": "print(1 + 1)",
    "container_id": "cntr_1",
    "outputs": None,
}
SEARCH: dict[str, Any] = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "q", "sources": [{"type": "url", "url": "https://looked.example/at"}]},
}
FILES: dict[str, Any] = {
    "type": "file_search_call",
    "id": "fs_1",
    "status": "completed",
    "queries": ["q"],
    "results": [{"file_id": "f", "filename": "notes.md", "attributes": {"license": "GPL-3.0-only"}}],
}
CITED = {"type": "url_citation", "url": "https://docs.example/a", "title": "A", "start_index": 0, "end_index": 1}
MADE = {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "f1", "filename": "plot.png"}


@asynccontextmanager
async def talking(endpoint: Endpoint, **options: Any) -> AsyncIterator[OpenAIResponsesBackend]:
    async with AsyncExitStack() as stack:
        stack.enter_context(endpoint)
        backend = OpenAIResponsesBackend(endpoint.url, key="k", **options)
        stack.push_async_callback(backend.aclose)
        yield backend


def only_docs(source: Source) -> Decision:
    return Decision(source=source, allowed=source.location.startswith("https://docs.example/"), why="docs only")


async def test_the_code_interpreter_is_on_searches_are_off_and_nothing_is_stored() -> None:
    endpoint = Endpoint(["a", "b"])
    async with talking(endpoint) as backend:
        await backend.complete(HELLO, None, Sampling(max_tokens=40))
        body = endpoint.asked("/responses")[0].body
        assert body["tools"] == [{"type": "code_interpreter", "container": {"type": "auto"}}]
        assert (body["store"], body["truncation"], body["max_output_tokens"]) == (False, "disabled", 40)
        assert endpoint.requests[-1].headers["authorization"] == "Bearer k"
    endpoint = Endpoint(["a"])
    async with talking(endpoint, code_interpreter=False) as backend:
        await backend.complete(HELLO, None, Sampling())
        assert "tools" not in endpoint.asked("/responses")[0].body


@pytest.mark.parametrize("search", [{"web_search": True}, {"vector_stores": ["vs_1"]}])
async def test_a_search_needs_a_policy(search: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="policy"):
        OpenAIResponsesBackend("http://127.0.0.1:9/v1", **search)
    endpoint = Endpoint(["a"])
    async with talking(endpoint, policy=only_docs, **search) as backend:
        await backend.complete(HELLO, None, Sampling())
        assert len(endpoint.asked("/responses")[0].body["tools"]) == 2


async def test_a_structured_answer_is_asked_for_strictly() -> None:
    endpoint = Endpoint([CARD_TEXT])
    async with talking(endpoint) as backend:
        completion = await backend.complete(HELLO, CARD, Sampling())
        assert json.loads(completion.text) == {"colour": "red", "size": 3}
        wanted = {"type": "json_schema", "name": "answer", "strict": True, "schema": CARD}
        assert endpoint.asked("/responses")[0].body["text"]["format"] == wanted
        assert (await backend.capabilities()).schema_support == "json_schema"


async def test_a_schema_that_is_refused_is_shown_instead_and_no_longer_promised() -> None:
    def answer(request: Request) -> Reply:
        refused = request.schema is not None
        return Reply(status=400, message="Invalid schema for text.format") if refused else Reply(CARD_TEXT)

    endpoint = Endpoint(answer)
    async with talking(endpoint) as backend:
        assert (await backend.complete(HELLO, CARD, Sampling())).text == CARD_TEXT
        assert '"colour"' in endpoint.requests[-1].prompt
        assert (await backend.capabilities()).schema_support == "json_object"


async def test_parameters_that_a_model_refuses_are_left_out_from_then_on() -> None:
    endpoint = Endpoint(["a", "b"], refuses=["temperature", "reasoning"])
    async with talking(endpoint) as backend:
        assert (await backend.complete(HELLO, None, Sampling())).text == "a"
        before = len(endpoint.requests)
        assert (await backend.complete(HELLO, None, Sampling())).text == "b"
        assert len(endpoint.requests) == before + 1


async def test_every_answer_has_its_provenance() -> None:
    seen: list[Provenance] = []
    reply = Reply("2", output=(CODE,), annotations=(MADE,), cached_tokens=1, prompt_tokens=5)
    async with talking(Endpoint([reply]), on_provenance=seen.append) as backend:
        completion = await backend.complete(HELLO, None, Sampling())
    assert (completion.usage.prefilled, completion.usage.reused) == (4, 1)
    (record,) = seen
    assert (record.response, record.model, record.status) == ("resp_1", "stub", "completed")
    assert record.prompt_sha256 == prompt_digest(HELLO)
    assert record.offered == ("code_interpreter",)
    assert record.containers == ("cntr_1",)
    assert [(use.tool, use.id, use.detail) for use in record.used] == [("code_interpreter", "ci_1", "print(1 + 1)")]
    assert [(d.source.kind, d.source.location, d.allowed) for d in record.sources] == [("made", "plot.png", True)]
    assert Provenance.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("item", "note", "named"),
    [
        (SEARCH, None, "https://looked.example/at"),
        (FILES, None, "notes.md"),
        (None, CITED | {"url": "https://copied.example/b"}, "https://copied.example/b"),
        (None, {"type": "file_citation", "file_id": "f", "filename": "other.md", "index": 0}, "other.md"),
    ],
    ids=["looked at", "found in a file", "cited", "cited file"],
)
async def test_a_source_that_is_not_allowed_stops_the_answer_by_name(item: Any, note: Any, named: str) -> None:
    seen: list[Provenance] = []
    reply = Reply("x", output=(item,) if item else (), annotations=(note,) if note else ())
    async with talking(Endpoint([reply]), policy=only_docs, web_search=True, on_provenance=seen.append) as backend:
        with pytest.raises(SourceBlocked, match="docs only") as caught:
            await backend.complete(HELLO, None, Sampling())
    assert named in str(caught.value)
    assert isinstance(caught.value, AgentFeedback)
    assert [decision.allowed for decision in seen[0].sources] == [False]


async def test_a_source_that_is_allowed_passes() -> None:
    reply = Reply("x", annotations=(CITED,))
    async with talking(Endpoint([reply]), policy=only_docs, web_search=True) as backend:
        assert (await backend.complete(HELLO, None, Sampling())).text == "x"


async def test_licences_of_files_reach_the_policy() -> None:
    asked: list[Source] = []

    def policy(source: Source) -> Decision:
        asked.append(source)
        return Decision(source=source, allowed=True, why="noted")

    async with talking(Endpoint([Reply("x", output=(FILES,))]), policy=policy, vector_stores=["vs"]) as backend:
        await backend.complete(HELLO, None, Sampling())
    assert [source.licence for source in asked] == ["GPL-3.0-only"]


async def test_without_a_policy_nothing_from_elsewhere_is_allowed() -> None:
    async with talking(Endpoint([Reply("x", annotations=(CITED,))])) as backend:
        with pytest.raises(SourceBlocked, match="no policy"):
            await backend.complete(HELLO, None, Sampling())


async def test_ends_are_told_apart_and_stop_strings_cut_here() -> None:
    replies = [Reply("cut", finish="max_output_tokens"), Reply("before END after"), Reply("x", finish="content_filter")]
    async with talking(Endpoint(replies)) as backend:
        assert (await backend.complete(HELLO, None, Sampling())).finish == "length"
        assert (await backend.complete(HELLO, None, Sampling(stop=("END",)))).text == "before "
        with pytest.raises(EngineError, match="content_filter"):
            await backend.complete(HELLO, None, Sampling())


async def test_a_refusal_goes_back_to_the_role() -> None:
    refusal = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "I will not"}]}
    async with talking(Endpoint([Reply("", output=(refusal,))])) as backend:
        with pytest.raises(AnswerInvalid) as caught:
            await backend.complete(HELLO, None, Sampling())
    assert caught.value.detail == "I will not"


def test_without_the_extra_the_message_names_it() -> None:
    program = (
        "import sys; sys.modules['openai'] = None\n"
        "from covey.models.backends.openai_responses import OpenAIResponsesBackend\n"
        "from covey.core.errors import UnusableModel\n"
        "try: OpenAIResponsesBackend()\n"
        "except UnusableModel as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert "covey[openai]" in done.stdout
