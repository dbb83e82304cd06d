"""Two models on the real engine, with memory for one: swaps are batched, and what was read comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.bench.engine_swaps import make_models, serve, table

pytestmark = pytest.mark.requirement("F4")


async def test_batching_and_restoring_save_swaps_and_prefill(tmp_path: Path) -> None:
    specs = make_models(tmp_path)

    naive = await serve(specs, tasks=3, steps=3, batched=False, restored=False)
    best = await serve(specs, tasks=3, steps=3, batched=True, restored=True)

    assert best.swaps < naive.swaps
    assert best.restores > 0
    assert naive.restores == 0
    assert best.tokens.prefilled < naive.tokens.prefilled
    assert best.tokens.prefilled + best.tokens.reused == naive.tokens.prefilled + naive.tokens.reused
    assert "batched " in table([naive, best])
