"""How fast candidates are tried: ``python -m covey.bench.validator``.

Both sides in one run, on the same candidates of the demo project (70 tests): Covey's validator in its sandbox, and
what one would write first, a ``pytest -x`` process for each candidate on a copy of the project, bare, as many at once
as the validator has workers. Also says whether the two agree on which candidates leave the suite green.

With ``--package`` the same on one file of a real package and its own tests, with mutmut and cosmic-ray beside it; what
is missing is fetched from the package index once. Exit codes: 0 done, 2 the command cannot be used, 3 no result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from covey.agents.coder import Coder
from covey.agents.localiser import Localiser
from covey.agents.reproducer import Reproducer
from covey.agents.slots import Brief, DraftRequest, LocaliseRequest, ReproduceRequest, TestRequest
from covey.agents.tester import Tester
from covey.agents.workbench import Workbench
from covey.app.build import build_workbench, choose_sandbox, prepare
from covey.bench.validator_package import compare_package
from covey.core.errors import ConfigError, CoveyError
from covey.core.patch import Candidate
from covey.core.progress import nobody
from covey.core.repair import Standing, ValidationPlan
from covey.core.run import Run
from covey.core.task import Task
from covey.settings import load_settings
from covey.workspace.edits import changes_of

PROJECT = Path(__file__).resolve().parents[3] / "examples" / "01_invoice_service"


async def compare(count: int, processes: int) -> dict[str, object]:
    """Try ``count`` candidates in the validator and the first ``processes`` of them in processes of their own."""
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as name:
        project = Path(shutil.copytree(PROJECT, Path(name) / "project"))
        settings = load_settings(home=Path(name) / "home")
        run = Run(id="bench", task=Task(id="bench", repository=str(project)))
        async with build_workbench(run, settings, await choose_sandbox(settings), 0.0, nobody) as tools:
            tools.prepared = await prepare(run.task, settings, tools)
            candidates, plan = await _candidates(tools, count)
            validator = await tools.validator()
            started = time.monotonic()
            verdicts = [verdict async for verdict in validator.validate(candidates, plan)]
            fast = time.monotonic() - started
            started = time.monotonic()
            green = await _in_processes(tools, project, candidates[:processes], Path(name))
            slow = time.monotonic() - started
    plausible = [verdict.standing is Standing.plausible for verdict in verdicts[:processes]]
    modes = [verdict.mode for verdict in verdicts]
    return {
        "tests": len(plan.targets) + len(plan.regressions),
        "workers": settings.workers,
        "candidates": len(verdicts),
        "modes": {mode: modes.count(mode) for mode in sorted(set(modes))},
        "timeouts": sum(verdict.standing is Standing.timeout for verdict in verdicts),
        "validator_per_s": round(len(verdicts) / fast, 1),
        "processes": len(green),
        "processes_per_s": round(len(green) / slow, 2),
        "ratio": round(len(verdicts) / fast / (len(green) / slow), 1),
        "agree": f"{sum(a == b for a, b in zip(plausible, green, strict=True))} of {len(green)}",
    }


async def _candidates(tools: Workbench, count: int) -> tuple[tuple[Candidate, ...], ValidationPlan]:
    baseline = await Tester().run(TestRequest(), tools)
    shown = await Reproducer().run(ReproduceRequest(brief=Brief(), baseline=baseline), tools)
    request = LocaliseRequest(brief=Brief(), baseline=baseline, reproduction=shown)
    where = await Localiser().run(request, tools)
    drafts = await Coder().run(DraftRequest(suspects=where.suspects, count=count), tools)
    return drafts.candidates, where.plan


async def _in_processes(tools: Workbench, project: Path, candidates: Sequence[Candidate], scratch: Path) -> list[bool]:
    """Whether ``pytest -x`` is green for each candidate."""
    gate = asyncio.Semaphore(tools.workers)

    async def one(number: int, candidate: Candidate) -> bool:
        async with gate:
            copy = Path(shutil.copytree(project, scratch / f"copy-{number}"))
            for path, data in changes_of(tools.sources, candidate.edits).items():
                (copy / path).write_bytes(data)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                cwd=copy, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                return await asyncio.wait_for(process.wait(), 60) == 0
            except TimeoutError:
                process.kill()
                await process.wait()
                return False

    return list(await asyncio.gather(*(one(number, item) for number, item in enumerate(candidates))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m covey.bench.validator", description=__doc__)
    parser.add_argument("--candidates", type=int, default=400, help="candidates for the validator")
    parser.add_argument("--processes", type=int, default=60, help="of these, candidates for processes of their own")
    parser.add_argument("--package", metavar="NAME", help="measure on this package, for instance toolz")
    parser.add_argument("--file", default="toolz/itertoolz.py", help="of the package: the file that candidates change")
    parser.add_argument("--tests", default="toolz/tests/test_itertoolz.py", help="of the package: its tests")
    parser.add_argument("--seconds", type=float, default=40.0, help="for mutmut and for cosmic-ray, each")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was fetched")
    given = parser.parse_args(arguments)
    try:
        if given.package is None:
            result = asyncio.run(compare(given.candidates, given.processes))
        else:
            cache = (given.cache or load_settings().home / "bench" / "packages").absolute()
            work = compare_package(
                given.package,
                given.file,
                given.tests,
                count=given.candidates,
                seconds=given.seconds,
                cache=cache,
            )
            result = asyncio.run(work)
    except CoveyError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, ConfigError) else 3
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
