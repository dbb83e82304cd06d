"""The desk: one ledger for all roles, one budget, drafts side by side, and a record from which it can be rebuilt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import pytest
from pydantic import Field

from covey.agents.desk import Minutes, ModelDesk, Question, recorded_calls
from covey.core.canonical import stable
from covey.core.errors import AgentFeedback, AnswerInvalid, ContextOverflow, EngineError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.protocols import ModelBackend
from covey.models.backends.recorded import RecordedBackend
from covey.models.backends.scripted import Script, ScriptedBackend
from covey.models.schema import Bounded
from covey.models.sourcepolicy import Provenance

pytestmark = pytest.mark.requirement("F3")


class Word(Bounded):
    """One word."""

    word: Annotated[str, Field(max_length=20)]


ASKED = Question(note="Say a word.", answer=Word)


class One:
    def __init__(self, backend: ModelBackend) -> None:
        self.backend = backend
        self.roles: list[str] = []

    @asynccontextmanager
    async def use(self, role: str) -> AsyncIterator[ModelBackend]:
        self.roles.append(role)
        yield self.backend

    def drain_provenance(self) -> tuple[Provenance, ...]:
        return ()


def desk_of(script: Script, *, tokens: int = 100_000, left: float = 60.0, parallel: int = 2) -> ModelDesk:
    can = Capabilities(context=8_192, schema_support="json_schema", tokenizer=True, timings=True, parallel=parallel)
    return ModelDesk(One(ScriptedBackend(script, capabilities=can)), "It is wrong.", tokens, lambda: left)


def backend_of(desk: ModelDesk) -> ScriptedBackend:
    engines = desk.engines
    assert isinstance(engines, One)
    assert isinstance(engines.backend, ScriptedBackend)
    return engines.backend


def say(word: str) -> str:
    return f'{{"word":"{word}"}}'


async def test_each_question_follows_the_one_before_with_its_answer() -> None:
    desk = desk_of([say("one"), say("two")])
    assert (await desk.ask("localiser", ASKED)).word == "one"
    desk.observe("tester", "A test failed.")
    assert (await desk.ask("generator", Question(note="Another.", answer=Word))).word == "two"
    first, second = (call.prompt for call in backend_of(desk).calls)
    assert second[: len(first)] == first
    assert [message.role for message in second] == ["system", "user", "assistant", "user"]
    assert second[2].content == say("one")
    assert second[3].content == "A test failed.\n\nAnother."
    assert "It is wrong." in first[1].content


async def test_drafts_share_one_prompt_and_differ_in_seed_and_temperature() -> None:
    desk = desk_of(lambda _prompt, _schema, sampling: say(f"seed{sampling.seed}"))
    found = await desk.drafts("generator", ASKED, 3)
    assert [answer.word for answer in found] == ["seed0", "seed1", "seed2"]
    calls = backend_of(desk).calls
    assert len({call.prompt for call in calls}) == 1
    assert [call.sampling.temperature for call in calls] == [0.0, 0.6, 0.6]


async def test_a_draft_that_fails_does_not_cost_the_others() -> None:
    def answer(_prompt: Sequence[ChatMessage], _schema: Schema | None, sampling: Sampling) -> str | Exception:
        return EngineError("It fell over.") if sampling.seed == 1 else say(f"seed{sampling.seed}")

    found = await desk_of(answer).drafts("generator", ASKED, 3)
    assert [one.word for one in found] == ["seed0", "seed2"]


async def test_when_all_drafts_fail_the_first_failure_is_told() -> None:
    with pytest.raises(EngineError, match="fell over"):
        await desk_of(lambda *_: EngineError("It fell over.")).drafts("generator", ASKED, 2)
    with pytest.raises(AnswerInvalid):
        await desk_of(lambda *_: "no").ask("generator", ASKED)


async def test_a_prompt_that_the_engine_refuses_is_compacted_and_asked_again() -> None:
    refused = ContextOverflow("Too long.", tokens=8_000, context=4_000)
    desk = desk_of([refused, say("short")])
    desk.observe("tester", "x " * 6_000)
    assert (await desk.ask("generator", ASKED)).word == "short"
    assert desk.drain().dropped


async def test_a_spent_budget_asks_nothing() -> None:
    desk = desk_of([say("one"), say("two")], tokens=20)
    await desk.ask("generator", ASKED)
    with pytest.raises(AgentFeedback, match="20 model tokens are spent"):
        await desk.ask("generator", ASKED)
    assert len(backend_of(desk).calls) == 1


class Endless(ScriptedBackend):
    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        if sampling.seed:
            await asyncio.Event().wait()
        return await super().complete(prompt, schema, sampling)


async def test_a_model_that_never_ends_costs_the_time_that_is_left_and_what_is_done_is_kept() -> None:
    desk = desk_of([])
    desk.left = lambda: 0.5
    desk.engines = One(Endless([say("done")]))
    assert [answer.word for answer in await desk.drafts("generator", ASKED, 2)] == ["done"]
    desk.engines = One(Endless([], capabilities=Capabilities(context=8_192)))
    desk.seed = 7
    with pytest.raises(AgentFeedback, match="time was up"):
        await desk.ask("generator", ASKED)


class EndlessAtFirst(ScriptedBackend):
    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        if sampling.seed == 0:
            await asyncio.Event().wait()
        return await super().complete(prompt, schema, sampling)


async def test_a_first_draft_that_never_ends_leaves_time_for_the_others() -> None:
    desk = desk_of([], left=1.0)
    desk.engines = One(EndlessAtFirst([say("second"), say("third")]))
    assert [answer.word for answer in await desk.drafts("generator", ASKED, 3)] == ["second", "third"]


async def test_a_desk_restored_from_its_minutes_goes_on_with_the_same_bytes() -> None:
    desk = desk_of([say("one"), say("two"), say("three")])
    parts = []
    for role in ("localiser", "generator"):
        await desk.ask(role, ASKED)
        parts.append(Minutes.model_validate_json(desk.drain().model_dump_json()))
    again = desk_of([say("three")])
    for part in parts:
        again.restore(part)
    assert again.spent == desk.spent
    assert desk.asked_s > 0
    await desk.ask("reviewer", ASKED)
    await again.ask("reviewer", ASKED)
    assert backend_of(again).calls[-1].prompt == backend_of(desk).calls[-1].prompt
    assert stable(again.drain()) == stable(desk.drain())  # but for what the engine had in its cache


async def test_the_log_holds_each_message_once_and_gives_every_prompt_back() -> None:
    desk = desk_of(lambda *_: say("word"), parallel=1)
    parts = []
    for number in range(10):
        await desk.drafts("generator", Question(note=f"Note {number}: {'text ' * 50}", answer=Word), 2)
        parts.append(desk.drain())
    calls = recorded_calls(parts)
    assert [call.prompt for call in calls] == [call.prompt for call in backend_of(desk).calls]
    logged = sum(len(message.content) for part in parts for call in part.calls for message in call.messages)
    assert logged <= 1.2 * sum(len(message.content) for message in calls[-1].prompt)
    replayed = RecordedBackend(calls)
    for call in backend_of(desk).calls:
        answer = await replayed.complete(call.prompt, _schema(call.schema_sha256), call.sampling)
        assert answer == call.completion


def _schema(digest: str) -> Schema | None:
    from covey.models.calls import schema_digest
    from covey.models.schema import schema_of

    assert digest == schema_digest(schema_of(Word))
    return schema_of(Word)


async def test_secrets_do_not_reach_the_ledger() -> None:
    desk = desk_of([say("one")])
    desk.observe("tester", "password = 'AKIAIOSFODNN7EXAMPLE'")
    await desk.ask("generator", ASKED)
    assert "AKIAIOSFODNN7EXAMPLE" not in desk.drain().model_dump_json()


async def test_with_no_time_left_no_engine_is_asked_for() -> None:
    desk = desk_of([say("one")], left=0.0)
    with pytest.raises(AgentFeedback, match="time was up"):
        await desk.ask("generator", ASKED)
    assert isinstance(desk.engines, One)
    assert desk.engines.roles == []
    assert desk.drain() == Minutes()
