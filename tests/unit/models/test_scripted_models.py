"""Scripted and recorded models: exact, repeatable, and loud when asked for what they do not have."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.core.errors import ContextOverflow, EngineError, ReplayDivergence, RunError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.models.backends.scripted import render
from covey.testing.models import RecordedBackend, RecordedCall, ScriptedBackend, record
from support_models import CARD, CARD_TEXT, HELLO, STRANGE, user


async def test_answers_come_in_order_and_then_an_error_says_that_the_script_is_over() -> None:
    backend = ScriptedBackend(["one", "two"])
    assert [(await backend.complete(HELLO, None, Sampling())).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(RunError, match="asked 3 times"):
        await backend.complete(HELLO, None, Sampling())


async def test_a_function_of_the_question_can_answer() -> None:
    def answer(prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> str:
        return f"{prompt[-1].content}/{schema is not None}/{sampling.seed}"

    completion = await ScriptedBackend(answer).complete(user("hi"), CARD, Sampling(seed=3))
    assert completion.text == "hi/True/3"


async def test_a_scripted_error_is_raised_and_the_script_goes_on() -> None:
    backend = ScriptedBackend([EngineError("gone"), "back"])
    with pytest.raises(EngineError, match="gone"):
        await backend.complete(HELLO, None, Sampling())
    assert (await backend.complete(HELLO, None, Sampling())).text == "back"


async def test_an_appended_prompt_prefills_only_what_is_new() -> None:
    backend = ScriptedBackend(["a"] * 3)
    first = user("x" * 400)
    second = (*first, ChatMessage(role="assistant", content="a"), ChatMessage(role="user", content="more"))
    usages = [(await backend.complete(prompt, None, Sampling())).usage for prompt in (first, second, first)]
    whole = len(render(first)) // 4
    assert usages[0].reused == 0
    assert usages[0].prefilled >= whole
    assert usages[1].reused == whole
    assert usages[1].prefilled + usages[1].reused == await backend.count(second)
    assert usages[2].prefilled >= 1  # something must be computed to go on from
    other = (await ScriptedBackend(["a", "a"]).complete(user("y" * 400), None, Sampling())).usage
    assert other.reused == 0


@given(st.text(alphabet="ab", max_size=60), st.text(alphabet="ab", max_size=60))
def test_the_common_beginning_is_found_as_by_comparing_letters(one: str, other: str) -> None:
    from covey.models.backends.scripted import _common

    expected = 0
    while expected < min(len(one), len(other)) and one[expected] == other[expected]:
        expected += 1
    assert _common(one.encode(), other.encode()) == expected


async def test_limits_stop_strings_and_the_window_hold() -> None:
    backend = ScriptedBackend(["a" * 100, "before END after", "x"], capabilities=Capabilities(context=50))
    cut = await backend.complete(HELLO, None, Sampling(max_tokens=5))
    assert (cut.text, cut.finish, cut.usage.generated) == ("a" * 20, "length", 5)
    assert (await backend.complete(HELLO, None, Sampling(stop=("END",)))).text == "before "
    with pytest.raises(ContextOverflow) as caught:
        await backend.complete(user("x" * 400), None, Sampling())
    assert caught.value.tokens > caught.value.context == 50
    assert backend.left == 1


async def test_the_simulated_clock_counts_prefilled_and_generated_tokens() -> None:
    backend = ScriptedBackend(["a" * 40], prefill_s=0.01, decode_s=1.0)
    completion = await backend.complete(HELLO, None, Sampling())
    assert completion.first_token_s == pytest.approx(completion.usage.prefilled * 0.01)
    assert backend.elapsed_s == completion.duration_s == pytest.approx(completion.first_token_s + 10.0)


async def _recorded() -> list[RecordedCall]:
    backend = ScriptedBackend(["hello", CARD_TEXT])
    await backend.complete(HELLO, None, Sampling())
    await backend.complete(user("card"), CARD, Sampling(max_tokens=64))
    return backend.calls


async def test_a_recorded_model_says_the_same_again_byte_for_byte() -> None:
    calls = await _recorded()
    again = [RecordedCall.model_validate_json(call.model_dump_json()) for call in calls]
    backend = RecordedBackend(again)
    assert await backend.complete(HELLO, None, Sampling()) == calls[0].completion
    assert await backend.complete(user("card"), CARD, Sampling(max_tokens=64)) == calls[1].completion
    assert backend.left == 0
    with pytest.raises(ReplayDivergence, match="one more"):
        await backend.complete(HELLO, None, Sampling())


@pytest.mark.parametrize(
    ("prompt", "schema", "sampling", "named"),
    [
        (user("Say hellO."), None, Sampling(), r"message 1 differs from character 9"),
        (user("Say hello. And"), None, Sampling(), r"message 1 differs from character 11"),
        ((*HELLO, *HELLO), None, Sampling(), "2 messages instead of 1"),
        ((ChatMessage(role="system", content="Say hello."),), None, Sampling(), "'system' instead of 'user'"),
        (HELLO, CARD, Sampling(), "schema"),
        (HELLO, None, Sampling(seed=1), r"seed \(1 instead of 0\)"),
    ],
)
async def test_a_question_that_was_not_recorded_is_named_and_uses_nothing_up(
    prompt: tuple[ChatMessage, ...], schema: Schema | None, sampling: Sampling, named: str
) -> None:
    backend = RecordedBackend(await _recorded())
    with pytest.raises(ReplayDivergence, match=named):
        await backend.complete(prompt, schema, sampling)
    assert (await backend.complete(HELLO, None, Sampling())).text == "hello"


def test_what_decides_an_answer_decides_the_digest_and_nothing_else_does() -> None:
    base = record(HELLO, None, Sampling(), Completion(text="a", finish="stop"))
    same = record(HELLO, None, Sampling(), Completion(text="b", finish="stop", duration_s=3), role="coder")
    others = [
        record(user("x"), None, Sampling(), base.completion),
        record(HELLO, CARD, Sampling(), base.completion),
        record(HELLO, None, Sampling(seed=1), base.completion),
        record(user(STRANGE["lone surrogate"]), None, Sampling(), base.completion),
    ]
    assert same.digest == base.digest
    assert len({base.digest, *(other.digest for other in others)}) == 5
