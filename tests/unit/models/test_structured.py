"""Asking for a typed answer until it fits, a bounded number of times."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from covey.core.errors import AgentFeedback, AnswerInvalid, ContextOverflow, EngineError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling
from covey.core.run import Usage
from covey.models.schema import Bounded, max_tokens_for, schema_of
from covey.models.structured import ANSWER_CHARACTERS, KEPT_CHARACTERS, ask, parse_object
from support_answers import FixedBackend

PROMPT = (ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="Is it right?"))
STRICT = Capabilities(context=8192, schema_support="json_schema")


class Verdict(Bounded):
    right: bool
    line: int = Field(ge=1, le=9)


GOOD = '{"right":true,"line":3}'


async def test_a_good_answer_is_typed_and_the_request_is_bounded() -> None:
    backend = FixedBackend(GOOD, capabilities=STRICT)
    sampling = Sampling(temperature=0.5, seed=7, max_tokens=1, thinking=True)
    done = await ask(backend, PROMPT, Verdict, sampling=sampling)
    assert done.value == Verdict(right=True, line=3)
    assert done.messages == (ChatMessage(role="assistant", content=GOOD),)
    assert done.usage == Usage(prefilled=10, generated=len(GOOD))
    assert backend.prompts == [PROMPT]
    assert backend.schemas == [schema_of(Verdict)]
    room = 8192 - await backend.count(PROMPT)
    limit = max_tokens_for(schema_of(Verdict), room)
    assert backend.samplings == [sampling.model_copy(update={"max_tokens": limit, "thinking": False})]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("", "empty"),
        ("no", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"right":true}', "line: Field required"),
        ('{"right":true,"line":10}', "line: Input should be less than or equal to 9"),
        ('{"right":true,"line":3,"line":4}', "the key 'line' twice"),
        ('{"right":true,"line":NaN}', "NaN is not a JSON number"),
        ('{"right":true,"line":3} and so on', "Extra data"),
        (Completion(text='{"right":tr', finish="length"), "too long"),
        (Completion(text=GOOD, finish="length"), "too long"),
    ],
)
async def test_a_bad_answer_is_sent_back_with_the_reason(bad: str | Completion, reason: str) -> None:
    backend = FixedBackend(bad, GOOD, capabilities=STRICT)
    done = await ask(backend, PROMPT, Verdict)
    assert done.value.line == 3
    assert [message.role for message in done.messages] == ["assistant", "user", "assistant"]
    assert reason in done.messages[1].content
    assert len(done.messages[1].content) < 500
    assert backend.prompts[1] == (*PROMPT, *done.messages[:2]), "the failed turn stays"
    assert len(done.completions) == 2


async def test_repairs_end_and_the_beginning_of_the_last_answer_is_kept() -> None:
    backend = FixedBackend("no", "nope " * 1_000, capabilities=STRICT)
    with pytest.raises(AnswerInvalid, match="no usable Verdict in 2 tries") as caught:
        await ask(backend, PROMPT, Verdict, repairs=1)
    assert caught.value.detail == ("nope " * 100)
    assert len(backend.prompts) == 2


async def test_a_long_failed_answer_does_not_fill_the_window() -> None:
    backend = FixedBackend("x" * (KEPT_CHARACTERS + 1), GOOD, capabilities=STRICT)
    done = await ask(backend, PROMPT, Verdict)
    assert len(done.messages[0].content) < KEPT_CHARACTERS


async def test_what_a_schema_cannot_say_is_checked_and_told() -> None:
    def check(verdict: Verdict) -> None:
        if verdict.line != 4:
            raise AgentFeedback("Line 3 is blank; choose line 4.")

    backend = FixedBackend(GOOD, '{"right":true,"line":4}', capabilities=STRICT)
    done = await ask(backend, PROMPT, Verdict, check=check)
    assert done.value.line == 4
    assert done.messages[1].content.startswith("Line 3 is blank; choose line 4.")


async def test_an_engine_that_enforces_nothing_is_shown_the_schema_and_read_leniently() -> None:
    backend = FixedBackend(f"<think>{{maybe}}</think>Sure:\n```json\n{GOOD}\n```\nThat is it.")
    done = await ask(backend, PROMPT, Verdict)
    assert done.value.line == 3
    assert backend.prompts[0][0] == PROMPT[0]
    assert backend.prompts[0][1].content.startswith(PROMPT[1].content)
    assert json.dumps(schema_of(Verdict), separators=(",", ":")) in backend.prompts[0][1].content
    assert len(backend.prompts[0]) == len(PROMPT)


async def test_a_prompt_without_room_for_an_answer_is_not_sent() -> None:
    backend = FixedBackend(capabilities=Capabilities(context=30, schema_support="grammar"))
    with pytest.raises(ContextOverflow, match="no room") as caught:
        await ask(backend, PROMPT, Verdict)
    assert (caught.value.tokens, caught.value.context) == (await backend.count(PROMPT), 30)


@pytest.mark.parametrize("error", [EngineError("gone"), ContextOverflow("too long")])
async def test_what_the_engine_raises_passes_through(error: Exception) -> None:
    with pytest.raises(type(error)):
        await ask(FixedBackend(error, capabilities=STRICT), PROMPT, Verdict)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":1}', {"a": 1}),
        ('Use {braces} like {"a":1} or {"b":2}.', {"a": 1}),
        ('{"a":"</think>{"}', {"a": "</think>{"}),
        ('\ufeff {"a":1}', {"a": 1}),
        ('{"a":"\\ud800x\\ud83d\\ude00"}', {"a": "\ufffdx\U0001f600"}),
    ],
)
def test_the_first_object_is_found(text: str, found: object) -> None:
    assert parse_object(text, lenient=True) == found


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        '{"a":' * 50_000,
        "[" * 100_000 + "{",
        '{"a":1' + " " * ANSWER_CHARACTERS,
        '{"a":{"b":1,"b":2}}',
        '{"a":' + "9" * 10_000 + "}",
        '{"a":Infinity}',
        "{'a': 1}",
        '{"a": "' + "\\" * 1_001,
        "\x00",
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_hostile_answers_end_in_feedback(text: str, lenient: bool) -> None:
    with pytest.raises(AgentFeedback):
        parse_object(text, lenient=lenient)


@given(st.text(), st.booleans())
def test_any_text_is_an_object_or_feedback(text: str, lenient: bool) -> None:
    with contextlib.suppress(AgentFeedback):
        assert isinstance(parse_object(text, lenient=lenient), dict)
