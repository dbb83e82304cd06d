"""What the real engine answers under a schema, and what it reuses of a prompt that only grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.bench.engine_answers import Measured, Share, measure, table
from covey.bench.engine_reuse import AIM
from covey.bench.engine_reuse import measure as measure_reuse

pytestmark = pytest.mark.requirement("F2", "F3")


async def test_answers_fit_their_schema_and_edits_apply_to_the_real_bytes(tmp_path: Path) -> None:
    measured = await measure(12, tmp_path)
    assert measured.engine.grammar == "llguidance"
    assert set(measured.edits) == {"lines", "search", "index"}
    assert measured.answers.asked == measured.edits["lines"].asked == 12
    assert measured.good, table(measured)


def test_one_answer_that_does_not_fit_fails_the_benchmark(tmp_path: Path) -> None:
    fine = Share(asked=2, right=2, seconds=0, generated=1)
    bad = Share(asked=2, right=1, seconds=0, generated=1, faults=("seed 1: no JSON",))
    engine = {"context": 8192}
    assert Measured.model_validate({"engine": engine, "answers": fine, "edits": {"lines": fine}}).good
    wrong = Measured.model_validate({"engine": engine, "answers": fine, "edits": {"lines": bad}})
    assert not wrong.good
    assert "seed 1: no JSON" in table(wrong)


async def test_roles_on_one_ledger_reuse_most_of_their_prompts(tmp_path: Path) -> None:
    costs = await measure_reuse(tmp_path, ways=("ledger",))
    assert costs["ledger"].share >= AIM, "by the engine's own count"
    assert costs["ledger"].prefilled > 0
