"""Durable execution: resume, replay, divergence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel, field_serializer

from covey.coordination.journal import BRIEF, Journal
from covey.coordination.replay import replay
from covey.core.canonical import Frozen, Volatile
from covey.core.errors import EditError, ReplayDivergence, StoreConflict, StoreCorrupt
from covey.core.run import Run, Usage
from covey.testing.memory import MemoryStore
from support_store import Ask, Found, honest, make_run, small_walk

pytestmark = pytest.mark.requirement("A3", "F7")


class Worker:
    """Work that counts, and that can be made to fail."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.done: list[int] = []
        self.fail_at = fail_at

    async def __call__(self, number: int) -> Found:
        if number == self.fail_at:
            raise EditError("no such line")
        self.done.append(number)
        return await honest(number)


async def never() -> Found:
    raise AssertionError("work was done that is recorded")


@pytest.fixture
def run() -> Run:
    return make_run()


@pytest.fixture
async def store(run: Run) -> MemoryStore:
    made = MemoryStore()
    await made.create(run)
    return made


async def walked(store: MemoryStore, run: Run, count: int, work: Callable[[int], Awaitable[Found]]) -> Journal:
    journal = await Journal.open(store, run)
    await small_walk(count, work)(journal)
    return journal


async def test_a_live_walk_records_each_step_and_moves_the_head(store: MemoryStore, run: Run) -> None:
    worker = Worker()
    journal = await walked(store, run, 4, worker)
    now = await store.get(run.id)
    assert worker.done == [0, 1, 2, 3]
    assert (journal.head, journal.position) == (now.head, now.steps) == ((await store.steps(run.id))[-1].hash, 4)
    assert journal.usage == Usage(generated=0 + 1 + 2 + 3)
    assert not journal.replaying
    assert await store.check() == []


async def test_a_second_walk_does_no_work_and_ends_at_the_same_head_and_answer(store: MemoryStore, run: Run) -> None:
    first = await Journal.open(store, run)
    answer = await small_walk(4, Worker())(first)
    second = await Journal.open(store, run)
    assert second.replaying
    again = await small_walk(4, lambda _: never())(second)
    assert again == answer
    assert (second.head, second.usage, second.position) == (first.head, first.usage, 4)
    assert (await store.get(run.id)).steps == 4


async def test_a_walk_that_failed_goes_on_with_the_step_that_failed(store: MemoryStore, run: Run) -> None:
    with pytest.raises(EditError):
        await walked(store, run, 5, Worker(fail_at=3))
    assert (await store.get(run.id)).steps == 3
    worker = Worker()
    journal = await walked(store, run, 5, worker)
    assert worker.done == [3, 4]
    uninterrupted = MemoryStore()
    await uninterrupted.create(run)
    assert journal.head == (await walked(uninterrupted, run, 5, Worker())).head


async def test_equal_runs_with_other_ids_and_clocks_end_at_the_same_head(store: MemoryStore, run: Run) -> None:
    other = make_run("20270101-000000-abcdef").model_copy(update={"created_at": 99.0, "covey_version": "0.2.0"})
    assert other.task.id != run.task.id
    await store.create(other)

    async def slower(number: int) -> Found:
        return (await honest(number)).model_copy(update={"duration_s": 3.0})

    assert (await walked(store, run, 3, honest)).head == (await walked(store, other, 3, slower)).head


async def test_what_is_returned_live_is_what_a_resumed_walk_sees(store: MemoryStore, run: Run) -> None:
    class Loose(BaseModel):
        number: float = 1  # an int until it has been through JSON
        duration_s: Volatile[float] = 0.0

    live = await (await Journal.open(store, run)).step("a", {}, Loose, lambda: _answer(Loose(duration_s=2.5)))
    resumed = await (await Journal.open(store, run)).step("a", {}, Loose, never)  # type: ignore[arg-type]
    assert live == resumed
    assert type(live.number) is type(resumed.number) is float
    assert resumed.duration_s == 2.5


async def _answer(value: Any) -> Any:
    return value


