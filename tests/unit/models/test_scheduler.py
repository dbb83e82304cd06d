"""Which request is served next, which model is loaded for it, and that nobody waits for ever."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from covey.models.scheduler import WAIT, Decision, Fairness, Loaded, Queue, Waiting, decide

SIZES = {"a": 4, "b": 4, "c": 4}


def _decide(
    waiting: Sequence[Waiting],
    loaded: Sequence[Loaded],
    *,
    budget: int = 4,
    now: float = 0.0,
    fairness: Fairness | None = None,
    changing: bool = False,
) -> Decision:
    return decide(
        waiting, loaded, SIZES, budget, now=now, fairness=fairness or Fairness(overtakes=3), changing=changing
    )


def _waiting(*models: str, overtaken: int = 0) -> list[Waiting]:
    return [Waiting(ticket=number, model=model, since=0.0, overtaken=overtaken) for number, model in enumerate(models)]


def test_requests_for_the_model_in_memory_go_before_older_ones_for_another() -> None:
    assert _decide(_waiting("b", "a"), [Loaded(name="a", bytes=4)]) == Decision(serve=1)


def test_the_model_most_requests_wait_for_is_loaded_first() -> None:
    assert _decide(_waiting("a", "b", "b"), []) == Decision(load="b")


def test_of_two_equally_wanted_models_the_one_asked_for_first_is_loaded() -> None:
    assert _decide(_waiting("b", "a"), []) == Decision(load="b")


def test_a_model_stays_while_a_request_for_it_waits_for_its_busy_slot() -> None:
    assert _decide(_waiting("b", "a"), [Loaded(name="a", bytes=4, free=0, in_use=1)]) == WAIT


def test_an_idle_model_that_nobody_waits_for_is_evicted() -> None:
    assert _decide(_waiting("b"), [Loaded(name="a", bytes=4)]) == Decision(load="b", evict=("a",))


def test_a_request_overtaken_often_enough_gets_its_model_loaded() -> None:
    waiting = [*_waiting("b", overtaken=3), Waiting(ticket=9, model="a", since=0.0)]

    assert _decide(waiting, [Loaded(name="a", bytes=4)]) == Decision(load="b", evict=("a",))


def test_a_request_that_waited_long_enough_gets_its_model_loaded() -> None:
    waiting = _waiting("b", "a")

    assert _decide(waiting, [Loaded(name="a", bytes=4)], now=59.0) == Decision(serve=1)
    assert _decide(waiting, [Loaded(name="a", bytes=4)], now=60.0) == Decision(load="b", evict=("a",))


def test_a_busy_model_takes_no_new_work_when_a_starving_request_needs_its_room() -> None:
    waiting = [*_waiting("b", overtaken=3), Waiting(ticket=9, model="a", since=0.0)]

    assert _decide(waiting, [Loaded(name="a", bytes=4, free=1, in_use=1)]) == WAIT


def test_a_model_that_need_not_leave_is_served_while_another_is_drained() -> None:
    waiting = [*_waiting("c", overtaken=3), Waiting(ticket=9, model="b", since=0.0)]
    loaded = [
        Loaded(name="a", bytes=4, free=1, in_use=1, last_used=1.0),
        Loaded(name="b", bytes=4, free=1, in_use=1, last_used=2.0),
    ]

    assert _decide(waiting, loaded, budget=8) == Decision(serve=9)


def test_two_models_are_loaded_side_by_side_when_both_fit() -> None:
    assert _decide(_waiting("b"), [Loaded(name="a", bytes=4)], budget=8) == Decision(load="b")


def test_no_second_change_starts_during_a_change_but_other_models_are_served() -> None:
    loaded = [Loaded(name="a", bytes=4), Loaded(name="b", bytes=4, free=0, in_use=1)]

    assert _decide(_waiting("c"), loaded, budget=12, changing=True) == WAIT
    assert _decide(_waiting("c", "a"), loaded, budget=12, changing=True) == Decision(serve=1)


async def test_a_queue_counts_who_was_overtaken() -> None:
    queue = Queue()
    for model in ("a", "b", "a"):
        queue.enter(model, 0.0)

    queue.serve(2)

    assert [(each.ticket, each.overtaken) for each in queue.view()] == [(0, 1), (1, 1)]


REQUESTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=30)


def _simulate(requests: list[str], seed: int, fairness: Fairness, budget: int) -> tuple[list[int], int, list[int]]:
    """Serve ``requests`` with one place per model; returns the order, the loads and how often each was overtaken."""
    random, now = Random(seed), 0.0
    loaded: dict[str, Loaded] = {}
    waiting: dict[int, Waiting] = {}
    coming, order, loads = list(enumerate(requests)), [], 0
    overtaken = [0] * len(requests)
    while coming or waiting or any(each.in_use for each in loaded.values()):
        if coming and random.random() < 0.6:
            number, model = coming.pop(0)
            waiting[number] = Waiting(ticket=number, model=model, since=now)
        decision = decide(
            tuple(waiting.values()), tuple(loaded.values()), SIZES, budget, now=now, fairness=fairness, changing=False
        )
        busy = [each for each in loaded.values() if each.in_use]
        now += 1.0
        if decision.serve is not None:
            model = waiting.pop(decision.serve).model
            order.append(decision.serve)
            loaded[model] = loaded[model].model_copy(update={"free": 0, "in_use": 1, "last_used": now})
            for each in [each for each in waiting.values() if each.ticket < decision.serve]:
                waiting[each.ticket] = each.model_copy(update={"overtaken": each.overtaken + 1})
                overtaken[each.ticket] += 1
        elif decision.load:
            for name in decision.evict:
                assert loaded.pop(name).in_use == 0
            loaded[decision.load] = Loaded(name=decision.load, bytes=SIZES[decision.load], last_used=now)
            loads += 1
            assert sum(each.bytes for each in loaded.values()) <= budget
        elif busy:
            done = random.choice(busy)
            loaded[done.name] = done.model_copy(update={"free": 1, "in_use": 0})
        else:
            assert coming, "requests wait although nothing is busy"
    return order, loads, overtaken


@given(REQUESTS, st.integers(0, 1000), st.integers(0, 5), st.sampled_from([4, 8, 12]))
def test_every_request_is_served_and_the_budget_holds(requests: list[str], seed: int, bound: int, budget: int) -> None:
    order, _, _ = _simulate(requests, seed, Fairness(overtakes=bound, seconds=1000.0), budget)

    assert sorted(order) == list(range(len(requests)))


@given(REQUESTS, st.integers(0, 1000), st.integers(0, 5))
def test_no_request_is_overtaken_more_often_than_the_bound(requests: list[str], seed: int, bound: int) -> None:
    _, _, overtaken = _simulate(requests, seed, Fairness(overtakes=bound, seconds=1000.0), 4)

    assert max(overtaken) <= bound


def test_batching_saves_loads_compared_with_the_order_of_arrival() -> None:
    requests = ["a", "b"] * 15

    batched = _simulate(requests, 1, Fairness(overtakes=30, seconds=1000.0), 4)[1]
    in_order = _simulate(requests, 1, Fairness(overtakes=0, seconds=1000.0), 4)[1]

    assert in_order == 30
    assert batched < in_order / 2
