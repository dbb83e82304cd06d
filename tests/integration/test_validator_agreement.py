"""The fork server says what a fresh process says, for every kind of code that lives on in a process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from covey.core.patch import Candidate
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.core.testing import TestReport
from covey.execution.forkserver import ForkServer
from covey.execution.runner import TestRunner
from covey.execution.sandboxes.select import choose
from support_execution import LIMITS, pytest_command, this_environment, write_tree
from support_zoo import ZOO, edited, mutants

COMMAND = pytest_command("-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:timeout", "-p", "no:xdist")
SMOKE = "test_smoke.py::test_smoke"
ENDLESS = ("zoo/gens.py", 10)  # a loop that fills memory: how it ends is a matter of limits


def disagreement(verdict: Verdict, fresh: TestReport, order: tuple[str, ...]) -> str:
    """How a verdict differs from a fresh run of the whole suite; empty when it does not."""
    red = [name for name in (SMOKE, *order) if name not in fresh.by_id() or fresh.by_id()[name].outcome.bad]
    match verdict.standing:
        case Standing.plausible:
            return f"red in a fresh process: {red}" if red or not fresh.green else ""
        case Standing.regressed:
            return "" if red[:1] == [verdict.stopped_at] else f"stopped at {verdict.stopped_at}, fresh: {red[:2]}"
        case Standing.invalid:
            return "" if red else "a fresh process imports it"
        case standing:
            return f"{standing}: {verdict.failure_type} {verdict.failure_message}"


@pytest.mark.slow
async def test_verdicts_agree_with_fresh_processes(tmp_path: Path) -> None:
    sandbox = await choose("auto", tmp_path / "scratch")
    tree = write_tree(tmp_path / "tree", ZOO, sandbox.owner)
    runner = TestRunner(sandbox, this_environment(), COMMAND, limits=LIMITS, seed=0)
    base = await runner.run(tree, timeout_s=60)
    assert base.green
    order = tuple(result.id for result in base.results if result.id != SMOKE)
    assert len(order) > 45
    candidates = [item for item in mutants() if (item.path, item.line) != ENDLESS][::4]
    assert len(candidates) >= 60
    plan = ValidationPlan(targets=(SMOKE,), regressions=order, timeout_s=60)
    async with ForkServer(sandbox, this_environment(), COMMAND, tree, workers=2, limits=LIMITS, seed=0) as server:
        verdicts = [verdict async for verdict in server.validate(candidates, plan)]
        assert server.starts == 1

    gate = asyncio.Semaphore(2)

    async def fresh(candidate: Candidate) -> TestReport:
        async with gate:
            layer = write_tree(tmp_path / "layers" / candidate.id, edited(ZOO, candidate), sandbox.owner)
            return await runner.run(tree.model_copy(update={"layer": layer.base}), timeout_s=60)

    reports = await asyncio.gather(*map(fresh, candidates))
    wrong = [
        f"{candidate.path}:{candidate.line} {candidate.edits[0].text!r} ({verdict.mode}): {how}"
        for candidate, verdict, report in zip(candidates, verdicts, reports, strict=True)
        if (how := disagreement(verdict, report, order))
    ]
    assert wrong == []
    # The control: every way of trying and every kind of end took part.
    assert {verdict.mode for verdict in verdicts} == {"hotswap", "fresh", "disk"}
    assert {verdict.standing for verdict in verdicts} == {Standing.plausible, Standing.regressed, Standing.invalid}
