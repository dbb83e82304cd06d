"""run_tests: a fresh run of the nearest tests over the candidate so far, in the sandbox."""

from __future__ import annotations

from typing import Literal

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.core.testing import TestReport
from covey.execution.verdicts import regressions_for
from covey.models.context import clip
from covey.models.schema import Bounded

NEARBY = 30
"""Tests that ``nearby`` runs at most."""
_SHOWN = 3
_HEAD, _TAIL = 300, 900


class RunTestsArguments(Bounded):
    """``failing``: the tests that must turn green. ``nearby``: tests that passed and run the changed code."""

    tool: Literal["run_tests"]
    which: Literal["failing", "nearby"]


class RunTests:
    """Runs tests and shows how they fail; the candidate's verdict does not come from here."""

    name = "run_tests"
    about = 'run_tests(which): runs the "failing" tests, or "nearby" ones that must stay green.'
    arguments = RunTestsArguments

    async def run(self, args: RunTestsArguments, session: Session) -> str:
        """Return counts and the words of the first failures."""
        tests = session.plan.targets if args.which == "failing" else _nearby(session)
        if not tests:
            raise AgentFeedback(f"There are no {args.which} tests; use the other kind, or edit.")
        session.spend_test_run()
        report = await session.bench.run_tests(await session.bench.tree(dict(session.view.changes)), tests)
        return summary(report)


def _nearby(session: Session) -> tuple[str, ...]:
    plan = session.plan
    tests = regressions_for(session.candidate, plan) if session.candidate else plan.regressions
    return tuple(tests[:NEARBY])


def summary(report: TestReport) -> str:
    """Say in a bounded text how tests went."""
    counts = report.counts()
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number and name != "total")
    parts = [f"{counts['total']} tests: {told or 'no result'}."]
    if report.timed_out:
        parts.append("The run was stopped by its time limit.")
    elif not report.complete:
        parts.append("The run did not reach its end.")
    for result in [result for result in report.results if result.outcome.bad][:_SHOWN]:
        failure = result.failure
        words = clip(failure.text or f"{failure.type}: {failure.message}", _HEAD, _TAIL) if failure else ""
        parts.append(f"{result.id} {result.outcome.value}:\n{words}".rstrip())
    return "\n".join(parts)
