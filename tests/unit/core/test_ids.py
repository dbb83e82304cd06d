from __future__ import annotations

import pytest

from covey.core.ids import RUN_ID, new_run_id

pytestmark = pytest.mark.requirement("E5")


def test_a_run_id_is_the_second_in_utc_and_random_bits() -> None:
    name = new_run_id(1795169702.9)
    assert name.startswith("20261120-101502-")
    assert RUN_ID.fullmatch(name)
    assert RUN_ID.fullmatch(new_run_id())


def test_run_ids_sort_by_time_and_differ_within_a_second() -> None:
    assert new_run_id(100.0) < new_run_id(101.0) < new_run_id(2_000_000_000.0)
    assert len({new_run_id(100.0) for _ in range(50)}) == 50
