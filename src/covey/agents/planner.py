"""Plan: what to do about failing tests, step by step, and which files it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, JsonValue

from covey.agents.desk import PROMPTS, Question
from covey.agents.excerpts import shown
from covey.agents.generator import readable, retold, told
from covey.agents.team_slots import CodebaseContext, Level, Plan, PlanRequest, PlanStep
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.core.model import Schema
from covey.core.redact import visible
from covey.models.prompts import render
from covey.models.schema import Bounded, one_of, plain, schema_of

STEPS = 3
"""Steps of a plan at most: repairs are small, and a small model gets lost in a long list."""
FILES = 12
"""Files that a planner may choose from."""
CHOSEN = 4
_NAMED = 3

_Id = Annotated[int, Field(ge=1, le=STEPS)]


class StepAnswer(Bounded):
    """One step as a model writes it."""

    id: _Id
    description: str = Field(max_length=160)
    priority: Level
    dependencies: tuple[_Id, ...] = Field(max_length=STEPS - 1)
    estimated_complexity: Level


class ContextAnswer(Bounded):
    """What the steps are about, as a model writes it."""

    relevant_files: tuple[Annotated[str, Field(max_length=1_024)], ...] = Field(min_length=1, max_length=CHOSEN)
    architecture_notes: str = Field(max_length=200)
    test_requirements: tuple[Annotated[str, Field(max_length=120)], ...] = Field(max_length=2)


class PlanAnswer(Bounded):
    """A plan as a model writes it."""

    task_breakdown: tuple[StepAnswer, ...] = Field(min_length=1, max_length=STEPS)
    codebase_context: ContextAnswer


class Planner:
    """Asks a model for a plan; the files it names are chosen from real ones."""

    name = "planner"

    async def run(self, request: PlanRequest, tools: Workbench) -> Plan:
        """Fill the slot. Raises what a model can do wrong: see :data:`covey.agents.desk.Trouble`."""
        files = choosable(request)
        code = [] if request.introduced else (await readable(self.name, request.suspects, tools))[0]
        note = render(
            PROMPTS,
            "planner.jinja",
            failures=() if request.introduced else told(request.targets, request.failures),
            excerpts=[shown(file) for file in code],
            files=[{"path": path, "why": why_of(request, path)} for path in files],
            attempts=retold(request.attempts[request.known :], tools.sources),
            issues=request.issues,
        )

        def check(answer: PlanAnswer) -> None:
            if unknown := [path for path in answer.codebase_context.relevant_files if path not in files]:
                raise AgentFeedback(f"{unknown[0][:160]!r} is none of the files listed; choose from them.")
            settled(answer)

        asked = Question(note=note, answer=PlanAnswer, schema=plan_schema(files), check=check)
        answer: PlanAnswer = await tools.desk.ask(self.name, asked)
        return settled(answer)


class FirstStep:
    """Floor: one step, in the files of the most suspicious lines."""

    name = "planner"

    async def run(self, request: PlanRequest, tools: Workbench) -> Plan:  # noqa: ARG002 - the interface of a role
        """Fill the slot."""
        tests = ", ".join(request.targets[:_NAMED]) or "those that fail"
        more = f" and {len(request.targets) - _NAMED} more" if len(request.targets) > _NAMED else ""
        step = PlanStep(id=1, description=f"Make these tests pass: {tests}{more}.", priority="high")
        context = CodebaseContext(relevant_files=request.files[:_NAMED], test_requirements=request.targets)
        return Plan(task_breakdown=(step,), codebase_context=context)


def choosable(request: PlanRequest) -> tuple[str, ...]:
    """Files that may stand in a schema. Raises AgentFeedback when there is none."""
    files = tuple(path for path in request.files[:FILES] if plain(path) == path)
    if not files:
        raise AgentFeedback("There is no suspicious file to plan for.")
    return files


def why_of(request: PlanRequest, path: str) -> str:
    """The most suspicious functions of a file, for people and models."""
    symbols = dict.fromkeys(one.symbol for one in request.suspects if one.path == path and one.symbol)
    return ", ".join(list(symbols)[:5])


def plan_schema(files: Sequence[str]) -> Schema:
    """The schema of :class:`PlanAnswer` in which every file is one of ``files``."""
    schema = schema_of(PlanAnswer)
    chosen = _inside(schema, "properties", "codebase_context", "properties", "relevant_files")
    chosen["items"] = one_of(list(files))
    return schema


def settled(answer: PlanAnswer) -> Plan:
    """Turn any answer into a plan that can be carried out.

    Of steps with one id the first counts; a step depends on steps before it only, whatever was written. Raises
    AgentFeedback when no step says anything.
    """
    steps: dict[int, PlanStep] = {}
    for step in answer.task_breakdown:
        if step.id in steps or not step.description.strip():
            continue
        before = tuple(dict.fromkeys(one for one in step.dependencies if one in steps))
        what = visible(" ".join(step.description.split()))
        steps[step.id] = PlanStep(**{**step.model_dump(), "description": what, "dependencies": before})
    if not steps:
        raise AgentFeedback("That plan has no step that says anything.")
    context = answer.codebase_context
    return Plan(
        task_breakdown=tuple(steps.values()),
        codebase_context=CodebaseContext(
            relevant_files=tuple(dict.fromkeys(context.relevant_files)),
            architecture_notes=visible(context.architecture_notes),
            test_requirements=tuple(visible(text) for text in context.test_requirements),
        ),
        source="model",
    )


def _inside(schema: Schema, *names: str) -> dict[str, JsonValue]:
    node = schema
    for name in names:
        found = node[name]
        assert isinstance(found, dict)
        node = found
    return node
