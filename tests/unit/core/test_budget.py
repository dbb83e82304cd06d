"""Deadlines on a clock that the test moves."""

from __future__ import annotations

from covey.core.budget import Deadline


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_time_passes_until_none_is_left() -> None:
    clock = Clock()
    deadline = Deadline(10, clock=clock)
    assert (deadline.elapsed, deadline.left, deadline.over) == (0, 10, False)
    clock.now += 9.5
    assert (deadline.elapsed, deadline.left, deadline.over) == (9.5, 0.5, False)
    clock.now += 5
    assert (deadline.elapsed, deadline.left, deadline.over) == (14.5, 0, True)


def test_what_an_interrupted_part_has_used_counts() -> None:
    clock = Clock()
    deadline = Deadline(10, spent_s=8, clock=clock)
    assert deadline.left == 2
    clock.now += 2
    assert deadline.over


def test_a_deadline_can_be_brought_forward() -> None:
    clock = Clock()
    deadline = Deadline(10, clock=clock)
    clock.now += 4
    deadline.seconds = 3
    assert deadline.over
