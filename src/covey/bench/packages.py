"""Real packages with faults made by hand, repaired from their own tests: ``python -m covey.bench.packages``.

Popular pure-Python packages come as pinned source distributions from the package index, through pip. Each fault goes
into a fresh copy; the package's own tests must then be red (and were green); the copy is given to the product, with an
issue text and without a model. The first patch is ``exact`` when it restores the original text or syntax tree, else
``green`` when the package's whole suite passes with it, else wrong.

The seconds of a package's first fault include building its environment, unless ``--cache`` still holds one. Exit
codes: 0 done, 1 a fault is not one (nothing is red), 2 the command cannot be used, 3 the index is out of reach.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from covey.bench.corpus import FOUND, Outcome, Solve, product_solver
from covey.bench.corpus_report import percentile
from covey.bench.packages_cases import (
    Case,
    apply_diff,
    broken_copy,
    get_case,
    restore_tests,
    run_tests,
    same_program,
)
from covey.bench.packages_faults import PACKAGES, Fault, Package
from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, CoveyError, UnusableInput
from covey.settings import load_settings


class Record(Frozen):
    """One fault as it went. ``verdict`` of the first patch: exact, green, wrong, or "" without one.

    ``rank`` is the position, from 1, of the first right patch among those offered. ``diff`` is kept unless exact.
    """

    package: str
    fault: str
    valid: bool = True
    status: str = ""
    label: str | None = None
    verdict: str = ""
    rank: int | None = None
    offered: int = 0
    duration_s: float = 0.0
    candidates: int = 0
    candidates_per_s: float = 0.0
    diff: str = ""
    error: str = ""

    @property
    def right(self) -> bool:
        """True when the first patch is as good as the original, as far as the suite can tell."""
        return self.verdict in ("exact", "green")


async def run_package(
    package: Package, cache: Path, solve: Solve, budget_s: float, report: Callable[[Record], None]
) -> list[Record]:
    """Fetch one package, then solve and grade its faults one after the other. Raises RunError."""
    case = await get_case(package, cache)
    before = await run_tests(case, case.original)
    if before.exit_code != 0:
        raise UnusableInput(f"{package.name}: its own tests are not green before anything is changed.\n{before.output}")
    records = []
    for fault in package.faults:
        records.append(await solve_and_grade(case, fault, cache / "work" / package.name, solve, budget_s))
        report(records[-1])
    return records


async def solve_and_grade(case: Case, fault: Fault, project: Path, solve: Solve, budget_s: float) -> Record:
    """Put one fault into ``project``, solve it there, and grade every patch offered until one is right.

    The place is the same for all faults of a package, so that the environment the product built is found again.
    """
    await asyncio.to_thread(broken_copy, case, fault, project)
    if (await run_tests(case, project)).exit_code != 1:
        return Record(package=case.package.name, fault=fault.name, valid=False, error="no test is red with the fault")
    started, trouble = time.monotonic(), ""
    try:
        outcome = await solve(project, f"{fault.title}\n\n{fault.issue}", budget_s)
    except CoveyError as error:
        outcome, trouble = Outcome(status="failed", duration_s=time.monotonic() - started), f"{error} {error.detail}"
    offered = [diff for diff in (outcome.diff, *outcome.alternatives) if diff.strip()]
    verdicts = []
    for diff in offered:
        verdicts.append(await grade(case, fault, diff))
        if verdicts[-1] != "wrong":
            break
    found = outcome.status in FOUND and bool(outcome.diff.strip())
    return Record(
        package=case.package.name,
        fault=fault.name,
        status=outcome.status,
        label=outcome.label,
        verdict=verdicts[0] if found else "",
        rank=len(verdicts) if verdicts and verdicts[-1] != "wrong" else None,
        offered=len(offered),
        duration_s=outcome.duration_s,
        candidates=outcome.candidates,
        candidates_per_s=outcome.candidates_per_s,
        diff="" if verdicts[:1] == ["exact"] else outcome.diff,
        error=trouble.strip(),
    )


async def grade(case: Case, fault: Fault, diff: str) -> str:
    """Judge one patch on a fresh copy with pristine tests: ``exact``, ``green`` or ``wrong``."""
    with tempfile.TemporaryDirectory(prefix="covey-packages-") as temporary:
        project = await asyncio.to_thread(broken_copy, case, fault, Path(temporary, case.package.name))
        if not await apply_diff(project, diff):
            return "wrong"
        await asyncio.to_thread(restore_tests, case, project)
        if await asyncio.to_thread(same_program, case.original, project):
            return "exact"
        return "green" if (await run_tests(case, project)).exit_code == 0 else "wrong"


def table_of(records: Sequence[Record]) -> Table:
    """One line for each fault."""
    table = Table(box=None, pad_edge=False)
    for column in ("package", "fault", "label", "first patch"):
        table.add_column(column, no_wrap=True)
    for column in ("rank", "seconds", "candidates", "per second"):
        table.add_column(column, justify="right", no_wrap=True)
    for record in records:
        table.add_row(
            record.package,
            record.fault,
            record.label or record.status,
            record.verdict or ("-" if record.valid else "NOT A FAULT"),
            "-" if record.rank is None else str(record.rank),
            f"{record.duration_s:.1f}",
            str(record.candidates),
            f"{record.candidates_per_s:.0f}",
        )
    return table


def summarise(records: Sequence[Record]) -> dict[str, object]:
    """Count, over the faults that are valid."""
    valid = [record for record in records if record.valid]
    searched = [record for record in valid if record.candidates_per_s > 0]
    seconds = sum(record.candidates / record.candidates_per_s for record in searched)
    durations = [record.duration_s for record in valid]
    return {
        "packages": len({record.package for record in records}),
        "faults": len(valid),
        "found": sum(bool(record.verdict) for record in valid),
        "exact_or_green": sum(record.right for record in valid),
        "exact": sum(record.verdict == "exact" for record in valid),
        "proved": sum(record.label in ("no_regressions", "verified") for record in valid),
        "p50_s": round(percentile(durations, 50), 1),
        "p95_s": round(percentile(durations, 95), 1),
        "candidates_per_s": round(sum(record.candidates for record in searched) / seconds, 1) if seconds else 0.0,
        "not_faults": [f"{record.package}/{record.fault}" for record in records if not record.valid],
    }


async def run_all(
    packages: Sequence[Package], cache: Path, solve: Solve, budget_s: float, report: Callable[[Record], None]
) -> list[Record]:
    """One package after the other. Raises RunError, UnusableInput."""
    return [record for package in packages for record in await run_package(package, cache, solve, budget_s, report)]


def main(argv: Sequence[str] | None = None, solve: Solve | None = None, packages: Sequence[Package] = PACKAGES) -> int:
    """Run the command line; ``solve`` replaces the product, ``packages`` the packages."""
    given = _parser().parse_args(argv)
    out, err = (Console(soft_wrap=True, width=140, stderr=stderr) for stderr in (False, True))

    def say(record: Record) -> None:
        words = record.error or record.verdict or record.status
        err.print(
            f"{record.package}/{record.fault}: {words} in {record.duration_s:.1f} s", highlight=False, markup=False
        )

    try:
        chosen = [package for package in packages if not given.only or package.name in given.only]
        if unknown := set(given.only) - {package.name for package in packages}:
            raise UnusableInput(f"There is no package {', '.join(sorted(unknown))} here.")
        cache = (given.cache or load_settings().home / "bench" / "packages").absolute()
        solver = solve or product_solver(cache / "covey")
        records = asyncio.run(run_all(chosen, cache, solver, given.budget, say))
    except CoveyError as error:
        err.print(str(error), style="red", markup=False)
        return 2 if isinstance(error, ConfigError) else 3
    summary = summarise(records)
    out.print(table_of(records))
    out.print(json.dumps(summary), highlight=False, markup=False)
    if given.json is not None:
        data = {"summary": summary, "faults": [record.model_dump(mode="json") for record in records]}
        given.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return 1 if summary["not_faults"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m covey.bench.packages", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these packages")
    parser.add_argument("--budget", type=float, default=120.0, metavar="SECONDS", help="wall seconds for one fault")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="where everything is kept (default: below COVEY_HOME)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
