"""The project's own bug corpus as a benchmark: ``python -m covey.bench.corpus run`` and ``validate``.

``run`` solves every bug through the same entry as ``covey run``, then grades what came back with tests that the run
never saw. ``validate`` checks that the corpus is what it claims to be: each bug red before its reference fix and green
after it. Exit codes: 0 done (and valid), 1 a bug is not valid, 2 the command or the corpus cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from rich.console import Console

from covey.bench.corpus_cases import (
    Bug,
    SuiteRun,
    add_hidden,
    default_root,
    load_bugs,
    real_faults,
    run_program,
    run_suite,
    structural_faults,
)
from covey.bench.corpus_report import Record, records_table, summarise, summary_lines
from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, CoveyError
from covey.core.report import RunReport
from covey.core.run import RunStatus
from covey.settings import load_settings


class Outcome(Frozen):
    """What solving one bug gave. ``diff`` is the first patch, ``alternatives`` the others in order, best first."""

    status: str
    label: str | None = None
    diff: str = ""
    alternatives: tuple[str, ...] = ()
    duration_s: float = 0.0
    candidates: int = 0
    candidates_per_s: float = 0.0


Solve = Callable[[Path, str, float], Awaitable[Outcome]]
"""Solves the project at a path, given the issue text, within wall seconds. May raise CoveyError."""


FOUND = frozenset({RunStatus.patched.value, RunStatus.plausible.value})
"""Statuses of a run that found a patch with which all target tests pass."""


def outcome_of(report: RunReport) -> Outcome:
    """What a benchmark keeps of a run's report."""
    return Outcome(
        status=report.status.value,
        label=report.label.value if report.label else None,
        diff=report.diff or "",
        alternatives=tuple(other.diff for other in report.alternatives),
        duration_s=report.duration_s,
        candidates=report.candidates,
        candidates_per_s=report.candidates_per_s,
    )


def product_solver(home: Path) -> Solve:
    """Return a solver that is the product itself, as ``covey run`` calls it, keeping its runs below ``home``."""
    from covey.app import solve

    async def run(project: Path, issue: str, budget_s: float) -> Outcome:
        report = await solve(project, issue, settings=load_settings(home=home, out=home / "out", budget=budget_s))
        return outcome_of(report)

    return run


async def run_corpus(
    bugs: Sequence[Bug],
    solve: Solve,
    *,
    budget_s: float = 60.0,
    jobs: int = 1,
    report: Callable[[Record], None] = lambda _: None,
) -> list[Record]:
    """Solve and grade ``bugs``, ``jobs`` at a time; return the records in the order of ``bugs``.

    ``report`` hears of each record as it is made.
    """
    places = asyncio.Semaphore(jobs)

    async def one(bug: Bug) -> Record:
        async with places:
            record = await solve_and_grade(bug, solve, budget_s)
        report(record)
        return record

    return list(await asyncio.gather(*(one(bug) for bug in bugs)))


async def solve_and_grade(bug: Bug, solve: Solve, budget_s: float) -> Record:
    """Solve one bug in a copy of its project and grade every patch offered until one is right."""
    with tempfile.TemporaryDirectory(prefix="covey-corpus-") as temporary:
        project = Path(temporary, bug.name)
        await asyncio.to_thread(shutil.copytree, bug.project, project)
        started = time.monotonic()
        try:
            outcome = await solve(project, bug.issue, budget_s)
        except CoveyError as error:
            outcome = Outcome(status="failed", duration_s=time.monotonic() - started)
            trouble = str(error)
        else:
            trouble = ""
    offered = [diff for diff in (outcome.diff, *outcome.alternatives) if diff.strip()]
    rank = None
    for position, diff in enumerate(offered, start=1):
        if (await grade(bug, diff)).green:
            rank = position
            break
    found = bool(outcome.diff.strip()) and outcome.status in FOUND
    return Record(
        name=bug.name,
        set=bug.set,
        kind=bug.kind,
        hard=bug.hard,
        status=outcome.status,
        label=outcome.label,
        found=found,
        hidden_pass=found and rank == 1,
        rank=rank,
        offered=len(offered),
        duration_s=outcome.duration_s,
        candidates=outcome.candidates,
        candidates_per_s=outcome.candidates_per_s,
        diff=outcome.diff,
        error=trouble,
    )


