"""Is the memory plan what the engine takes? ``python -m covey.bench.engine_memory [--json FILE]``.

Model files of several architectures and widths, two of them those of real models (Qwen2.5 7B, Gemma 3 1B) with fewer
layers, are planned and then loaded by the real embedded engine as the plan says. The engine's log names the size of
each of its buffers. Weights and caches must equal it to the two decimals that it prints, compute buffers must come
within 15 %. Exit code 1 when one does not.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal

from covey.core.canonical import Frozen
from covey.core.errors import EngineError
from covey.models.gguf import read_gguf
from covey.models.plan import MemoryPlan, memory_of
from covey.models.shape import ModelShape, model_shape
from covey.models.spec import KvType
from covey.testing.gguf import write_random

Family = Literal["llama", "qwen2", "gemma3", "mixture", "wide"]

FAMILIES: dict[Family, dict[str, Any]] = {
    "llama": {"embedding": 1024, "heads": 16, "kv_heads": 4, "feed_forward": 2816, "vocabulary": 32_000},
    "qwen2": {
        "architecture": "qwen2",
        "embedding": 896,
        "heads": 14,
        "kv_heads": 2,
        "feed_forward": 4864,
        "vocabulary": 50_000,
    },
    "gemma3": {
        "architecture": "gemma3",
        "layers": 7,
        "embedding": 1152,
        "heads": 4,
        "kv_heads": 1,
        "head_width": 256,
        "feed_forward": 6912,
        "vocabulary": 32_000,
        "sliding_window": 512,
    },
    "mixture": {
        "layers": 3,
        "embedding": 512,
        "heads": 8,
        "kv_heads": 2,
        "head_width": 128,
        "feed_forward": 192,
        "experts": 32,
        "experts_used": 8,
        "vocabulary": 8000,
    },
    "wide": {
        "architecture": "qwen2",
        "embedding": 3584,
        "heads": 28,
        "kv_heads": 4,
        "feed_forward": 18_944,
        "vocabulary": 8000,
    },
}
TOLERANCE = 0.15
_MIB = 1 << 20
_LINE = re.compile(r"(model|KV|RS|compute|output) buffer size = +(\d+\.\d+) MiB")


class Configuration(Frozen):
    """One way of loading one of the models."""

    family: Family
    kv_type: KvType = "f16"
    parallel: int = 1
    context: int = 4096
    ubatch: int = 512
    flash_attention: bool = True


class Comparison(Frozen):
    """Planned and logged sizes in MiB. ``lines``: how many lines of the log each figure is the sum of."""

    configuration: Configuration
    planned: dict[str, float]
    logged: dict[str, float]
    lines: dict[str, int]

    @property
    def deviation(self) -> float:
        """Of the compute buffer, as a share of the log's."""
        return self.planned["compute"] / self.logged["compute"] - 1

    @property
    def good(self) -> bool:
        """Whether weights and cache are equal and compute is close."""
        equal = all(
            abs(self.planned[what] - self.logged[what]) < 0.0051 * self.lines[what] for what in ("weights", "cache")
        )
        return equal and abs(self.deviation) <= TOLERANCE


def configurations() -> Iterator[Configuration]:
    """The architectures, cache types, slots and contexts that must hold, and some beyond them."""
    families: tuple[Family, ...] = ("llama", "qwen2", "gemma3")
    kinds: tuple[KvType, ...] = ("f16", "q8_0", "q4_0")
    for family, kv_type, parallel, context in product(families, kinds, (1, 4), (4096, 16_384)):
        yield Configuration(family=family, kv_type=kv_type, parallel=parallel, context=context)
    for family in FAMILIES:
        yield Configuration(family=family, context=1000, ubatch=128)
        yield Configuration(family=family, context=8192, ubatch=1024)
        yield Configuration(family=family, context=2048, parallel=2, flash_attention=False)


def write_family(folder: Path, family: Family) -> Path:
    """Write the model file of a family."""
    return write_random(folder / f"{family}.gguf", weights="q8_0", context=32_768, **FAMILIES[family])


def compare(model: Path, configuration: Configuration) -> Comparison:
    """Plan and load. Raises EngineError when the engine does not load the model."""
    shape = model_shape(read_gguf(model))
    plan = memory_of(shape, **configuration.model_dump(exclude={"family"}))
    sizes: dict[str, float] = {"weights": 0.0, "cache": 0.0, "compute": 0.0}
    lines = dict.fromkeys(sizes, 0)
    parts = {"model": "weights", "KV": "cache", "RS": "cache", "compute": "compute", "output": "compute"}
    for what, size in _LINE.findall(engine_log(model, plan)):
        sizes[parts[what]] += float(size)
        lines[parts[what]] += 1
    return Comparison(configuration=configuration, planned=_planned(shape, plan), logged=sizes, lines=lines)


def _planned(shape: ModelShape, plan: MemoryPlan) -> dict[str, float]:
    figures = {"weights": shape.weights_bytes, "cache": plan.kv_bytes, "compute": plan.compute_bytes}
    return {what: size / _MIB for what, size in figures.items()}


def engine_log(model: Path, plan: MemoryPlan) -> str:
    """Load ``model`` as planned in the engine's own process and return what it logs until it is ready."""
    spec = plan.to_spec(model).model_copy(update={"threads": 1})
    order = {"spec": spec.model_dump(), "key": "none"}
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-m", "covey.models.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as worker,
    ):
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(json.dumps(order).encode() + b"\n")
            worker.stdin.flush()
            ready = worker.stdout.readline()
            text = _read(log)
            limit = time.monotonic() + 30
            # The engine's log is written by a thread of its own.
            while ready and "compute buffer size" not in text and time.monotonic() < limit:
                time.sleep(0.01)
                text = _read(log)
        finally:
            worker.kill()
    if "compute buffer size" not in text:
        raise EngineError(f"The engine did not load {model.name}.", detail=text[-2000:])
    return text


def _read(log: Any) -> str:  # noqa: ANN401 - a temporary file
    log.seek(0)
    return str(log.read().decode(errors="replace"))


def table(comparisons: list[Comparison]) -> str:
    """Show the result as text."""
    lines = [
        "planned / logged, MiB                          weights              cache            compute",
    ]
    for one in comparisons:
        made = one.configuration
        name = f"{made.family:8}{made.kv_type:5} {made.parallel} x {made.context:6,} tokens, batch {made.ubatch:4}"
        name += "" if made.flash_attention else " no fa"
        figures = "".join(
            f"{one.planned[what]:9.2f} /{one.logged[what]:8.2f}" for what in ("weights", "cache", "compute")
        )
        lines.append(f"{name:42}{figures} {one.deviation:+6.1%}{'' if one.good else '  NOT WITHIN LIMITS'}")
    good = sum(one.good for one in comparisons)
    worst = max((abs(one.deviation) for one in comparisons), default=0.0)
    lines.append(f"{good} of {len(comparisons)} configurations hold; compute deviates by at most {worst:.1%}")
    return "\n".join(lines)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m covey.bench.engine_memory", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="covey-memory-") as folder:
        models = {family: write_family(Path(folder), family) for family in FAMILIES}
        comparisons = [compare(models[one.family], one) for one in configurations()]
    sys.stdout.write(table(comparisons) + "\n")
    if given.json:
        figures = [one.model_dump(mode="json") | {"good": one.good} for one in comparisons]
        Path(given.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if not all(one.good for one in comparisons):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
