"""Faults that an independent mutation tool puts into real packages: ``python -m covey.bench.faults``.

Each fault is one mutant of cosmic-ray's own operators, drawn by a seed, that the package's own suite notices. Covey
gets a copy with half of the test functions (one that fails among them), and a quarter held out for its verdict; the
other quarter neither search nor verdict sees. Of the first patch it is asked: is it ``exact`` (the original syntax
tree), ``equivalent`` (the whole suite is green), or ``wrong``; and do the unseen tests pass?

Faults and results go to JSON lines files below ``--out`` as they come, so a benchmark that was stopped goes on where
it was. Exit codes: 0 done, 2 the command cannot be used, 3 packages or tools are out of reach.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from covey.bench.corpus import FOUND, Outcome, outcome_of
from covey.bench.corpus_report import percentile
from covey.bench.faults_cases import (
    Deal,
    Injected,
    deal_tests,
    failing_functions,
    find_faults,
    functions_of_suite,
    inject,
)
from covey.bench.mutation import get_tools
from covey.bench.packages_cases import Case, apply_diff, get_case, restore_tests, same_program
from covey.bench.packages_faults import PACKAGES, Package
from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, CoveyError, UnusableInput
from covey.settings import load_settings

Solve = Callable[[Path, str, Sequence[str], float], Awaitable[Outcome]]
"""Solves the project at a path with a test command and held-out tests, within wall seconds. May raise CoveyError."""


class Result(Frozen):
    """One fault as it went. ``verdict``: exact, equivalent, wrong, or "" without a patch; ``load`` at its end.

    ``unseen_pass`` says whether the tests that nobody saw pass with the first patch; None without a patch.
    """

    fault: str
    package: str
    operator: str
    before: str
    after: str
    status: str = ""
    label: str | None = None
    verdict: str = ""
    unseen: int = 0
    unseen_pass: bool | None = None
    offered: int = 0
    duration_s: float = 0.0
    candidates: int = 0
    candidates_per_s: float = 0.0
    load: float = 0.0
    diff: str = ""
    error: str = ""


def product(home: Path) -> Solve:
    """The product itself, as ``covey run`` calls it, keeping its runs below ``home``."""
    from covey.app import solve

    async def run(project: Path, command: str, holdout: Sequence[str], budget_s: float) -> Outcome:
        settings = load_settings(home=home, out=home / "out", budget=budget_s)
        report = await solve(project, test=command, holdout=holdout, settings=settings)
        return outcome_of(report)

    return run


async def solve_fault(
    case: Case, fault: Injected, deal: Deal, project: Path, solve: Solve, *, budget_s: float
) -> Result:
    """Put the fault into ``project``, solve it there, and judge the first patch on a fresh copy."""
    await asyncio.to_thread(inject, case, fault, project)
    words = [f"--deselect={name}" for name in deal.unseen]
    started, trouble = time.monotonic(), ""
    try:
        outcome = await solve(project, shlex.join(["python", "-m", "pytest", *words]), deal.verdict, budget_s)
    except CoveyError as error:
        outcome, trouble = Outcome(status="failed", duration_s=time.monotonic() - started), f"{error} {error.detail}"
    verdict, passes = "", None
    if outcome.status in FOUND and outcome.diff.strip():
        verdict, passes = await judge(case, fault, deal, outcome.diff)
    return Result(
        fault=fault.key,
        package=fault.package,
        operator=fault.operator,
        before=fault.before,
        after=fault.after,
        status=outcome.status,
        label=outcome.label,
        verdict=verdict,
        unseen=len(deal.unseen),
        unseen_pass=passes,
        offered=len([diff for diff in (outcome.diff, *outcome.alternatives) if diff.strip()]),
        duration_s=outcome.duration_s,
        candidates=outcome.candidates,
        candidates_per_s=outcome.candidates_per_s,
        load=round(os.getloadavg()[0], 1),
        diff="" if verdict == "exact" else outcome.diff,
        error=trouble.strip()[-2000:],
    )


async def judge(case: Case, fault: Injected, deal: Deal, diff: str) -> tuple[str, bool]:
    """Verdict of one patch, and whether the unseen tests pass with it."""
    with tempfile.TemporaryDirectory(prefix="covey-faults-") as temporary:
        project = Path(temporary, case.package.name)
        await asyncio.to_thread(inject, case, fault, project)
        if not await apply_diff(project, diff):
            return "wrong", False
        await asyncio.to_thread(restore_tests, case, project)
        if await asyncio.to_thread(same_program, case.original, project):
            return "exact", True
        code, failing = await failing_functions(case, project)
        if code == 0:
            return "equivalent", True
        known = code == 1 and bool(failing)
        return "wrong", known and not any(_meant(name, deal.unseen) for name in failing)


def _meant(name: str, functions: Sequence[str]) -> bool:
    """A file that cannot be collected stands for all of its tests."""
    return any(one == name or one.startswith(f"{name}::") for one in functions)


def summarise(results: Sequence[Result]) -> dict[str, object]:
    """Count, over all and by label."""
    patched = [result for result in results if result.verdict]
    seconds = [result.duration_s for result in results]
    misses = Counter(result.operator.removeprefix("core/") for result in results if not result.verdict)
    labels = sorted({result.label for result in patched if result.label})
    return {
        "faults": len(results),
        "packages": len({result.package for result in results}),
        "found": len(patched),
        **{name: sum(result.verdict == name for result in results) for name in ("exact", "equivalent", "wrong")},
        "unseen_pass": _share(patched),
        "by_label": {label: _share([item for item in patched if item.label == label]) for label in labels},
        "p50_s": round(percentile(seconds, 50), 1) if seconds else None,
        "p95_s": round(percentile(seconds, 95), 1) if seconds else None,
        "missed_by_operator": dict(misses.most_common()),
        "load": sorted({result.load for result in results})[-1:] or None,
    }


def _share(results: Sequence[Result]) -> str:
    return f"{sum(bool(result.unseen_pass) for result in results)} of {len(results)}"


class Bench:
    """The files of one benchmark, and what is still to do."""

    def __init__(self, out: Path, cache: Path, seed: int) -> None:
        self._out = out
        self._cache = cache
        self._seed = seed
        out.mkdir(parents=True, exist_ok=True)

    def faults(self) -> list[Injected]:
        """Faults drawn so far."""
        return [Injected.model_validate_json(line) for line in self._lines("faults")]

    def results(self) -> list[Result]:
        """Results so far."""
        return [Result.model_validate_json(line) for line in self._lines("results")]

    def _lines(self, name: str) -> list[str]:
        path = self._out / f"{name}.jsonl"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def _keep(self, name: str, item: Frozen) -> None:
        with (self._out / f"{name}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(item.model_dump_json() + "\n")

    async def draw(self, package: Package, each: int) -> None:
        """Have ``each`` faults of a package. Raises UnusableInput when its own suite is not green."""
        if sum(fault.package == package.name for fault in self.faults()) >= each:
            return
        case = await get_case(package, self._cache)
        programs = await get_tools(await get_case(PACKAGES[0], self._cache), self._cache)
        if (await failing_functions(case, case.original))[0] != 0:
            raise UnusableInput(f"{package.name}: its own tests are not green before anything is changed.")
        known = {fault.key for fault in self.faults()}
        project = self._cache / "faults" / package.name
        async for fault in find_faults(case, programs, each, self._seed, project):
            if fault.key not in known:
                self._keep("faults", fault)

    async def solve(self, package: Package, solve: Solve, budget_s: float, say: Callable[[Result], None]) -> None:
        """Solve the package's faults that have no result yet."""
        done = {result.fault for result in self.results()}
        waiting = [fault for fault in self.faults() if fault.package == package.name and fault.key not in done]
        case = await get_case(package, self._cache)
        functions = await functions_of_suite(case) if waiting else []
        for fault in waiting:
            deal = deal_tests(functions, fault, self._seed)
            project = self._cache / "faults" / package.name
            result = await solve_fault(case, fault, deal, project, solve, budget_s=budget_s)
            self._keep("results", result)
            say(result)


