"""Runs with models that behave badly: ``python -m covey.bench.team_hostile [--count 100] [--json FILE]``.

Each run gives a tiny repository to the whole team with a hostile model (:mod:`covey.testing.hostile`, or random weights
in a real engine), and is held against six rules: it ends without an error of its own, keeps inside its budget, writes
only edits that apply, changes no test file and no file of the user, gives exit code 0 only for a patch that really is
right, and is never worse than the run without a model (which is made once more beside a run that looks worse: how many
candidates are tried in a given time depends on how busy the machine is).

Exit codes: 0 no rule was broken, 1 one was, 2 the command cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from covey.agents.desk import Engines
from covey.app.engines import OneEngine, open_engines
from covey.app.system import MultiAgentSystem
from covey.bench.team_cases import CASES, TeamCase
from covey.coordination.policies import POLICIES
from covey.core.canonical import Frozen, sha256
from covey.core.errors import CoveyError, EditError
from covey.core.patch import Candidate
from covey.core.report import RunReport
from covey.core.run import RunStatus
from covey.core.task import Task
from covey.settings import Settings, load_settings
from covey.testing.gguf import write_random
from covey.testing.hostile import CHARACTERS, hostile
from covey.workspace.edits import changes_of

RANDOM = "random-weights"
RANK = {status: rank for rank, status in enumerate((
    RunStatus.failed, RunStatus.no_patch, RunStatus.already_passing, RunStatus.partial, RunStatus.plausible,
    RunStatus.patched,
))}  # fmt: skip
GRACE_S = 6.0
"""What a run may take beyond its budget: start, snapshot and evidence lie outside of what can be cut short."""


class Outcome(Frozen):
    """One run. ``broken`` are the rules that it broke, in words."""

    model: str
    case: str
    policy: str
    status: str = ""
    without_model: str = ""
    label: str = ""
    seconds: float = 0.0
    candidates: int = 0
    calls_failed: int = 0
    broken: tuple[str, ...] = ()


async def one_run(
    case: TeamCase, engines: Engines | None, settings: Settings, folder: Path
) -> tuple[RunReport | None, float, str]:
    """Give the case to the team; return the report, wall seconds and the error of a run that had one."""
    repository = await asyncio.to_thread(case.write, folder)
    task = Task(id=case.name, description=case.problem, repository=str(repository), test_command=case.test)
    started = time.monotonic()
    try:
        async with MultiAgentSystem(settings=settings, engines=engines) as team:
            report = (await team.process_task(task)).report
        return report, time.monotonic() - started, ""
    except CoveyError as error:
        return None, time.monotonic() - started, f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - this is what the benchmark looks for
        return None, time.monotonic() - started, f"crash: {error!r}"


def broken_rules(
    case: TeamCase, report: RunReport, folder: Path, *, seconds: float, budget: float, floor: RunStatus
) -> Iterator[str]:
    """Hold a finished run against the rules."""
    if seconds > budget + GRACE_S:
        yield f"took {seconds:.1f} s of {budget:.0f}"
    if any(sha256((folder / name).read_bytes()) != sha256(text.encode()) for name, text in case.files.items()):
        yield "a file of the user was changed"
    if touched := case.tests & {*report.files, *(name for other in report.alternatives for name in other.files)}:
        yield f"a patch changes tests: {', '.join(sorted(touched))}"
    sources = {name: text.encode() for name, text in case.files.items()}
    for candidate in candidates_of(report):
        try:
            changes_of(sources, candidate.edits)
        except EditError as error:
            yield f"an edit of {candidate.origin} does not apply: {error}"
        if case.tests & {edit.path for edit in candidate.edits}:
            yield f"{candidate.origin} was allowed to edit a test"
    if (report.exit_code == 0) != (report.status is RunStatus.patched):
        yield f"exit code {report.exit_code} for {report.status}"
    if report.exit_code == 0 and not really_right(case, report.diff or "", folder):
        yield "the patch was called good and is wrong"
    if RANK[report.status] < RANK[floor]:
        yield f"{report.status} where the run without a model came to {floor}"


def candidates_of(report: RunReport) -> Iterator[Candidate]:
    """Every candidate in the log of a run."""
    log = Path(report.evidence or "") / "events.jsonl"

    def walk(value: JsonValue) -> Iterator[Candidate]:
        if isinstance(value, dict):
            if {"edits", "origin", "id", "path", "line"} <= value.keys():
                yield Candidate.model_validate(value)
                return
            for item in value.values():
                yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)

    for line in log.read_text("utf-8").splitlines():
        yield from walk(json.loads(line)["detail"])


def really_right(case: TeamCase, diff: str, folder: Path) -> bool:
    """Apply the patch to the repository (which is the bench's own) and ask it for what no test asks."""
    done = subprocess.run(["git", "apply", "-"], cwd=folder, input=diff.encode(), capture_output=True, check=False)
    return not done.returncode and asks_right(case, folder)


def asks_right(case: TeamCase, folder: Path) -> bool:
    """Ask the repository in ``folder`` for what no test asks."""
    code = f"import sys; sys.path.insert(0, '.'); sys.exit(not ({case.right}))"
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, timeout=30, check=False, env={"PATH": ""}
    )
    return asked.returncode == 0


