"""Two models that do not fit together, eight tasks that need both: what swapping costs, and what saves it.

``python -m covey.bench.engine_swaps [--json FILE]`` runs the same fixed trajectories four times on the real engine,
over model files of random weights made on the spot: requests in the order of arrival or batched by model, slot states
dropped with the engine or saved and restored. Tokens are the engine's own counts and the same in every run; seconds
belong to the machine, and with models this small they are nearly all starts of engines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from covey.app.engines import local_backend
from covey.core.canonical import Frozen
from covey.core.model import ChatMessage, Sampling
from covey.core.run import Usage
from covey.models.pool import ModelPool, Planned
from covey.models.scheduler import Fairness
from covey.models.spec import EngineSpec
from covey.testing.gguf import write_random

CONTEXT = 4096
MODELS = ("thinker", "coder")
STEPS = 6

CHARTER = (
    "You work on a Python repository together with others. Say only what the code in front of you shows. Name a file "
    "and a line for each claim. Prefer the smallest change that makes the failing tests pass and leaves all others "
    "green. Never touch a test.\n\nFiles: parcels/rates.py parcels/zones.py parcels/labels.py parcels/queue.py "
    "parcels/export.py tests/test_rates.py tests/test_zones.py tests/test_labels.py tests/test_queue.py"
)
PROBLEMS = (
    "The rate of a parcel of exactly 20 kg is that of the next heavier class.",
    "A postcode with a leading zero is put into the wrong zone.",
    "Labels of parcels without a second address line end in an empty line.",
    "The queue forgets a parcel when two have the same priority.",
    "The export writes a comma into a field without quoting it.",
    "Express parcels are sorted behind ordinary ones of the same day.",
    "A discount above the price makes the price negative.",
    "The zone table is read again for each parcel.",
)
ANSWERS = (
    "The comparison in parcels/rates.py line 41 takes the bound itself for the next class.",
    "Change line 41: use <= where it says <. Nothing else depends on the strict form.",
    "The edit is minimal and keeps the signature. The case of 0 kg has no test.",
    "Added the missing case to the branch above; the table itself stays as it is.",
    "Both branches are covered now. No caller relies on the old order.",
    "Done: one line changed, nothing removed.",
)
OBSERVATIONS = (
    "tests/test_rates.py::test_bound FAILED: assert 7.9 == 5.4, where 7.9 = rate(20.0)\n",
    "The patch applies. 14 tests pass, 1 fails: tests/test_rates.py::test_zero - ZeroDivisionError\n",
    "parcels/rates.py\n 39 def rate(kg):\n 40     for bound, price in TABLE:\n 41         if kg < bound:\n",
    "The patch applies. 15 tests pass. The whole suite: 212 pass, 3 are skipped.\n",
    "No other caller of rate() was found in parcels/.\n",
    "All targets pass in a fresh copy, twice.\n",
)


class Row(Frozen):
    """One way of serving the same requests. ``tokens`` is what the engine counted."""

    batched: bool
    restored: bool
    tasks: int
    requests: int
    loads: int
    swaps: int
    swaps_per_task: float
    restores: int
    tokens: Usage
    seconds: float


def trajectory(task: int) -> list[tuple[str, tuple[ChatMessage, ...]]]:
    """The steps of one task: which model is asked what. Each prompt begins with the one before it.

    Tasks with odd numbers begin with the other model, as runs do that are at different stages.
    """
    log = [ChatMessage(role="system", content=CHARTER), ChatMessage(role="user", content=PROBLEMS[task])]
    steps = []
    for step in range(STEPS):
        steps.append((MODELS[(step + task) % 2], tuple(log)))
        log.append(ChatMessage(role="assistant", content=ANSWERS[step]))
        log.append(ChatMessage(role="user", content=OBSERVATIONS[(step + task) % STEPS] * 3))
    return steps


def make_models(folder: Path) -> dict[str, EngineSpec]:
    """Write the model files of the benchmark into ``folder``."""
    return {
        name: EngineSpec(
            path=str(write_random(folder / f"{name}.gguf", context=CONTEXT, seed=seed)),
            context=CONTEXT,
            threads=1,
            slots_folder=str(folder),
        )
        for seed, name in enumerate(MODELS)
    }


async def serve(
    specs: dict[str, EngineSpec], *, batched: bool, restored: bool, tasks: int = len(PROBLEMS), steps: int = STEPS
) -> Row:
    """Run the first ``steps`` of ``tasks`` trajectories at the same time over a budget that holds one model."""
    sizes = {name: Path(spec.path).stat().st_size for name, spec in specs.items()}
    models = {
        name: Planned(sizes[name], partial(local_backend, spec), contexts=tasks if restored else 0)
        for name, spec in specs.items()
    }
    started = time.perf_counter()
    async with ModelPool(
        max(sizes.values()), models, fairness=Fairness(overtakes=64 if batched else 0, seconds=600)
    ) as pool:
        usages = await asyncio.gather(*(_run(pool, task, steps) for task in range(tasks)))
        stats = pool.stats
    return Row(
        batched=batched,
        restored=restored,
        tasks=tasks,
        requests=tasks * steps,
        loads=stats.loads,
        swaps=stats.swaps,
        swaps_per_task=round(stats.swaps / tasks, 2),
        restores=stats.restored - stats.useless_restores,
        tokens=sum(usages, Usage()),
        seconds=round(time.perf_counter() - started, 2),
    )


async def _run(pool: ModelPool, task: int, steps: int) -> Usage:
    total = Usage()
    for name, prompt in trajectory(task)[:steps]:
        async with pool.use(name, context_key=f"task {task}") as backend:
            total += (await backend.complete(prompt, None, Sampling(max_tokens=4))).usage
    return total


async def measure(folder: Path) -> list[Row]:
    """All four ways, one after the other, the naive one first."""
    specs = make_models(folder)
    return [
        await serve(specs, batched=batched, restored=restored)
        for batched in (False, True)
        for restored in (False, True)
    ]


def table(rows: Sequence[Row]) -> str:
    """The rows in fixed columns."""
    lines = ["requests   states    swaps/task  prefilled   reused  seconds"]
    for row in rows:
        order = "batched " if row.batched else "in order"
        states = "restored" if row.restored else "dropped "
        lines.append(
            f"{order}   {states}  {row.swaps_per_task:10.2f} {row.tokens.prefilled:10} {row.tokens.reused:8} "
            f"{row.seconds:8.2f}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m covey.bench.engine_swaps", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as folder:
        rows = asyncio.run(measure(Path(folder)))
    if given.json:
        given.json.write_text(json.dumps([row.model_dump(mode="json") for row in rows], indent=2) + "\n")
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main()