async def test_an_answer_that_does_not_survive_recording_is_refused_and_not_recorded(
    store: MemoryStore, run: Run
) -> None:
    class More(Found):
        extra: int = 0

    class Drifting(Frozen):
        number: int = 0

        @field_serializer("number")
        def one_more(self, value: int) -> int:
            return value + 1

    class Raw(Frozen):
        data: Volatile[bytes] = b""

    journal = await Journal.open(store, run)
    with pytest.raises(TypeError, match="not the same Drifting"):
        await journal.step("a", {}, Drifting, lambda: _answer(Drifting()))
    with pytest.raises(TypeError, match="cannot be recorded"):
        await journal.step("a", {}, Found, lambda: _answer(More(place="x", extra=1)))
    with pytest.raises(TypeError, match="cannot be recorded"):
        await journal.step("a", {}, Raw, lambda: _answer(Raw(data=b"\xff\xfe")))
    with pytest.raises(TypeError, match="cannot be recorded"):
        await journal.step("a", {}, Found, lambda: _answer(Found(place="x", scores={"a": float("nan")})))
    assert (await store.get(run.id)).steps == journal.position == 0
    assert (await journal.step("a", {}, Found, lambda: honest(0))).place == "module0.py"


async def test_another_name_at_a_recorded_place_is_a_divergence_that_names_both(store: MemoryStore, run: Run) -> None:
    await (await Journal.open(store, run)).step("locate", {"q": 1}, Found, lambda: honest(1))
    with pytest.raises(ReplayDivergence, match=r"Step 0 .*locate.*guess.*0\.1\.0"):
        await (await Journal.open(store, run)).step("guess", {"q": 1}, Found, never)


async def test_another_request_at_a_recorded_place_is_a_divergence(store: MemoryStore, run: Run) -> None:
    await (await Journal.open(store, run)).step("locate", Ask(question="where", at=1.0), Found, lambda: honest(1))
    with pytest.raises(ReplayDivergence, match="was asked"):
        await (await Journal.open(store, run)).step("locate", Ask(question="why", at=1.0), Found, never)
    journal = await Journal.open(store, run)
    assert await journal.step("locate", Ask(question="where", at=2.0), Found, never) == await honest(1)


async def test_an_answer_model_that_changed_is_a_divergence(store: MemoryStore, run: Run) -> None:
    class Other(Frozen):
        place: int

    class Newer(Found):
        column: int = 0

    await (await Journal.open(store, run)).step("a", {}, Found, lambda: honest(1))
    with pytest.raises(ReplayDivergence, match="no longer a Other"):
        await (await Journal.open(store, run)).step("a", {}, Other, never)  # type: ignore[arg-type]
    with pytest.raises(ReplayDivergence, match="other stable fields"):
        await (await Journal.open(store, run)).step("a", {}, Newer, never)  # type: ignore[arg-type]


async def test_a_detail_that_contradicts_the_hashed_output_is_a_divergence(store: MemoryStore, run: Run) -> None:
    journal = await Journal.open(store, run)
    await journal.step("a", {}, Found, lambda: honest(1))
    (step,) = await store.steps(run.id)
    forged = step.model_copy(update={"detail": {"place": "elsewhere.py"}})
    liar = await Journal.open(store, run)
    liar._recorded = [forged]
    with pytest.raises(ReplayDivergence, match="other stable fields"):
        await liar.step("a", {}, Found, never)


async def test_steps_left_over_are_a_divergence_in_any_mode(store: MemoryStore, run: Run) -> None:
    await walked(store, run, 3, honest)
    for only_replay in (True, False):
        journal = await Journal.open(store, run, replay=only_replay)
        with pytest.raises(ReplayDivergence, match="left over: look2"):
            await small_walk(2, lambda _: never())(journal)


async def test_a_replay_never_works(store: MemoryStore, run: Run) -> None:
    await walked(store, run, 2, honest)
    journal = await Journal.open(store, run, replay=True)
    with pytest.raises(ReplayDivergence, match="ends after 2 steps, but step look2"):
        await small_walk(3, lambda _: never())(journal)
    assert (await store.get(run.id)).steps == 2


