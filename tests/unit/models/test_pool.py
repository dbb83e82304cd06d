"""The pool lends models within its budget, whatever its callers and engines do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from covey.core.errors import ConfigError, DoesNotFit, EngineError, EngineOutOfMemory, UnusableModel
from covey.core.model import Sampling
from covey.core.run import Usage
from covey.models.pool import ModelPool, PoolStats
from covey.models.scheduler import Fairness
from support_pool import FakeEngine, Machine, prompt

pytestmark = pytest.mark.requirement("A4", "B5", "D6", "D14")


async def _ask(pool: ModelPool, name: str, length: int = 10, key: str | None = None) -> str:
    async with asyncio.timeout(30), pool.use(name, context_key=key) as backend:
        return (await backend.complete(prompt(length), None, Sampling())).model


async def test_a_model_is_loaded_once_and_stays_for_the_next_request() -> None:
    machine = Machine(8)
    async with machine.pool({"a": 4}) as pool:
        assert [await _ask(pool, "a"), await _ask(pool, "a")] == ["a", "a"]
        assert pool.resident == ("a",)

    assert machine.log == ["start a", "stop a"]


async def test_two_models_that_fit_stay_in_memory_together() -> None:
    machine = Machine(8)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        for name in ("a", "b", "a", "b"):
            await _ask(pool, name)
        assert pool.stats == PoolStats(loads=2, peak_bytes=8)
        assert pool.used_bytes == 8


async def test_the_old_engine_has_ended_before_the_new_one_starts() -> None:
    machine = Machine(4, slots=False)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        await _ask(pool, "a")
        await _ask(pool, "b")
        assert pool.stats.swaps == 1

    assert machine.log == ["start a", "stop a", "start b", "stop b"]
    assert machine.peak == 4


async def test_the_fake_machine_notices_a_budget_that_is_too_large() -> None:
    machine = Machine(4)
    pool = ModelPool(8, {name: machine.planned(name, 4) for name in ("a", "b")})
    await _ask(pool, "a")

    with pytest.raises(AssertionError, match="8 of 4 bytes"):
        await _ask(pool, "b")
    machine.used = 0
    await pool.aclose()


async def test_swaps_are_batched_over_waiting_requests() -> None:
    async def swaps(fairness: Fairness) -> int:
        async with Machine(4).pool({"a": 4, "b": 4}, fairness=fairness) as pool:
            await asyncio.gather(*(_ask(pool, name) for name in "ab" * 8))
            return pool.stats.swaps

    assert await swaps(Fairness()) == 1
    assert await swaps(Fairness(overtakes=0)) == 15


async def test_a_request_does_not_wait_behind_an_endless_stream_for_another_model() -> None:
    machine = Machine(4)
    order: list[str] = []
    async with machine.pool({"a": 4, "b": 4}, fairness=Fairness(overtakes=3)) as pool:

        async def ask(name: str) -> None:
            await _ask(pool, name)
            order.append(name)

        await asyncio.gather(ask("a"), ask("b"), *(ask("a") for _ in range(9)))

    assert order.index("b") == 4


async def test_a_model_with_several_places_serves_that_many_requests_at_once() -> None:
    machine = Machine(4)
    inside, most = 0, 0

    async with ModelPool(4, {"a": machine.planned("a", 4, parallel=3)}) as pool:

        async def ask() -> None:
            nonlocal inside, most
            async with pool.use("a") as backend:
                inside += 1
                most = max(most, inside)
                await backend.complete(prompt(5), None, Sampling())
                inside -= 1

        await asyncio.gather(*(ask() for _ in range(7)))

    assert most == 3


async def test_what_a_slot_had_read_comes_back_after_a_swap() -> None:
    machine = Machine(4)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        await _ask(pool, "a", 100, "task")
        await _ask(pool, "b", 100, "task")
        async with pool.use("a", context_key="task") as backend:
            usage = (await backend.complete(prompt(120), None, Sampling())).usage

        assert (usage.reused, usage.prefilled) == (101, 19)
        assert pool.stats.restored == 1
        assert pool.stats.useless_restores == 0


async def test_two_contexts_on_one_resident_model_each_find_their_own_state() -> None:
    machine = Machine(4)
    async with machine.pool({"a": 4}) as pool:
        await _ask(pool, "a", 100, "one")
        await _ask(pool, "a", 50, "two")
        async with pool.use("a", context_key="one") as backend:
            usage = (await backend.complete(prompt(120), None, Sampling())).usage
        assert usage.reused == 101


async def test_each_of_several_slots_keeps_and_gets_back_its_own_context() -> None:
    machine = Machine(4)
    models = {name: machine.planned(name, 4, parallel=2) for name in ("a", "b")}
    usages: dict[str, Usage] = {}
    async with ModelPool(4, models) as pool:

        async def step(key: str, length: int) -> None:
            async with pool.use("a", context_key=key) as backend:
                usages[key] = (await backend.complete(prompt(length), None, Sampling())).usage

        await asyncio.gather(step("one", 100), step("two", 60))
        await _ask(pool, "b", 10)
        await asyncio.gather(step("two", 80), step("one", 150))
        assert (pool.stats.restored, pool.stats.useless_restores) == (2, 0)

    assert (usages["one"].reused, usages["two"].reused) == (101, 61)


async def test_restores_that_do_not_work_are_noticed_said_and_ended() -> None:
    machine = Machine(4, restores_work=False)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        for _ in range(3):
            await _ask(pool, "a", 100, "task")
            await _ask(pool, "b", 100)
        assert pool.stats.useless_restores == 1

    assert machine.log.count("restore a") == 1
    assert machine.log.count("save a") == 1
    said = [event for event in machine.events if "no longer kept" in event]
    assert len(said) == 1
    assert "its engine restored 101 tokens and then reused 0" in said[0]


async def test_a_save_that_was_cancelled_is_never_restored() -> None:
    machine = Machine(4)
    async with ModelPool(4, {"a": machine.planned("a", 4, contexts=1)}) as pool:
        await _ask(pool, "a", 100, "one")
        machine.saving = asyncio.Event()
        other = asyncio.create_task(_ask(pool, "a", 50, "two"))
        await asyncio.wait_for(machine.saving.wait(), 30)
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        await _ask(pool, "a", 60, None)
        assert await _ask(pool, "a", 120, "one") == "a"
        assert pool.stats.useless_restores == 0


async def test_a_state_that_the_engine_refuses_ends_restoring() -> None:
    machine = Machine(4, refuses_states=True)
    async with machine.pool({"a": 4}) as pool:
        for key in ("one", "two", "one"):
            await _ask(pool, "a", 100, key)
        assert pool.stats.restored == 0

    assert any("could not read a saved state" in event for event in machine.events)


async def test_a_failed_save_ends_keeping_and_harms_no_request() -> None:
    machine = Machine(4, failing_save=EngineError("The disk is full."))
    async with machine.pool({"a": 4}) as pool:
        assert [await _ask(pool, "a", 100, key) for key in ("one", "two", "one")] == ["a", "a", "a"]
        assert pool.stats.saved == 0

    assert len([event for event in machine.events if "The disk is full." in event]) == 1


async def test_an_engine_that_keeps_no_states_is_not_asked_to() -> None:
    machine = Machine(4, slots=False)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        for name in "abab":
            await _ask(pool, name, 50, "task")

    assert not [line for line in machine.log if line.startswith(("save", "restore"))]


async def test_kept_states_never_take_more_files_than_allowed() -> None:
    machine = Machine(4)
    async with ModelPool(4, {"a": machine.planned("a", 4, contexts=3)}) as pool:
        for number in range(10):
            await _ask(pool, "a", 50, f"task {number}")

    assert len(machine.states) == 3


async def test_a_crash_while_loading_is_tried_again_with_growing_pauses() -> None:
    machine = Machine(4, failures={"a": [EngineError("It crashed."), EngineError("It crashed.")]})
    async with machine.pool({"a": 4}) as pool:
        assert await _ask(pool, "a") == "a"

    assert machine.log == ["start a", "stop a", "sleep 0.5", "start a", "stop a", "sleep 1.0", "start a", "stop a"]


async def test_an_engine_that_never_starts_fails_its_requests_and_no_others() -> None:
    machine = Machine(4, failures={"a": [EngineError("It crashed.")] * 3})
    async with machine.pool({"a": 4, "b": 4}) as pool:
        results = await asyncio.gather(*(_ask(pool, name) for name in "abab"), return_exceptions=True)
        assert [str(each) for each in results] == ["It crashed.", "b", "It crashed.", "b"]
        assert await _ask(pool, "a") == "a"


async def test_a_model_without_memory_at_load_is_replaced_by_a_smaller_one_and_that_is_said() -> None:
    machine = Machine(8, failures={"large": [EngineOutOfMemory("It had no memory.")] * 9})
    models = {"large": machine.planned("large", 8, fallbacks=("same", "small"))}
    models |= {"same": machine.planned("same", 8), "small": machine.planned("small", 2)}
    async with ModelPool(8, models, on_event=machine.events.append) as pool:
        assert [await _ask(pool, "large"), await _ask(pool, "large")] == ["small", "small"]

    assert machine.log.count("start large") == 1
    assert "From now on model small is used instead of large. It had no memory." in machine.events


async def test_idle_models_leave_before_a_smaller_model_is_used() -> None:
    machine = Machine(12, failures={"large": [EngineOutOfMemory("It had no memory.")]})
    models = {"large": machine.planned("large", 8, fallbacks=("small",))}
    models |= {name: machine.planned(name, 2) for name in ("small", "idle", "busy")}
    async with ModelPool(12, models) as pool:
        await _ask(pool, "idle")
        async with pool.use("busy"):
            assert await _ask(pool, "large") == "large"
            assert set(pool.resident) == {"large", "busy"}


async def test_a_model_that_can_never_fit_is_replaced_or_refused_with_the_numbers() -> None:
    machine = Machine(4)
    models = {"large": machine.planned("large", 8, fallbacks=("small",)), "small": machine.planned("small", 2)}
    async with ModelPool(4, models) as pool:
        assert await _ask(pool, "large") == "small"
    async with ModelPool(4, {"large": machine.planned("large", 8_000_000_000)}) as pool:
        with pytest.raises(DoesNotFit, match=r"needs 8\.00 GB and 0\.00 GB may be used"):
            await _ask(pool, "large")

    assert "start large" not in machine.log


async def test_the_memory_of_an_engine_that_does_not_stop_counts_as_taken() -> None:
    machine = Machine(8, stuck={"a": EngineError("It does not end.")})
    async with machine.pool({"a": 4, "b": 6, "c": 4}) as pool:
        await _ask(pool, "a")
        with pytest.raises(DoesNotFit):
            await _ask(pool, "b")
        assert await _ask(pool, "c") == "c"
        assert pool.used_bytes == 8


async def test_unknown_names_are_refused_with_the_known_ones() -> None:
    machine = Machine(8)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        with pytest.raises(UnusableModel, match="choose one of a, b"):
            await _ask(pool, "c")
    with pytest.raises(ConfigError, match="falls back to z"):
        ModelPool(8, {"a": machine.planned("a", 4, fallbacks=("z",))})


async def test_a_cancelled_request_leaves_the_queue_and_the_next_is_served() -> None:
    machine = Machine(4)
    async with machine.pool({"a": 4, "b": 4}) as pool:
        async with pool.use("a"):
            waiting = asyncio.create_task(_ask(pool, "b"))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert await _ask(pool, "a") == "a"

    assert "start b" not in machine.log


async def test_a_request_cancelled_when_its_turn_has_just_come_gives_its_place_back() -> None:
    machine = Machine(4)
    async with machine.pool({"a": 4}) as pool:
        async with pool.use("a"):
            waiting = asyncio.create_task(_ask(pool, "a"))
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await _ask(pool, "a") == "a"


async def test_closing_ends_engines_and_fails_those_who_wait() -> None:
    machine = Machine(4)
    pool = machine.pool({"a": 4, "b": 4})
    async with pool.use("a"):
        waiting = asyncio.create_task(_ask(pool, "b"))
        await asyncio.sleep(0)
        await pool.aclose()
        with pytest.raises(EngineError, match="were closed"):
            await waiting
    await pool.aclose()
    with pytest.raises(EngineError, match="were closed"):
        await _ask(pool, "a")

    assert machine.used == 0


async def test_closing_during_a_start_leaves_no_engine() -> None:
    machine = Machine(4)
    pool = machine.pool({"a": 4})
    waiting = asyncio.create_task(_ask(pool, "a"))
    await asyncio.wait_for(machine.started.wait(), 30)
    await pool.aclose()

    with pytest.raises(EngineError):
        await waiting
    assert machine.used == 0


async def test_a_lent_model_cannot_be_closed_by_its_borrower() -> None:
    machine = Machine(4)
    async with machine.pool({"a": 4}) as pool, pool.use("a") as backend:
        await backend.aclose()
        assert (await backend.capabilities()).context == 4096
        assert await backend.count(prompt(7)) == 7
        assert backend.name == "a"


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_is_asked_cancelled_and_crashed_the_budget_holds_and_all_is_ended(seed: int) -> None:
    random = Random(seed)
    machine = Machine(10, restores_work=random.random() < 0.7)
    sizes = {"a": 4, "b": 5, "c": 6, "d": 2, "e": 10}
    models = {}
    for name, size in sizes.items():
        planned = machine.planned(name, size, parallel=random.choice([1, 1, 2]), fallbacks=("d",) if size > 5 else ())
        start = _varied(name, size, machine, Random(seed * 31 + size))
        models[name] = replace(planned, start=start)
        if random.random() < 0.3:
            machine.failures[name] = [random.choice([EngineError("crash"), EngineOutOfMemory("no memory")])] * 2
    fairness = Fairness(overtakes=random.choice([0, 2, 50]))
    pool = ModelPool(10, models, fairness=fairness, on_event=machine.events.append, sleep=machine.slept)

    async def borrow(name: str, key: str | None) -> None:
        for step in range(3):
            await _ask(pool, name, 20 + 10 * step, key)
            assert pool.used_bytes <= 10

    tasks = []
    for number in range(24):
        key = random.choice([None, f"task {number}"])
        tasks.append(asyncio.create_task(borrow(random.choice("abcde"), key)))
        for _ in range(random.randrange(6)):
            await asyncio.sleep(0)
        if random.random() < 0.3:
            random.choice(tasks).cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(each, (type(None), asyncio.CancelledError, EngineError)) for each in results), results
    assert not any(isinstance(each, TimeoutError) for each in results)
    assert sum(each is None for each in results) >= 3
    assert pool.stats.peak_bytes <= 10
    assert machine.peak <= 10
    await pool.aclose()
    assert machine.used == 0
    assert sum(line.startswith("start") for line in machine.log) == sum(line.startswith("stop") for line in machine.log)


def _varied(name: str, size: int, machine: Machine, random: Random) -> Callable[[], FakeEngine]:
    return lambda: FakeEngine(name, size, machine, lambda: random.randrange(5))
