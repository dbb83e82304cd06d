"""Which models leave memory for another."""

from __future__ import annotations

from covey.models.residency import Resident, evictions


def test_nothing_leaves_when_there_is_room() -> None:
    assert evictions([Resident(name="a", bytes=3)], 5, 8) == ()


def test_the_least_recently_used_leaves_first() -> None:
    residents = [Resident(name="a", bytes=3, last_used=2.0), Resident(name="b", bytes=3, last_used=1.0)]

    assert evictions(residents, 4, 8) == ("b",)


def test_what_requests_wait_for_stays_although_it_was_used_longest_ago() -> None:
    residents = [Resident(name="a", bytes=3, last_used=9.0), Resident(name="b", bytes=3, waiting=2)]

    assert evictions(residents, 4, 8) == ("a",)


def test_the_smaller_of_two_equally_old_models_leaves() -> None:
    assert evictions([Resident(name="a", bytes=4), Resident(name="b", bytes=3)], 3, 8) == ("b",)


def test_the_model_that_was_loaded_less_often_leaves() -> None:
    assert evictions([Resident(name="a", bytes=4, loads=5), Resident(name="b", bytes=4)], 3, 8) == ("b",)


def test_a_pinned_model_never_leaves() -> None:
    assert evictions([Resident(name="a", bytes=4, pinned=True), Resident(name="b", bytes=4)], 4, 8) == ("b",)
    assert evictions([Resident(name="a", bytes=4, pinned=True)], 5, 8) is None


def test_a_model_above_the_budget_fits_in_no_way() -> None:
    assert evictions([], 9, 8) is None


def test_a_model_stays_when_a_later_one_makes_enough_room_alone() -> None:
    residents = [Resident(name="small", bytes=1, last_used=0.0), Resident(name="large", bytes=6, last_used=1.0)]

    assert evictions(residents, 5, 8) == ("large",)
