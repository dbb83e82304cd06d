"""Evictions keep to the budget, spare what is in use, and take no more than needed."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.models.residency import Resident, evictions, usefulness

pytestmark = pytest.mark.requirement("B5")

BYTES = st.integers(0, 12)
RESIDENTS = st.lists(
    st.builds(
        Resident,
        name=st.text("abcdefgh", min_size=1, max_size=2),
        bytes=BYTES,
        last_used=st.integers(0, 3).map(float),
        loads=st.integers(1, 3),
        pinned=st.booleans(),
        waiting=st.integers(0, 2),
    ),
    max_size=6,
    unique_by=lambda each: each.name,
)


def _total(residents: list[Resident]) -> int:
    return sum(each.bytes for each in residents)


@given(RESIDENTS, BYTES, st.integers(0, 40))
def test_what_stays_and_what_comes_never_exceed_the_budget(residents: list[Resident], need: int, budget: int) -> None:
    gone = evictions(residents, need, budget)
    if gone is not None:
        assert _total([each for each in residents if each.name not in gone]) + need <= budget


@given(RESIDENTS, BYTES, st.integers(0, 40))
def test_nothing_in_use_is_evicted(residents: list[Resident], need: int, budget: int) -> None:
    pinned = {each.name for each in residents if each.pinned}
    assert not pinned & set(evictions(residents, need, budget) or ())


@given(RESIDENTS, BYTES, st.integers(0, 40))
def test_none_is_said_only_when_even_evicting_everything_idle_is_not_enough(
    residents: list[Resident], need: int, budget: int
) -> None:
    least = _total([each for each in residents if each.pinned])
    assert (evictions(residents, need, budget) is None) == (least + need > budget and _total(residents) + need > budget)


@given(RESIDENTS, BYTES, st.integers(0, 40))
def test_no_evicted_model_could_have_stayed(residents: list[Resident], need: int, budget: int) -> None:
    gone = evictions(residents, need, budget) or ()
    for spared in gone:
        left = [each for each in residents if each.name not in gone or each.name == spared]
        assert _total(left) + need > budget


@given(RESIDENTS, BYTES, st.integers(0, 40))
def test_no_other_choice_gives_up_only_less_useful_models(residents: list[Resident], need: int, budget: int) -> None:
    gone = evictions(residents, need, budget)
    if not gone:
        return
    worst = max(usefulness(each) for each in residents if each.name in gone)
    idle = [each for each in residents if not each.pinned]
    for size in range(len(idle) + 1):
        for choice in combinations(idle, size):
            if _total(residents) - _total(list(choice)) + need <= budget:
                assert max(map(usefulness, choice)) >= worst


@given(RESIDENTS, BYTES, st.integers(0, 40), st.randoms(use_true_random=False))
def test_the_order_in_which_residents_are_named_changes_nothing(
    residents: list[Resident], need: int, budget: int, random: Random
) -> None:
    mixed = sorted(residents, key=lambda _: random.random())
    assert evictions(mixed, need, budget) == evictions(residents, need, budget)
