"""Reproduce with a model: when no test is red, it writes one that fails for the stated reason, or says it cannot."""

from __future__ import annotations

import asyncio
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from covey.agents.definitions import defined
from covey.agents.desk import PROMPTS, Question
from covey.agents.excerpts import excerpts, shown
from covey.agents.pinpointer import Atlas, candidates
from covey.agents.preprocessor import clean
from covey.agents.slots import Brief, ReproduceRequest, Reproduction
from covey.agents.witnesscode import invented, known_exceptions, look_over, own_fault, top_modules, write_test
from covey.agents.workbench import Workbench
from covey.core.canonical import scrub
from covey.core.errors import AgentFeedback
from covey.core.protocols import Role
from covey.core.redact import redact
from covey.core.repair import Suspect
from covey.core.testing import Outcome, TestReport, TestResult
from covey.models.context import clip
from covey.models.prompts import render
from covey.models.schema import Bounded, one_of, plain, schema_of

FILE = "test_covey_witness.py"
TRIES = 3
"""Tests that a model may write; each is run, and the next one knows what happened."""
SHOWN_LINES = 80
PATIENCE = 3
"""A run of one written test, the start of the framework included, may take so many times the limit of one test."""
JUDGE = (
    "No test was red: {path} was written by a model from the problem text, and it alone says what right is. Read it."
)


class Written(Bounded):
    """A test."""

    imports: tuple[Annotated[str, Field(max_length=120)], ...] = Field(min_length=1, max_length=4)
    lines: tuple[Annotated[str, Field(max_length=140)], ...] = Field(min_length=1, max_length=14)
    fails_with: Annotated[str, Field(max_length=100)]


@dataclass(frozen=True)
class Tried:
    """What became of one written test: its id when it shows the problem, else the sentence for the model."""

    test: str = ""
    why: str = ""


class Witness:
    """Asks a model for a failing test. Only where the floor found no target, and only if there is a problem text."""

    name = "witness"

    def __init__(self, floor: Role[ReproduceRequest, Workbench, Reproduction]) -> None:
        self._floor = floor

    async def run(self, request: ReproduceRequest, tools: Workbench) -> Reproduction:
        """Fill the slot. Raises what a model can do wrong."""
        found = await self._floor.run(request, tools)
        text = clean(redact(tools.desk.statement))
        framework = tools.ground.command.framework
        if found.targets or found.flaky or not text or framework == "command" or not request.baseline.complete:
            return found
        known = await asyncio.to_thread(defined, tools.sources)
        question = await asyncio.to_thread(self._question, request.brief, text, known, tools)
        path = posixpath.join(_folder(request.baseline, tools.sources), FILE)
        seen: set[str] = set()
        why = ""
        for number in range(TRIES):
            if number:
                question.note = render(PROMPTS, "witness_retry.jinja", why=why)
            written: Written = await tools.desk.ask(self.name, question)
            source = write_test(written.imports, written.lines, framework)
            if source in seen:  # it will not get any further
                break
            seen.add(source)
            tried = await self._try(path, source, written.fails_with, tools)
            if tried.test:
                return Reproduction(
                    targets=(tried.test,),
                    new_tests={path: source},
                    set_aside=found.set_aside,
                    notes=(*found.notes, JUDGE.format(path=path), *_worked_out(invented(written.lines, text))),
                )
            why = tried.why
        note = f"The problem could not be reproduced: of {len(seen)} test(s) that a model wrote none shows it. {why}"
        return found.model_copy(update={"notes": (*found.notes, note.strip())})

    def _question(self, brief: Brief, text: str, known: Mapping[str, Sequence[str]], tools: Workbench) -> Question:
        places = candidates([], brief, text, known, Atlas(tools.sources))
        near = [Suspect(path=place.path, line=place.lines[0], score=0.5) for place in places]
        modules = top_modules(tools.sources)
        kinds = known_exceptions(text, known)
        schema = schema_of(Written)
        properties = schema["properties"]
        assert isinstance(properties, dict)
        properties["fails_with"] = one_of(kinds)
        note = render(
            PROMPTS,
            "witness.jinja",
            expected=brief.spec.expected,
            actual=brief.spec.actual,
            examples=brief.spec.examples,
            excerpts=[shown(file) for file in excerpts(tools.sources, near, lines=SHOWN_LINES, files=3)],
        )

        def check(answer: Written) -> None:
            if answer.fails_with not in kinds:
                raise AgentFeedback(f"fails_with must be one of {', '.join(kinds)}.")
            look_over(answer.imports, answer.lines, modules)

        return Question(note=note, answer=Written, schema=schema, check=check)

    async def _try(self, path: str, source: str, stated: str, tools: Workbench) -> Tried:
        """Run the test twice: it must fail both times, alike, and as stated."""
        tree = await tools.tree({path: source.encode()})
        patience = PATIENCE * tools.test_timeout_s
        try:
            async with asyncio.timeout(patience):
                first = _result(await tools.run_tests(tree, (path,)), path)
            why = _not_as_stated(first, stated, path)
            if why or first is None:
                return Tried(why=why)
            async with asyncio.timeout(patience):
                second = _result(await tools.run_tests(tree, (path,)), path)
        except TimeoutError:
            return Tried(why=f"It did not end within {patience:g} seconds.")
        if second is None or second.failure is None or _said(second) != _said(first):
            return Tried(why="It does not fail the same way twice.")
        tools.desk.observe(self.name, f"This test was run and fails, {_said(first)}:\n{source}")
        return Tried(test=first.id)


def _worked_out(values: Sequence[str]) -> tuple[str, ...]:
    """What the user must check before anything else."""
    said = ", ".join(clip(plain(value), 40, 10).replace("\n", " ") for value in values[:5])
    return (
        (f"The model worked out what that test expects ({said}): it does not stand in the problem text.",)
        if said
        else ()
    )


def _result(report: TestReport, path: str) -> TestResult | None:
    """The one result of the written file; None when it gave none, or several."""
    found = [result for result in report.results if posixpath.basename(result.path or "") == posixpath.basename(path)]
    return found[0] if len(found) == 1 and report.complete else None


def _said(result: TestResult) -> str:
    failure = result.failure
    return scrub(clip(f"{failure.type} {failure.message}".strip(), 300, 100)) if failure else "without a reason"


def _not_as_stated(result: TestResult | None, stated: str, path: str) -> str:
    """Why a result does not show the problem, in a sentence for the model; empty when it does."""
    if result is None:
        return "It did not run to its end."
    if not result.outcome.bad:
        return "It passes, or is skipped: what it asserts is so already."
    if result.outcome is Outcome.error or result.failure is None:
        return f"It could not be run: {_said(result)}"
    kind = result.failure.type.rpartition(".")[2]
    kind = "AssertionError" if kind == "Failed" else kind  # what pytest.raises says when nothing was raised
    innermost = result.failure.frames[-1].path if result.failure.frames else path
    if kind != stated:
        return f"It was to fail with {stated}, and fails with {_said(result)}"
    if own_fault(kind, innermost, path):
        return f"It fails by itself, before the repository's code runs: {_said(result)}"
    return ""


def _folder(baseline: TestReport, sources: Mapping[str, bytes]) -> str:
    """Where tests lie: with the first test that ran, else in a folder of tests, else at the root."""
    ran = next((result.path for result in baseline.results if result.path), None)
    if ran is not None:
        return posixpath.dirname(ran)
    return "tests" if any(path.startswith("tests/") for path in sources) else ""