def main(argv: Sequence[str] | None = None, solve: Solve | None = None, packages: Sequence[Package] = PACKAGES) -> int:
    """Run the command line; ``solve`` replaces the product, ``packages`` the packages."""
    given = _parser().parse_args(argv)

    def say(result: Result) -> None:
        words = result.error or f"{result.verdict or 'not found'} ({result.label or result.status})"
        sys.stderr.write(f"{result.fault}: {words} in {result.duration_s:.1f} s\n")

    async def work() -> list[Result]:
        chosen = [package for package in packages if not given.packages or package.name in given.packages]
        if not chosen:
            raise ConfigError(f"There are only the packages {', '.join(package.name for package in packages)}.")
        cache = (given.cache or load_settings().home / "bench" / "packages").absolute()
        bench = Bench(given.out or cache / "faults" / "results", cache, given.seed)
        each = -(-given.count // len(chosen))
        solver = solve or product(cache / "covey")
        for package in chosen:
            await bench.draw(package, each)
            await bench.solve(package, solver, given.budget, say)
        return bench.results()

    try:
        results = asyncio.run(work())
    except CoveyError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, ConfigError) else 3
    sys.stdout.write(json.dumps(summarise(results), indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m covey.bench.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=32, help="faults over all packages")
    parser.add_argument("--budget", type=float, default=120.0, metavar="SECONDS", help="wall seconds for one fault")
    parser.add_argument("--packages", nargs="+", default=[], metavar="NAME", help="only these packages")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of faults and of who sees which tests")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of faults.jsonl and results.jsonl")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder that keeps what was fetched")
    return parser


if __name__ == "__main__":
    sys.exit(main())
