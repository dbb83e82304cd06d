from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from covey.bench.engine_lifecycle import GROWTH_BYTES, Found, faults, holding, measure

CLEAN: Found = {
    "lives": {"rounds": 1, "median_s": 99.0},
    "leftovers": {"rounds": 50, "children": 0, "threads": 0, "descriptors": 0, "rss_bytes": GROWTH_BYTES},
    "kills": {"rounds": 20, "recovered": 20, "children": 0},
}


def test_a_clean_result_has_no_faults_however_slow_the_machine() -> None:
    assert faults(CLEAN) == []


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("leftovers", "children", 1),
        ("leftovers", "threads", 2),
        ("leftovers", "descriptors", 1),
        ("leftovers", "rss_bytes", GROWTH_BYTES + 1),
        ("kills", "recovered", 19),
        ("kills", "children", 1),
    ],
)
def test_whatever_is_left_is_a_fault(part: str, name: str, value: int) -> None:
    assert len(faults({**CLEAN, part: {**CLEAN[part], name: value}})) == 1


async def test_a_child_is_seen() -> None:
    before = holding()
    process = await asyncio.create_subprocess_exec("sleep", "600")
    assert holding().children == before.children + 1
    process.kill()
    await process.wait()
    assert holding().children == before.children


async def test_one_life_one_kill_and_nothing_left(tmp_path: Path) -> None:
    found = await measure(tmp_path, rounds=1, starts=1, killed=1)
    assert found["kills"]["recovered"] == 1
    assert found["leftovers"]["children"] == 0
