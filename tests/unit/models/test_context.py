"""A ledger's view never leaves the window, and never loses the task."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.core.errors import ContextOverflow
from covey.core.model import Capabilities, Completion
from covey.models.context import ContextManager, Fitted, clip
from covey.models.ledger import PINNED, Ledger, Prefix, grows
from support_answers import FixedBackend

pytestmark = pytest.mark.requirement("A7")

PREFIX = Prefix(charter="Mend one fault.", repository="a.py: f", task="f(2) should be 4.")

addition = st.tuples(
    st.sampled_from(["note", "observe", "answer"]),
    st.text("ab \n✓", min_size=1, max_size=40),
    st.integers(1, 120),
    st.sampled_from([None, 0, PINNED]),
)


def add(ledger: Ledger, kind: str, text: str, priority: int | None = None) -> None:
    if kind == "answer":
        ledger.answer("coder", Completion(text=text, finish="stop"), priority=priority)
    elif kind == "note":
        ledger.note("coder", text, priority=priority)
    else:
        ledger.observe("tester", text, priority=priority)


def backend(context: int, *replies: Exception) -> FixedBackend:
    return FixedBackend(*replies, capabilities=Capabilities(context=context))


@settings(max_examples=150, deadline=None)
@given(st.lists(addition, max_size=14), st.integers(150, 6_000), st.integers(1, 300))
async def test_the_view_never_leaves_the_window_and_never_loses_the_task(
    additions: list[tuple[str, str, int, int | None]], context: int, answer: int
) -> None:
    ledger = Ledger(PREFIX)
    model = backend(context)
    manager = ContextManager(model, ledger)
    before = Fitted(messages=(), tokens=0)
    for kind, text, times, priority in additions:
        add(ledger, kind, text * times, priority)
        pinned = [entry for entry in ledger.entries if entry.priority == PINNED]
        try:
            fitted = await manager.fit(answer)
        except ContextOverflow:
            # Prefix, pinned entries and a clipped remainder of the newest ones are all that may be in the way.
            least = sum(len(entry.text.encode()) + 20 for entry in pinned) + 4 * 3 * 640 + 200
            assert least > context - answer
            continue
        assert fitted.tokens == await model.count(fitted.messages) <= context - answer
        whole = "\n".join(message.content for message in fitted.messages)
        assert fitted.messages[0].content == PREFIX.system
        assert fitted.messages[1].content.startswith(PREFIX.task)
        assert all(entry.text in whole for entry in pinned)
        assert all(record.after < record.before for record in fitted.dropped)
        if not fitted.dropped:
            assert grows(before.messages, fitted.messages), "without compaction the view only grows"
        before = fitted
    assert len(ledger.entries) == len(additions), "the ledger itself keeps everything"


async def test_what_fits_is_sent_as_it_is() -> None:
    ledger = Ledger(PREFIX)
    add(ledger, "observe", "x" * 500)
    fitted = await ContextManager(backend(2_000), ledger).fit(100)
    assert fitted.messages == ledger.messages()
    assert fitted.dropped == ()


async def test_old_observations_are_masked_before_anything_else_is_touched() -> None:
    ledger = Ledger(PREFIX)
    for index in range(6):
        add(ledger, "observe", f"log {index}\n" + "x" * 300)
        add(ledger, "answer", f"answer {index} " + "y" * 100)
    fitted = await ContextManager(backend(2_500), ledger).fit(200)
    assert {record.action for record in fitted.dropped} == {"masked"}
    assert [record.index for record in fitted.dropped] == sorted(record.index for record in fitted.dropped)
    text = "\n".join(message.content for message in fitted.messages)
    assert "[observation of tester left out: 2 lines, 306 characters; it began: log 0]" in text
    assert all(f"answer {index} " in text for index in range(6))
    assert "log 5\n" + "x" * 300 in text, "the newest entries stay whole"


async def test_less_important_entries_go_first() -> None:
    ledger = Ledger(PREFIX)
    add(ledger, "observe", "important " + "x" * 600, 8)
    add(ledger, "observe", "usual " + "x" * 600)
    for _ in range(4):
        add(ledger, "answer", "ok")
    fitted = await ContextManager(backend(1_400), ledger).fit(100)
    assert [record.index for record in fitted.dropped] == [1]


async def test_one_huge_entry_is_cut_before_the_others_suffer() -> None:
    ledger = Ledger(PREFIX)
    for index in range(4):
        add(ledger, "note", f"note {index}")
    add(ledger, "observe", "first line\n" + "z" * 50_000 + "\nlast line")
    fitted = await ContextManager(backend(4_000), ledger).fit(500)
    assert [(record.index, record.action) for record in fitted.dropped] == [(4, "clipped")]
    assert "first line\n" in fitted.messages[1].content
    assert fitted.messages[1].content.endswith("last line")


async def test_a_prefix_that_does_not_fit_is_a_typed_failure_that_says_the_numbers() -> None:
    ledger = Ledger(PREFIX)
    with pytest.raises(ContextOverflow, match="window of 100 leaves 50") as caught:
        await ContextManager(backend(100), ledger).fit(50)
    assert caught.value.tokens == await backend(100).count(ledger.messages())


async def test_an_engine_that_counts_more_than_we_do_makes_one_more_compaction() -> None:
    ledger = Ledger(PREFIX)
    for index in range(8):
        add(ledger, "observe", f"log {index} " + "x" * 200)
    manager = ContextManager(backend(4_000), ledger)
    seen: list[Fitted] = []

    async def call(fitted: Fitted) -> str:
        seen.append(fitted)
        if len(seen) == 1:
            raise ContextOverflow("too long", tokens=fitted.tokens * 2, context=2_000)
        return "done"

    result, dropped = await manager.run(100, call)
    assert result == "done"
    assert seen[0].dropped == ()
    assert dropped == seen[1].dropped != ()
    assert seen[1].tokens * 2 <= 2_000 - 100, "the engine's count decides"


async def test_the_second_overflow_is_not_tried_again() -> None:
    ledger = Ledger(PREFIX)
    add(ledger, "observe", "x" * 900)
    calls: list[Fitted] = []

    async def call(fitted: Fitted) -> str:
        calls.append(fitted)
        raise ContextOverflow("too long")

    with pytest.raises(ContextOverflow, match="too long"):
        await ContextManager(backend(4_000), ledger).run(100, call)
    assert len(calls) == 2
    assert calls[1].tokens < calls[0].tokens


async def test_a_fork_keeps_the_view_of_its_parent() -> None:
    ledger = Ledger(PREFIX)
    for index in range(8):
        add(ledger, "observe", f"log {index} " + "x" * 200)
    manager = ContextManager(backend(1_500), ledger)
    fitted = await manager.fit(100)
    assert fitted.dropped
    branch = ledger.fork()
    add(branch, "note", "draft")
    other = await manager.fork(branch).fit(100)
    assert other.dropped == ()
    assert grows(fitted.messages, other.messages)


def test_a_clipped_text_says_how_much_is_missing() -> None:
    assert clip("short") == "short"
    assert clip("a" * 10 + "b" * 10, 4, 3) == "aaaa\n[13 characters left out]\nbbb"
