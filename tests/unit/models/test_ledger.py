"""A prompt that only grows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from covey.core.model import ChatMessage, Completion
from covey.core.run import Usage
from covey.models.ledger import Entry, Ledger, Prefix, grows
from covey.models.schema import Bounded
from covey.models.structured import Answered
from support_answers import WORDS_OF_TEMPLATE, FixedBackend

pytestmark = pytest.mark.requirement("F3")

PREFIX = Prefix(charter="Mend one fault.", tools="read(path)", repository="a.py: f", task="f(2) should be 4.")

addition = st.tuples(st.sampled_from(["note", "observe", "answer"]), st.sampled_from("AB"), st.text(min_size=1))


class Said(Bounded):
    """An answer without fields."""


def add(ledger: Ledger, what: tuple[str, str, str]) -> None:
    kind, role, text = what
    if kind == "answer":
        ledger.answer(role, Completion(text=text, finish="stop", usage=Usage(prefilled=3, reused=5, generated=2)))
    elif kind == "note":
        ledger.note(role, text)
    else:
        ledger.observe(role, text)


@settings(max_examples=80, deadline=None)
@given(st.lists(addition, max_size=12))
def test_what_was_written_before_is_a_prefix_of_what_is_written_later(additions: list[tuple[str, str, str]]) -> None:
    ledger = Ledger(PREFIX)
    seen = [(ledger.data(), ledger.messages())]
    for what in additions:
        add(ledger, what)
        data, messages = ledger.data(), ledger.messages()
        for earlier_data, earlier_messages in seen:
            assert data.startswith(earlier_data)
            assert grows(earlier_messages, messages)
        seen.append((data, messages))
    roles = [message.role for message in ledger.messages()]
    assert roles == ["system", *("user" if index % 2 == 0 else "assistant" for index in range(len(roles) - 1))]
    assert len({data for data, _ in seen}) == len(seen), "nothing that was added is lost"


def test_the_rule_of_growth_can_be_broken() -> None:
    say = [ChatMessage(role="user", content=text) for text in ("a", "ab", "b")]
    assert grows(say[:1], [say[1]])
    assert grows([], say)
    assert not grows(say[:1], [say[2]])
    assert not grows(say[:2], say[:1])
    assert not grows(say[:2], [say[2], say[1]])
    assert not grows(say[:1], [ChatMessage(role="assistant", content="a")])


def test_entries_of_one_side_share_a_message_and_an_answer_closes_it() -> None:
    ledger = Ledger(PREFIX)
    ledger.note("coder", "Write an edit.")
    ledger.observe("coder", "1|def f(x):")
    add(ledger, ("answer", "coder", '{"edits":[]}'))
    ledger.note("reviewer", "Is it right?")
    assert [message.content for message in ledger.messages()] == [
        "Mend one fault.\n\nread(path)\n\na.py: f",
        "f(2) should be 4.\n\nWrite an edit.\n\n1|def f(x):",
        '{"edits":[]}',
        "Is it right?",
    ]


def test_failed_turns_are_kept_and_every_completion_is_counted() -> None:
    ledger = Ledger(PREFIX)
    ledger.note("coder", "Write.")
    cost = Usage(prefilled=1, reused=2, generated=3)
    done = Completion(text="{}", finish="stop", usage=cost)
    messages = (
        ChatMessage(role="assistant", content="no"),
        ChatMessage(role="user", content="That is not JSON."),
        ChatMessage(role="assistant", content="{}"),
    )
    ledger.answered("coder", Answered(Said(), (done, done), messages))
    assert [(entry.kind, entry.side) for entry in ledger.entries] == [
        ("note", "user"),
        ("failed", "assistant"),
        ("repair", "user"),
        ("answer", "assistant"),
    ]
    assert ledger.usage == cost + cost
    add(ledger, ("answer", "reviewer", "yes"))
    assert ledger.usage_by_role() == {"coder": cost + cost, "reviewer": Usage(prefilled=3, reused=5, generated=2)}


async def test_tokens_of_each_entry_are_the_engines_own() -> None:
    ledger = Ledger(PREFIX)
    backend = FixedBackend()
    assert await ledger.count(backend) == await backend.count(ledger.messages()) == sum(ledger.tokens)
    ledger.note("coder", "12345")
    add(ledger, ("answer", "coder", "123"))
    assert await ledger.count(backend) == await backend.count(ledger.messages())
    assert ledger.tokens[1:] == (5 + len("\n\n"), 3 + WORDS_OF_TEMPLATE)


def test_forks_share_what_was_and_not_what_comes() -> None:
    ledger = Ledger(PREFIX)
    ledger.note("coder", "Draft.")
    left, right = ledger.fork(), ledger.fork()
    add(left, ("answer", "coder", "one"))
    add(right, ("answer", "coder", "two"))
    assert left.data().startswith(ledger.data())
    assert right.data().startswith(ledger.data())
    assert len(ledger.entries) == 1
    assert left.messages()[:2] == right.messages()[:2] == ledger.messages()
    assert left.usage == right.usage == Usage(prefilled=3, reused=5, generated=2)
    assert ledger.usage == Usage()


def test_parts_that_are_not_there_leave_no_gap_and_empty_entries_are_refused() -> None:
    assert Prefix(charter="c", task="t").system == "c"
    with pytest.raises(ValidationError):
        Ledger(PREFIX).note("coder", "")
    with pytest.raises(ValidationError):
        Entry(role="coder", kind="note", text="x", priority=10)