async def grade(bug: Bug, diff: str) -> SuiteRun:
    """Apply ``diff`` to a fresh project, add the hidden tests and run everything.

    A diff that does not apply is a session that did not end, with git's words as its output.
    """
    with tempfile.TemporaryDirectory(prefix="covey-corpus-") as temporary:
        project = Path(temporary, bug.name)
        await asyncio.to_thread(shutil.copytree, bug.project, project)
        status, output = await run_program(["git", "apply", "-"], project, stdin=diff.encode())
        if status != 0:
            return SuiteRun(ended=False, output=f"git apply: {output}")
        await asyncio.to_thread(_restore_tests, bug, project)
        return await run_suite(bug, project)


def _restore_tests(bug: Bug, project: Path) -> None:
    """Put the pristine test files back, whatever the patch did to them, and add the hidden ones."""
    for path in sorted(bug.project.rglob("*.py")):
        name = path.relative_to(bug.project)
        if name.name.startswith("test") or name.parts[0] == "tests" or name.name == "conftest.py":
            shutil.copyfile(path, project / name)
    add_hidden(bug, project)


async def validate(bugs: Sequence[Bug], *, jobs: int = 2) -> dict[str, list[str]]:
    """Return what is wrong with each bug that is not valid, by name."""
    places = asyncio.Semaphore(jobs)

    async def one(bug: Bug) -> list[str]:
        async with places:
            return structural_faults(bug) or await real_faults(bug)

    found = await asyncio.gather(*(one(bug) for bug in bugs))
    return {bug.name: faults for bug, faults in zip(bugs, found, strict=True) if faults}


def main(argv: Sequence[str] | None = None, solve: Solve | None = None) -> int:
    """Run the command line; ``solve`` replaces the product's own solver."""
    given = _parser().parse_args(argv)
    # Into a file or a pipe the table keeps its whole width.
    out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 140)
    err = Console(stderr=True, soft_wrap=True)
    try:
        bugs = load_bugs(given.corpus, sets=given.set, only=given.only, kind=given.kind)
        if given.verb == "validate":
            return _show_validation(bugs, asyncio.run(validate(bugs, jobs=given.jobs)), out)

        def say(record: Record) -> None:
            verdict = ("right" if record.hidden_pass else "WRONG") if record.found else "not found"
            err.print(f"{record.name}: {verdict} in {record.duration_s:.1f} s", highlight=False)

        with tempfile.TemporaryDirectory(prefix="covey-corpus-home-") as home:
            solver = solve or product_solver(given.home or Path(home))
            work = run_corpus(bugs, solver, budget_s=given.budget, jobs=given.jobs, report=say)
            records = asyncio.run(work)
    except ConfigError as error:
        err.print(str(error), style="red", markup=False)
        return 2
    summary = summarise(records)
    out.print(records_table(records))
    for line in summary_lines(summary):
        out.print(line, highlight=False, markup=False)
    if given.json is not None:
        data = {"summary": summary.model_dump(mode="json"), "bugs": [r.model_dump(mode="json") for r in records]}
        given.json.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return 0


def _show_validation(bugs: Sequence[Bug], faults: dict[str, list[str]], out: Console) -> int:
    for name, found in faults.items():
        for fault in found:
            out.print(f"{name}: {fault}", highlight=False, markup=False)
    hard = sum(bug.hard for bug in bugs)
    kinds = len({bug.kind for bug in bugs})
    out.print(f"{len(bugs) - len(faults)}/{len(bugs)} bugs are valid ({kinds} kinds, {hard} hard)", highlight=False)
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m covey.bench.corpus", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--corpus", type=Path, default=default_root(), metavar="DIR", help="folder of the sets of bugs")
    common.add_argument("--set", nargs="+", default=[], help="only these sets (folders of the corpus)")
    common.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these bugs")
    common.add_argument("--kind", help="only bugs of this kind")
    common.add_argument("--jobs", type=_positive, default=1, help="bugs at the same time")
    run = verbs.add_parser("run", parents=[common], help="solve and grade the bugs")
    run.add_argument("--budget", type=float, default=60.0, metavar="SECONDS", help="wall seconds for one bug")
    run.add_argument("--home", type=Path, metavar="DIR", help="keep the runs and their evidence below DIR")
    run.add_argument("--json", type=Path, metavar="FILE", help="also write everything as JSON")
    verbs.add_parser("validate", parents=[common], help="check the corpus itself")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


if __name__ == "__main__":
    sys.exit(main())
