"""A task without a repository: write a small module, run its tests, say what they found, at most a few times."""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.agents.author import NEEDS_A_MODEL, Author, AuthorRequest, Module, NoAuthor, Written
from covey.agents.modulechecker import Checked, ModuleChecker
from covey.agents.slots import Reproduction, Story
from covey.agents.workbench import Workbench
from covey.coordination.choice import judge_patches
from covey.coordination.coordinator import Solution, status_of
from covey.coordination.flock import Modelled, asking
from covey.coordination.journal import Journal
from covey.coordination.verdict import FreshEvaluator
from covey.core.patch import Patch
from covey.core.protocols import Role
from covey.core.run import RunStatus
from covey.core.task import Task
from covey.core.testing import TestReport
from covey.models.context import clip
from covey.workspace.diff import make_patch

ROUNDS = 3
"""Modules that are written at most."""
ENOUGH = 80
"""Percent of the statements in functions that tests should run."""
_FAILURES = 3
OWN_TESTS = "The tests were written together with the module: they show what it does, not that this is what was wanted."


@dataclass(frozen=True)
class Crew:
    """Who writes the module, and who tries it."""

    author: Role[AuthorRequest, Workbench, Written] | Modelled[AuthorRequest, Written] = field(default_factory=NoAuthor)
    checker: Role[Module, Workbench, Checked] = field(default_factory=ModuleChecker)


def model_crew() -> Crew:
    """A crew whose author asks a model."""
    return Crew(author=Modelled(Author(), NoAuthor()))


async def write_module(task: Task, journal: Journal, tools: Workbench, crew: Crew) -> Solution:
    """Write until a module is good, tests run enough of it, or nothing is left; the best one gets a verdict."""
    ask = asking(journal, tools)
    said, best, report = "", None, TestReport()
    for number in range(1, ROUNDS + 1):
        request = AuthorRequest(statement=task.description, said=said)
        written = await ask(f"write/{number}", crew.author, request, Written)
        if written.module is None:
            said = said or (written.why if tools.model is None else "The model gave no answer that is a module.")
            break
        found = await ask(f"try/{number}", crew.checker, written.module, Checked)
        report = found.real
        tools.keep_time_for_verdict(report.duration_s)
        if found.good and (best is None or (found.coverage or 0) > (best[1].coverage or 0)):
            best = (written.module, found)
        said = complaint(written.module, found)
        if not said:
            break
    if best is None:
        headline = (
            f"No module was written. {NEEDS_A_MODEL}" if tools.model is None else "No module passed its own tests."
        )
        sentences = (clip(said),) if said and tools.model is not None else ()
        return Solution(status=RunStatus.no_patch, story=Story(headline=headline, sentences=sentences), baseline=report)
    return await _judged(task, journal, tools, *best)


async def _judged(task: Task, journal: Journal, tools: Workbench, module: Module, found: Checked) -> Solution:
    """Give a module its verdict by fresh runs, and say what it is worth."""

    async def bind() -> Patch:
        files: dict[str, bytes | None] = dict(module.files)
        return await make_patch(tools.ground.snapshot, files, origin="author")

    patch = await journal.step("bind", module, Patch, bind, role="author")
    evaluator = FreshEvaluator(tools, TestReport(), found.targets, ())
    verdict = (await judge_patches(asking(journal, tools), task, evaluator, [patch]))[patch.id]
    tests = len(found.real.results)
    return Solution(
        status=status_of(verdict, patch),
        story=Story(
            headline=f"Wrote {module.path} with {tests} test{'s' * (tests != 1)}.",
            sentences=(covered(module, found), OWN_TESTS),
        ),
        baseline=found.hollow,
        reproduction=Reproduction(targets=found.targets),
        patch=patch.model_copy(update={"label": verdict.label}),
        evaluation=verdict,
        tried=1,
    )


def complaint(module: Module, found: Checked) -> str:
    """What is wrong with a module, for whoever writes it again; empty when nothing is."""
    if not found.real.results:
        return f"No test could be run: {clip(found.real.output.strip() or 'nothing was collected')}"
    failures = [
        f"{result.id} {result.outcome.value}: {result.failure.type}: {clip(result.failure.message)}"
        for result in found.real.results
        if result.outcome.bad and result.failure
    ]
    if failures:
        return "\n".join([f"{len(failures)} of {len(found.real.results)} tests fail.", *failures[:_FAILURES]])
    if not found.real.green:
        return "The tests did not run to their end."
    if not found.targets:
        return "Every test passes even when all functions return None: the tests check nothing."
    if found.coverage is not None and found.coverage < ENOUGH:
        return covered(module, found)
    return ""


def covered(module: Module, found: Checked) -> str:
    """How much of the module its tests run, in a sentence."""
    if found.coverage is None:
        return "How much of the module its tests run could not be measured here."
    if found.coverage >= ENOUGH:
        return f"Its tests run {found.coverage} % of the statements in its functions."
    lines = ", ".join(map(str, found.unrun[:20]))
    return (
        f"Its tests run only {found.coverage} % of the statements in its functions, below {ENOUGH} %; "
        f"not run: {module.path} lines {lines}."
    )