@asynccontextmanager
async def engines_of(name: str, seed: int, settings: Settings, models: Path) -> AsyncIterator[Engines | None]:
    """Open the hostile model ``name``."""
    if name != RANDOM:
        yield OneEngine(hostile(name, seed))
        return
    file = models / f"random-{seed % 2}.gguf"
    if not file.exists():
        await asyncio.to_thread(write_random, file, context=16_384, seed=seed % 2)
    async with open_engines(settings.model_copy(update={"model": str(file), "threads": 1})) as engines:
        yield engines


async def bench(
    count: int, budget: float, folder: Path, *, policies: list[str], sandbox: str, engine: bool
) -> list[Outcome]:
    """Make ``count`` runs, going through models, cases and policies in turn."""
    facts = {"home": folder / "home", "out": folder / "out", "python": sys.executable, "sandbox": sandbox}
    settings = load_settings(**facts, budget=budget, workers=1, drafts=2, model="none", candidates=600, plausible=2)
    floors: dict[str, RunStatus] = {}
    for case in CASES:
        report, _, error = await one_run(case, None, settings, folder / f"floor-{case.name}")
        if report is None:
            raise CoveyError(f"The run of {case.name} without a model failed: {error}")
        floors[case.name] = report.status
    names = [*CHARACTERS, *([RANDOM] if engine else [])]
    outcomes = []
    for number in range(count):
        name, policy = names[number % len(names)], policies[(number // 3) % len(policies)]
        case = CASES[(number // len(names) + number) % len(CASES)]
        own = settings.model_copy(update={"model": f"hostile-{name}", "policy": policy})
        place = folder / f"run-{number}"
        async with engines_of(name, number, own, folder) as engines:
            report, seconds, error = await one_run(case, engines, own, place)
        said: dict[str, Any] = {"model": name, "case": case.name, "policy": policy, "seconds": round(seconds, 2)}
        if report is None:
            outcomes.append(Outcome(**said, broken=(error,)))
        else:
            floor = floors[case.name]
            if RANK[report.status] < RANK[floor]:  # a busy machine tries fewer candidates: what would it find now?
                again, _, _ = await one_run(case, None, settings, folder / f"again-{number}")
                floor = again.status if again else floor
            broken = tuple(broken_rules(case, report, place, seconds=seconds, budget=budget, floor=floor))
            fell = sum(note.startswith("The model did not fill") for note in report.notes)
            said |= {"status": report.status.value, "label": str(report.label or ""), "candidates": report.candidates}
            outcomes.append(Outcome(**said, without_model=floor.value, calls_failed=fell, broken=broken))
        _tell(number, outcomes[-1])
    return outcomes


def _tell(number: int, outcome: Outcome) -> None:
    words = "; ".join(outcome.broken) or "ok"
    sys.stderr.write(
        f"{number + 1:4} {outcome.model:14} {outcome.case:10} {outcome.policy:15} {outcome.status:15} "
        f"{outcome.seconds:6.1f} s  {words}\n"
    )


def summary(outcomes: list[Outcome], budget: float) -> dict[str, Any]:
    """The figures as one JSON object."""
    seconds = sorted(outcome.seconds for outcome in outcomes)
    return {
        "runs": len(outcomes),
        "broken": [outcome.model_dump() for outcome in outcomes if outcome.broken],
        "budget_s": budget,
        "longest_s": seconds[-1] if seconds else 0.0,
        "median_s": seconds[len(seconds) // 2] if seconds else 0.0,
        "statuses": dict(Counter(outcome.status for outcome in outcomes)),
        "by_model": {
            name: dict(Counter(outcome.status for outcome in outcomes if outcome.model == name))
            for name in dict.fromkeys(outcome.model for outcome in outcomes)
        },
        "better_than_without_model": sum(
            bool(o.without_model) and RANK[RunStatus(o.status)] > RANK[RunStatus(o.without_model)]
            for o in outcomes
            if o.status
        ),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Parse arguments, run, print, exit."""
    parser = argparse.ArgumentParser(
        prog="python -m covey.bench.team_hostile", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--count", type=int, default=100, help="runs (default: 100)")
    parser.add_argument("--budget", type=float, default=30.0, help="wall seconds of each run (default: 30)")
    parser.add_argument("--policy", action="append", choices=sorted(POLICIES), help="policies (default: all)")
    parser.add_argument("--sandbox", default="auto", help="as covey run takes it (default: auto)")
    parser.add_argument("--no-engine", action="store_true", help="leave random weights in a real engine out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures and all runs here")
    given = parser.parse_args()
    if given.count < 1:
        parser.error("--count must be 1 or more")
    with tempfile.TemporaryDirectory(prefix="covey-hostile-") as folder:
        outcomes = asyncio.run(
            bench(
                given.count,
                given.budget,
                Path(folder),
                policies=given.policy or sorted(POLICIES),
                sandbox=given.sandbox,
                engine=not given.no_engine,
            )
        )
    found = summary(outcomes, given.budget)
    if given.json:
        given.json.write_text(json.dumps({**found, "all": [o.model_dump() for o in outcomes]}, indent=2) + "\n")
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    sys.exit(1 if found["broken"] else 0)


if __name__ == "__main__":
    main()
