"""The memory plan against the real engine's own log; ``python -m covey.bench.engine_memory`` does more of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from covey.bench import engine_memory
from covey.bench.engine_memory import Configuration, compare, configurations, table
from covey.core.errors import EngineError
from covey.testing.gguf import write_random
from support_gguf import write_hybrid, write_latent

pytestmark = pytest.mark.requirement("F4")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same architectures as in the benchmark, narrower."""
    folder = tmp_path_factory.mktemp("memory")
    wide: dict[str, Any] = {"embedding": 256, "heads": 4, "kv_heads": 2, "feed_forward": 768, "vocabulary": 4000}
    return {
        "llama": write_random(folder / "l.gguf", layers=3, **wide),
        "qwen2": write_random(folder / "q.gguf", architecture="qwen2", **wide),
        "gemma3": write_random(
            folder / "g.gguf", architecture="gemma3", **{**wide, "layers": 7, "sliding_window": 300}
        ),
    }


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(family="llama", kv_type="q8_0", context=1000),
        Configuration(family="qwen2", parallel=4, context=2048),
        Configuration(family="gemma3", kv_type="q4_0", parallel=2, context=4096),
    ],
    ids=lambda made: made.family,
)
def test_the_plan_is_what_the_engine_takes(models: dict[str, Path], configuration: Configuration) -> None:
    compared = compare(models[configuration.family], configuration)
    assert compared.good, table([compared])
    assert min(compared.logged.values()) > 0.5
    assert compared.lines["cache"] == (2 if configuration.family == "gemma3" else 1)


@pytest.mark.parametrize("write", [write_hybrid, write_latent])
def test_states_and_latent_caches_are_what_the_engine_takes(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """Architectures that the benchmark lacks: layers without a cache, and a cache without values."""
    compared = compare(write(tmp_path / "m.gguf"), Configuration(family="llama", parallel=3, context=2048))
    assert compared.good, compared
    assert compared.lines["cache"] == (2 if write is write_hybrid else 1)


def test_a_plan_for_another_context_is_not_what_the_engine_takes(models: dict[str, Path]) -> None:
    right = compare(models["llama"], Configuration(family="llama", context=1024))
    wrong = right.model_copy(update={"planned": {**right.planned, "cache": right.planned["cache"] * 1.01}})
    assert right.good
    assert not wrong.good
    assert "NOT WITHIN LIMITS" in table([right, wrong])
    assert "1 of 2 configurations hold" in table([right, wrong])


def test_a_file_that_the_engine_refuses_is_an_engine_error(tmp_path: Path, models: dict[str, Path]) -> None:
    damaged = tmp_path / "m.gguf"
    damaged.write_bytes(models["llama"].read_bytes().replace(b"blk.0.attn_q.weight", b"blk.0.attn_x.weight"))
    with pytest.raises(EngineError, match="did not load"):
        compare(damaged, Configuration(family="llama"))


def test_the_benchmark_covers_what_it_must() -> None:
    made = list(configurations())
    core = {(one.family, one.kv_type, one.parallel, one.context) for one in made if one.flash_attention}
    for family in ("llama", "qwen2", "gemma3"):
        for kv_type in ("f16", "q8_0", "q4_0"):
            assert {(family, kv_type, parallel, context) for parallel in (1, 4) for context in (4096, 16_384)} <= core
    assert {one.family for one in made} == set(engine_memory.FAMILIES)