async def test_a_replay_reports_the_same_head(store: MemoryStore, run: Run) -> None:
    await walked(store, run, 3, honest)
    report = await replay(store, run.id[:8], small_walk(3, lambda _: never()))
    assert report.identical
    assert (report.walked_steps, report.recorded_steps, report.run_id) == (3, 3, run.id)
    assert report.walked_head == report.recorded_head == (await store.get(run.id)).head


async def test_a_replay_reports_where_the_walk_leaves_the_log(store: MemoryStore, run: Run) -> None:
    await walked(store, run, 3, honest)
    longer = await replay(store, run.id, small_walk(4, lambda _: never()))
    assert not longer.identical
    assert longer.followed
    assert "look3" in longer.divergence
    shorter = await replay(store, run.id, small_walk(2, lambda _: never()))
    assert not shorter.identical
    assert not shorter.followed
    assert shorter.walked_steps == 2

    async def another(journal: Journal) -> None:
        await journal.step("else", {}, Found, never)

    assert "else" in (await replay(store, run.id, another)).divergence


async def test_a_run_about_something_else_is_not_taken_up(store: MemoryStore, run: Run) -> None:
    with pytest.raises(ReplayDivergence, match="another task"):
        await Journal.open(store, make_run(run.id, seed=1))


async def test_a_broken_chain_is_not_walked(store: MemoryStore, run: Run) -> None:
    await walked(store, run, 3, honest)
    del store.runs[run.id].steps[1]
    with pytest.raises(StoreCorrupt, match="broken at step 1"):
        await Journal.open(store, run)
    del store.runs[run.id].steps[1]
    with pytest.raises(StoreCorrupt, match="head"):
        await Journal.open(store, run)


async def test_of_two_walks_of_one_run_one_is_stopped(store: MemoryStore, run: Run) -> None:
    one, two = await Journal.open(store, run), await Journal.open(store, run)
    await one.step("a", {}, Found, lambda: honest(0))
    with pytest.raises(StoreConflict):
        await two.step("a", {}, Found, lambda: honest(0))
    assert two.position == 0


async def test_a_step_inside_a_step_or_beside_it_is_a_mistake(store: MemoryStore, run: Run) -> None:
    journal = await Journal.open(store, run)

    async def inside() -> Found:
        return await journal.step("inner", {}, Found, lambda: honest(0))

    with pytest.raises(RuntimeError, match="one order"):
        await journal.step("outer", {}, Found, inside)
    results = await asyncio.gather(
        *(journal.step(f"s{n}", {}, Found, lambda: honest(0)) for n in range(2)), return_exceptions=True
    )
    assert [type(result) for result in results] == [Found, RuntimeError]


async def test_a_cancelled_step_is_not_recorded_and_can_be_done_later(store: MemoryStore, run: Run) -> None:
    journal = await Journal.open(store, run)
    reached = asyncio.Event()

    async def hang() -> Found:
        reached.set()
        await asyncio.Event().wait()
        return await honest(0)

    task = asyncio.create_task(journal.step("a", {}, Found, hang))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await store.get(run.id)).steps == 0
    assert (await journal.step("a", {}, Found, lambda: honest(0))).place == "module0.py"


async def test_each_step_holds_the_request_and_the_answer_as_bounded_messages(store: MemoryStore, run: Run) -> None:
    journal = await Journal.open(store, run)
    await journal.step("a", Ask(question="q" * 10_000, at=3.0), Found, lambda: honest(2), role="localiser")
    (step,) = await store.steps(run.id)
    asked, answered = step.messages
    assert (asked.sender, asked.receiver, answered.sender, answered.receiver) == (
        "coordinator",
        "localiser",
        "localiser",
        "coordinator",
    )
    assert BRIEF < len(asked.content) < BRIEF + 40
    assert '"place":"module2.py"' in answered.content
    assert "duration_s" not in answered.content
    assert asked.metadata == {"step": "a"}
    assert step.detail == (await honest(2)).model_dump(mode="json") | {"seen": step.detail["seen"]}  # type: ignore[index,call-overload]
