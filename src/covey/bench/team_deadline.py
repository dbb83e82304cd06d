"""Thirty seconds a task: ``python -m covey.bench.team_deadline [--tasks 50] [--json FILE]``.

The model is a script that takes its time: 1,500 tokens a second read (what its cache holds costs nothing), 40 written,
really waited for. It is right at once, right after a wrong draft, right with edits but wordy in all else, never right,
or it rambles. Each task must end inside its budget (95 of 100 of them) and bring its best patch: the model's where it
was right, and what the run without a model brings where it was not.

Exit codes: 0 as it should be, 1 not, 2 the command cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covey.app.engines import OneEngine
from covey.bench.corpus_report import percentile
from covey.bench.team_cases import BARCODES, ODD, TILL, TeamCase
from covey.bench.team_hostile import RANK, one_run
from covey.coordination.policies import POLICIES
from covey.core.canonical import Frozen
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import RunStatus
from covey.settings import Settings, load_settings
from covey.testing.hostile import Asked
from covey.testing.models import ScriptedBackend

PREFILL_S, DECODE_S = 1 / 1_500, 1 / 40
BEHAVIOURS = ("right", "second", "wordy", "never", "rambling")
CASES = (TILL, BARCODES, ODD)
_WRONG = "    return 41 + {number}"


class _Slow(ScriptedBackend):
    """Takes the time that its clock says."""

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        completion = await super().complete(prompt, schema, sampling)
        await asyncio.sleep(completion.duration_s)
        return completion


class Timed(Frozen):
    """One task: its wall seconds, those in which the model was asked, and whether its best patch came."""

    case: str
    behaviour: str
    status: str
    expected: str
    seconds: float
    model_s: float
    calls: int
    best: bool
    error: str = ""


def slow_model(case: TeamCase, behaviour: str, seed: int) -> ScriptedBackend:
    """Return a model that behaves so on ``case``, at the speed of a small model on a laptop."""
    luck = random.Random(seed)  # noqa: S311 - a script
    drafts = 0

    def script(prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> str:  # noqa: ARG001
        nonlocal drafts
        asked = Asked(prompt, schema, luck, 0)
        edits = '"edits"' in json.dumps(schema)
        if behaviour == "rambling" or (behaviour == "wordy" and not edits):
            return asked.filled(lambda: "    value = 1  # and then, " + "of course, " * 30, full=True)
        if not edits:
            return asked.filled(lambda: "The result is not what the tests expect.", yes=True)
        drafts += 1
        if behaviour in ("right", "wordy") or (behaviour == "second" and drafts > 1):
            return case.answer()
        return case.answer(_WRONG.format(number=drafts))

    able = Capabilities(
        context=16_384, schema_support="grammar", grammar="llguidance", tokenizer=True, timings=True, parallel=1
    )
    return _Slow(script, capabilities=able, prefill_s=PREFILL_S, decode_s=DECODE_S)


async def bench(count: int, settings: Settings, folder: Path, at_once: int) -> list[Timed]:
    """Work on ``count`` tasks, ``at_once`` of them at a time."""
    floors: dict[str, RunStatus] = {}
    for case in CASES:
        report, _, error = await one_run(
            case, None, settings.model_copy(update={"model": "none"}), folder / f"floor-{case.name}"
        )
        floors[case.name] = report.status if report else RunStatus.failed
        sys.stderr.write(f"     {case.name:10} without a model: {floors[case.name]} {error}\n")
    gate = asyncio.Semaphore(at_once)

    async def task(number: int) -> Timed:
        case = CASES[number % len(CASES)]
        behaviour = BEHAVIOURS[(number // len(CASES)) % len(BEHAVIOURS)]
        backend = slow_model(case, behaviour, number)
        async with gate:
            report, seconds, error = await one_run(case, OneEngine(backend), settings, folder / f"task-{number}")
        expected = RunStatus.patched if behaviour in ("right", "second", "wordy") else floors[case.name]
        status = report.status if report else RunStatus.failed
        timed = Timed(
            case=case.name,
            behaviour=behaviour,
            status=status.value,
            expected=expected.value,
            seconds=round(seconds, 2),
            model_s=round(backend.elapsed_s, 1),
            calls=len(backend.calls),
            best=RANK[status] >= RANK[expected],
            error=error,
        )
        sys.stderr.write(
            f"{number + 1:4} {timed.case:10} {timed.behaviour:9} {timed.status:10} {timed.seconds:6.1f} s, model "
            f"{timed.model_s:5.1f} s in {timed.calls} calls{'' if timed.best else '  NOT ITS BEST'} {error}\n"
        )
        return timed

    return list(await asyncio.gather(*(task(number) for number in range(count))))


def summary(found: Sequence[Timed], budget: float, policy: str) -> dict[str, Any]:
    """The figures as one JSON object."""
    seconds = [one.seconds for one in found]
    return {
        "tasks": len(found),
        "policy": policy,
        "budget_s": budget,
        "p50_s": percentile(seconds, 50),
        "p95_s": percentile(seconds, 95),
        "longest_s": max(seconds),
        "inside": sum(one <= budget for one in seconds),
        "with_best_patch": sum(one.best for one in found),
        "not_best": [one.model_dump() for one in found if not one.best],
        "by_behaviour": {
            name: {
                "patched": sum(one.status == "patched" for one in found if one.behaviour == name),
                "tasks": sum(one.behaviour == name for one in found),
                "p95_s": percentile([one.seconds for one in found if one.behaviour == name] or [0.0], 95),
            }
            for name in BEHAVIOURS
        },
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Parse arguments, work, print, exit."""
    parser = argparse.ArgumentParser("python -m covey.bench.team_deadline", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tasks", type=int, default=50, help="tasks (default: 50)")
    parser.add_argument("--budget", type=float, default=30.0, help="wall seconds of each (default: 30)")
    parser.add_argument("--policy", default="pipeline", choices=sorted(POLICIES), help="default: pipeline")
    parser.add_argument("--at-once", type=int, default=2, help="tasks at a time (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures and all tasks here")
    given = parser.parse_args()
    if given.tasks < 1 or given.at_once < 1:
        parser.error("--tasks and --at-once must be 1 or more")
    with tempfile.TemporaryDirectory(prefix="covey-deadline-") as name:
        folder = Path(name)
        settings = load_settings(
            home=folder / "home", out=folder / "out", python=sys.executable, budget=given.budget, policy=given.policy,
            model="slow", workers=1,
        )  # fmt: skip
        timed = asyncio.run(bench(given.tasks, settings, folder, given.at_once))
    found = summary(timed, given.budget, given.policy)
    if given.json:
        given.json.write_text(json.dumps({**found, "all": [one.model_dump() for one in timed]}, indent=2) + "\n")
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    sys.exit(0 if found["p95_s"] <= given.budget and found["with_best_patch"] == len(timed) else 1)


if __name__ == "__main__":
    main()
