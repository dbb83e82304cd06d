"""Localisation and search on a repository of over 100,000 lines: ``python -m covey.bench.localise``.

The repository is made by a program (see :mod:`covey.bench.localise_repository`), the same each time, with one fault
in it. Localising takes the failing tests and the nearest passing ones; what it takes beyond the time of those very
tests in a plain process is what tracing and ranking cost. Memory is the proportional share (PSS) of this process and
of all below it, sampled while the search tries candidates. Exit code 0.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from covey.agents.coder import Coder
from covey.agents.localiser import Localiser
from covey.agents.reproducer import Reproducer
from covey.agents.slots import Brief, DraftRequest, LocaliseRequest, ReproduceRequest, TestRequest
from covey.agents.tester import Tester
from covey.app.build import build_workbench, choose_sandbox, prepare
from covey.bench.localise_repository import write_repository
from covey.core.progress import nobody
from covey.core.run import Run
from covey.core.task import Task
from covey.settings import load_settings

_SAMPLE_S = 0.25


def tree_memory_bytes(root: int) -> int:
    """Proportional share of memory of a process and of all processes below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children[int(fields[1])].append(int(entry.name))
            except (OSError, IndexError, ValueError):  # it ended meanwhile
                continue
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) << 10 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


class Peak:
    """Samples memory while it is open."""

    def __init__(self) -> None:
        self.bytes = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Peak:
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _sample(self) -> None:
        while True:
            self.bytes = max(self.bytes, await asyncio.to_thread(tree_memory_bytes, os.getpid()))
            await asyncio.sleep(_SAMPLE_S)


async def measure(modules: int, count: int) -> dict[str, object]:
    """Make the repository, localise, and try ``count`` candidates."""
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as name:
        project = Path(name, "project")
        lines, faulty = await asyncio.to_thread(write_repository, project, modules)
        settings = load_settings(home=Path(name, "home"), python=sys.executable)
        run = Run(id="bench", task=Task(id="bench", repository=str(project)))
        async with build_workbench(run, settings, await choose_sandbox(settings), 0.0, nobody) as tools:
            started = time.monotonic()
            tools.prepared = await prepare(run.task, settings, tools)
            prepared_s = time.monotonic() - started
            baseline = await Tester().run(TestRequest(), tools)
            shown = await Reproducer().run(ReproduceRequest(brief=Brief(), baseline=baseline), tools)
            request = LocaliseRequest(brief=Brief(), baseline=baseline, reproduction=shown)
            started = time.monotonic()
            validator = await tools.validator()
            collected_s = time.monotonic() - started
            async with Peak() as peak:
                started = time.monotonic()
                where = await Localiser().run(request, tools)
                localised_s = time.monotonic() - started
                localising = peak.bytes
                drafts = await Coder().run(DraftRequest(suspects=where.suspects, count=count), tools)
                started = time.monotonic()
                verdicts = [verdict async for verdict in validator.validate(drafts.candidates, where.plan)]
                searched_s = time.monotonic() - started
            chosen = (*where.plan.targets, *where.plan.regressions)
            again = await tools.run_tests(await tools.tree(), chosen)
    own_s = sum(result.duration_s for result in again.results)
    rank = next((at for at, suspect in enumerate(where.suspects, 1) if suspect.path == faulty), None)
    return {
        "lines": lines,
        "tests": len(baseline.results),
        "suite_s": round(baseline.duration_s, 2),
        "prepare_s": round(prepared_s, 2),
        "collect_s": round(collected_s, 2),
        "traced": where.traced,
        "traced_tests_own_s": round(own_s, 2),
        "traced_tests_in_a_process_s": round(again.duration_s, 2),
        "localise_s": round(localised_s, 2),
        "beyond_the_process_s": round(collected_s + localised_s - again.duration_s, 2),
        "faulty_file_rank": rank,
        "candidates": len(verdicts),
        "candidates_per_s": round(len(verdicts) / searched_s, 1) if verdicts else 0.0,
        "peak_localising_mb": round(localising / 1e6),
        "peak_mb": round(peak.bytes / 1e6),
        "load": round(os.getloadavg()[0], 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m covey.bench.localise", description=__doc__)
    parser.add_argument("--modules", type=int, default=200, help="modules of the repository, about 560 lines each")
    parser.add_argument("--candidates", type=int, default=200, help="candidates that the search tries")
    given = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(asyncio.run(measure(given.modules, given.candidates)), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
