"""The validator on one file of a real package, beside what else there is; see :mod:`covey.bench.validator`.

Candidates are the mutants that cosmic-ray's operators make of the file, so that nobody's own choice is measured. Each
goes to Covey's validator in its sandbox, and to a fresh ``pytest -x`` process on a copy of the package, bare, as many
at once as the validator has workers. Rounds of both take turns, so that both see the same load. mutmut and cosmic-ray
then run on the same file and the same tests in their own way for some seconds each; the validator tries some
candidates again before and after each of them, and is compared by what it does then.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from covey.agents.localiser import Localiser
from covey.agents.slots import Brief, LocaliseRequest, Reproduction, TestRequest
from covey.agents.tester import Tester
from covey.agents.workbench import Workbench
from covey.app.build import build_workbench, choose_sandbox, prepare
from covey.bench.mutation import Speed, cosmic_ray_speed, get_mutants, get_tools, mutmut_speed
from covey.bench.packages_cases import Case, get_case
from covey.bench.packages_faults import PACKAGES
from covey.core.errors import ConfigError, RunError, UnusableInput
from covey.core.patch import Candidate
from covey.core.progress import nobody
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.core.run import Run
from covey.core.task import Task
from covey.execution.tools import run_tool
from covey.settings import load_settings, search_path
from covey.workspace.edits import changes_of

_ROUNDS = 5
_PROCESS_LIMIT_S = 10.0
_BESIDE = 100  # candidates that the validator tries beside another tool


@dataclass(frozen=True)
class Beside:
    """Another tool's speed, and the validator's just before and after it."""

    speed: Speed
    validator_per_s: float


@dataclass
class Sides:
    """What both sides said of the same candidates, and how long they took."""

    verdicts: list[Verdict] = field(default_factory=list)
    validator_s: float = 0.0
    green: list[bool | None] = field(default_factory=list)  # None: still running at the limit
    processes_s: float = 0.0
    workers: int = 1


async def compare_package(
    name: str, file: str, tests: str, *, count: int, seconds: float, cache: Path
) -> dict[str, object]:
    """Measure on ``file`` and ``tests`` of the package ``name``. Raises CoveyError when there is nothing to measure."""
    package = next((item for item in PACKAGES if item.name == name), None)
    if package is None:
        known = ", ".join(item.name for item in PACKAGES)
        raise ConfigError(f"There is no package {name!r} here; there are {known}.")
    case = await get_case(package, cache)
    if not ((case.original / file).is_file() and (case.original / tests).exists()):
        raise ConfigError(f"{name} has no {file} or no {tests}.")
    programs = await get_tools(case, cache)
    mutants = await get_mutants(programs, case.original / file, limit=count)
    candidates = [mutant.candidate(file) for mutant in mutants]
    before = os.getloadavg()[0]
    bench = _Bench(case, programs, file, tests, seconds)
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as scratch:
        sides = await bench.run(candidates, Path(scratch))
    return {
        "package": f"{package.name} {package.version}",
        "file": file,
        "tests": bench.tests_used,
        **figures(sides),
        "startup_s": round(bench.startup_s, 2),
        **others_beside(bench.others),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
        "cores": os.cpu_count(),
    }


@dataclass
class _Bench:
    """One measurement on one file."""

    case: Case
    programs: Path
    file: str
    tests: str
    seconds: float
    tests_used: int = 0
    startup_s: float = 0.0
    others: dict[str, Beside | str] = field(default_factory=dict)

    async def run(self, candidates: Sequence[Candidate], scratch: Path) -> Sides:
        """Let both sides take turns, then the other tools."""
        case = self.case
        project = Path(await asyncio.to_thread(shutil.copytree, case.original, scratch / "project"))
        settings = load_settings(home=scratch / "home", python=str(case.python))
        command = f"{case.python} -m pytest {self.tests}"
        run = Run(id="bench", task=Task(id="bench", repository=str(project), test_command=command))
        sides = Sides(workers=settings.workers)
        async with build_workbench(run, settings, await choose_sandbox(settings), 0.0, nobody) as tools:
            tools.prepared = await prepare(run.task, settings, tools)
            started = time.monotonic()
            plan = await _plan(tools)
            validator = await tools.validator()
            self.startup_s = time.monotonic() - started
            self.tests_used = len(plan.targets) + len(plan.regressions)
            copies = [
                Path(await asyncio.to_thread(shutil.copytree, case.original, scratch / f"copy-{number}"))
                for number in range(settings.workers)
            ]
            for part in _rounds(candidates):
                started = time.monotonic()
                sides.verdicts += [verdict async for verdict in validator.validate(part, plan)]
                sides.validator_s += time.monotonic() - started
                started = time.monotonic()
                sides.green += await _in_processes(tools, case, copies, (self.file, self.tests), part)
                sides.processes_s += time.monotonic() - started

            async def again() -> float:
                some = candidates[:_BESIDE]
                started = time.monotonic()
                tried = [verdict async for verdict in validator.validate(some, plan)]
                return len(tried) / (time.monotonic() - started)

            await self._others(again, settings.workers, scratch)
        return sides

    async def _others(self, again: Callable[[], Awaitable[float]], workers: int, scratch: Path) -> None:
        """Speeds by tool, or the reason why there is none."""
        before = await again()
        for name in ("mutmut", "cosmic_ray"):
            project = Path(await asyncio.to_thread(shutil.copytree, self.case.original, scratch / name))
            try:
                if name == "mutmut":
                    speed = await mutmut_speed(
                        self.programs, project, self.file, self.tests, children=workers, seconds=self.seconds
                    )
                else:
                    speed = await cosmic_ray_speed(self.programs, project, self.file, self.tests, seconds=self.seconds)
            except RunError as error:
                self.others[name] = f"{error} {error.detail}".strip()
                continue
            after = await again()
            self.others[name] = Beside(speed, (before + after) / 2)
            before = after


def _rounds(candidates: Sequence[Candidate]) -> list[Sequence[Candidate]]:
    size = max(1, -(-len(candidates) // _ROUNDS))
    return [candidates[at : at + size] for at in range(0, len(candidates), size)]


async def _plan(tools: Workbench) -> ValidationPlan:
    """Every test must stay green; the first stands in for a target, which a package without a fault has not."""
    baseline = await Tester().run(TestRequest(), tools)
    if not baseline.results or not baseline.green:
        raise UnusableInput("The tests are not green before anything is changed; there is nothing to measure.")
    shown = Reproduction(targets=(baseline.results[0].id,))
    where = await Localiser().run(LocaliseRequest(brief=Brief(), baseline=baseline, reproduction=shown), tools)
    return where.plan


async def _in_processes(
    tools: Workbench, case: Case, copies: Sequence[Path], files: tuple[str, str], candidates: Sequence[Candidate]
) -> list[bool | None]:
    """Whether ``pytest -x`` is green for each candidate, on one copy for each process at a time."""
    file, tests = files
    free = list(copies)
    gate = asyncio.Semaphore(len(free))

    async def one(candidate: Candidate) -> bool | None:
        async with gate:
            copy = free.pop()
            (copy / file).write_bytes(dict(changes_of(tools.sources, candidate.edits))[file] or b"")
            environment = {
                "PATH": search_path(),
                "HOME": str(copy),
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(copy / case.package.source),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",
            }
            argv = [str(case.python), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests]
            result = await run_tool(argv, env=environment, cwd=copy, timeout_s=_PROCESS_LIMIT_S)
            free.append(copy)
            return None if result.exit_code is None else result.ok

    return list(await asyncio.gather(*map(one, candidates)))


def figures(sides: Sides) -> dict[str, object]:
    """The comparison as JSON. A process that was stopped at its limit agrees with any verdict but ``plausible``.

    ``ratio_without_endless`` leaves out of the processes' time what those that were stopped have cost.
    """
    plausible = [verdict.standing is Standing.plausible for verdict in sides.verdicts]
    agree = [seen == bool(green) for seen, green in zip(plausible, sides.green, strict=True)]
    modes = [verdict.mode for verdict in sides.verdicts]
    standings = [verdict.standing.value for verdict in sides.verdicts]
    fast = len(sides.verdicts) / sides.validator_s
    slow = len(sides.green) / sides.processes_s
    stopped = sides.green.count(None)
    rest_s = max(sides.processes_s - stopped * _PROCESS_LIMIT_S / sides.workers, 1e-9)
    return {
        "candidates": len(sides.verdicts),
        "modes": {mode: modes.count(mode) for mode in sorted(set(modes))},
        "standings": {standing: standings.count(standing) for standing in sorted(set(standings))},
        "validator_per_s": round(fast, 1),
        "pytest_per_s": round(slow, 2),
        "pytest_stopped": stopped,
        "ratio": round(fast / slow, 1),
        "ratio_without_endless": round(fast / ((len(sides.green) - stopped) / rest_s), 1),
        "agree": f"{sum(agree)} of {len(agree)}",
        "disagree": [verdict.candidate for verdict, same in zip(sides.verdicts, agree, strict=True) if not same],
    }


def others_beside(others: dict[str, Beside | str]) -> dict[str, object]:
    """The other tools' figures, and how many times faster the validator was around them."""
    said: dict[str, object] = {}
    for name, found in others.items():
        if isinstance(found, str):
            said[name] = found
        else:
            said[f"{name}_per_s"] = round(found.speed.per_s, 2)
            said[f"{name}_tried"] = found.speed.tried
            said[f"validator_beside_{name}_per_s"] = round(found.validator_per_s, 1)
            said[f"{name}_ratio"] = round(found.validator_per_s / found.speed.per_s, 1)
            if found.speed.note:
                said[f"{name}_note"] = found.speed.note
    return said
