"""Planner and leader: real files and places only, whatever a model writes becomes a plan that can be carried out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from covey.agents.leader import FirstPlaces, Leader, symbols_of, within
from covey.agents.planner import FirstStep, PlanAnswer, Planner, plan_schema, settled
from covey.agents.team_slots import Place, PlanRequest
from covey.core.errors import AgentFeedback, AnswerInvalid
from covey.core.repair import Suspect
from covey.models.schema import max_tokens_for
from support_team import BASELINE, WHERE, lead, plan, team_world

pytestmark = pytest.mark.requirement("D3")

FAILURE = BASELINE.results[0].failure
assert FAILURE is not None
REQUEST = PlanRequest(
    suspects=WHERE.suspects, failures=(FAILURE,), targets=WHERE.plan.targets, files=("shop/cart.py", "shop/tax.py")
)


def step(number: int, what: str = "Do it.", *before: int) -> dict[str, Any]:
    return {
        "id": number, "description": what, "priority": "low", "dependencies": list(before),
        "estimated_complexity": "high",
    }  # fmt: skip


def answer(*steps: dict[str, Any]) -> PlanAnswer:
    context = {"relevant_files": ["a.py", "a.py"], "architecture_notes": "", "test_requirements": []}
    return PlanAnswer.model_validate({"task_breakdown": list(steps), "codebase_context": context})


async def test_a_plan_has_the_form_that_other_programs_read(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [plan()])
    made = (await Planner().run(REQUEST, world.tools)).model_dump(mode="json")
    assert set(made) == {"task_breakdown", "codebase_context", "source"}
    assert set(made["task_breakdown"][0]) == {"id", "description", "priority", "dependencies", "estimated_complexity"}
    assert set(made["codebase_context"]) == {"relevant_files", "architecture_notes", "test_requirements"}
    assert made["source"] == "model"


def test_a_planner_can_write_real_paths_only_and_not_for_ever() -> None:
    schema = plan_schema(["shop/cart.py", "shop/tax.py"])
    assert '"items": {"type": "string", "enum": ["shop/cart.py", "shop/tax.py"]}' in json.dumps(schema)
    assert max_tokens_for(schema, 1 << 20) < 20_000


async def test_a_file_that_is_not_listed_is_refused_where_no_engine_holds_to_the_schema(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [plan("etc/passwd"), plan("shop/tax.py")])
    made = await Planner().run(REQUEST, world.tools)
    assert made.codebase_context.relevant_files == ("shop/tax.py",)
    assert "none of the files listed" in world.prompts[1]
    world = await team_world(tmp_path / "again", [plan("etc/passwd")] * 3)
    with pytest.raises(AnswerInvalid):
        await Planner().run(REQUEST, world.tools)


def test_steps_are_made_so_that_they_can_be_done_in_their_order() -> None:
    made = settled(answer(step(2, "a", 3, 2), step(2, "again"), step(3, "b", 2, 2)))
    steps = [(one.id, one.description, one.dependencies) for one in made.task_breakdown]
    assert steps == [(2, "a", ()), (3, "b", (2,))]
    assert made.instruction == "2. a\n3. b"
    assert made.codebase_context.relevant_files == ("a.py",)
    with pytest.raises(AgentFeedback, match="no step"):
        settled(answer(step(1, "")))


async def test_without_files_that_a_schema_can_hold_no_model_is_asked(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    for role in (Planner(), Leader()):
        with pytest.raises(AgentFeedback, match="no suspicious file"):
            await role.run(REQUEST.model_copy(update={"files": ('we"ird.py',)}), world.tools)


async def test_the_floor_of_the_planner_is_one_step_in_the_most_suspicious_files(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    many = REQUEST.model_copy(update={"targets": tuple(f"t{number}" for number in range(5))})
    made = await FirstStep().run(many, world.tools)
    assert made.instruction == "1. Make these tests pass: t0, t1, t2 and 2 more."
    assert made.codebase_context.relevant_files == ("shop/cart.py", "shop/tax.py")
    assert made.codebase_context.test_requirements == many.targets
    assert made.source == "floor"


async def test_a_leader_chooses_real_places_and_must_say_something(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [lead(" "), lead(symbol="made_up"), lead("Add.")])
    made = await Leader().run(REQUEST, world.tools)
    assert (made.places, made.instruction) == ((Place(path="shop/cart.py", symbol="total"),), "Add.")
    assert "instruction is empty" in world.prompts[1]
    assert "'made_up' is none of the places listed" in world.prompts[2]
    schema = world.backend.calls[0]
    assert schema.sampling.temperature == 0


async def test_the_floor_of_the_leader_is_the_most_suspicious_functions(tmp_path: Path) -> None:
    made = await FirstPlaces().run(REQUEST, (await team_world(tmp_path)).tools)
    assert made.places == (Place(path="shop/cart.py", symbol="total"),)
    assert made.source == "floor"


def test_functions_are_listed_by_file_each_once() -> None:
    assert symbols_of(REQUEST) == {"shop/cart.py": ["total"], "shop/tax.py": []}


def test_suspects_within_places_keep_the_order_of_the_places() -> None:
    one = Suspect(path="a.py", line=1, score=0.9, symbol="f")
    two = Suspect(path="a.py", line=9, score=0.8, symbol="g")
    three = Suspect(path="b.py", line=3, score=0.7)
    everywhere = (one, two, three)
    assert within(everywhere, (Place(path="b.py"), Place(path="a.py", symbol="g"))) == (three, two)
    assert within(everywhere, (Place(path="a.py"), Place(path="a.py", symbol="f"))) == (one, two)
    assert within(everywhere, (Place(path="c.py"),)) == everywhere
