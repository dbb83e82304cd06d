"""One agent with tools, then the templates: what is recorded, what is replayed, what is never lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from covey.agents.soloist import Move, Solo
from covey.coordination.flock import Asked
from covey.coordination.policies import POLICIES
from covey.coordination.policies.single import referee
from covey.core.errors import EngineError
from support_team import RIGHT, WRONG, team_world, template

pytestmark = pytest.mark.requirement("C12")

MINUS = "        result -= value"


def act(tool: str, **arguments: Any) -> str:
    return json.dumps({"thought": "Hm.", "action": {"tool": tool, **arguments}})


def change(old: str, new: str) -> str:
    return act("apply_edit", edits=[{"path": "shop/cart.py", "search": old, "replacement": new}])


async def test_the_policy_is_in_the_table() -> None:
    assert POLICIES["single"][0] == "covey.coordination.policies.single"


async def test_the_agents_solution_is_verified_again_and_templates_compete_with_it(tmp_path: Path) -> None:
    world = await team_world(
        tmp_path, [change(MINUS, WRONG), change(WRONG, RIGHT)], templates=lambda one: [template(one)]
    )
    found = await world.find("single")
    assert found.solved
    assert {candidate.origin for candidate in found.candidates} <= {"soloist", "operator"}
    assert world.steps[:3] == ["solo", "verify/1", "draft/0"]
    assert "The agent took 2 turns. The failing tests pass and the nearest tests stay green." in found.notes


async def test_every_turn_with_its_tool_and_result_is_in_the_log(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [act("git_diff"), change(MINUS, RIGHT)])
    await world.find("single")
    detail = next(step.detail for step in await world.store.steps(world.run.id) if step.name == "solo")
    look, mend = Asked[Solo].model_validate(detail).value.turns
    assert (look.call.tool, look.result.text) == ("git_diff", "Nothing has been changed so far.")
    assert mend.call.tool == "apply_edit"
    assert RIGHT in str(mend.call.arguments["edits"])


async def test_a_replay_asks_no_model_and_comes_to_the_same(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [act("git_diff"), change(MINUS, WRONG), change(WRONG, RIGHT)])
    first = await world.find("single")
    calls = len(world.backend.calls)
    assert await world.find("single") == first
    assert len(world.backend.calls) == calls == 3


async def test_an_agent_that_repeats_itself_is_ended_and_the_templates_mend_it(tmp_path: Path) -> None:
    world = await team_world(tmp_path, lambda *_: act("git_diff"), templates=lambda one: [template(one)])
    found = await world.find("single")
    assert found.solved
    assert len(world.backend.calls) == 3
    assert any("repeated itself" in note for note in found.notes)


async def test_a_model_that_is_down_costs_nothing(tmp_path: Path) -> None:
    down: dict[str, Exception] = {"soloist": EngineError("It fell over.")}
    world = await team_world(tmp_path, down=down, templates=lambda one: [template(one)])
    found = await world.find("single")
    assert (found.solved, found.notes) == (True, ())
    assert world.tools.desk.notes == ["The model did not fill the slot of the soloist: It fell over."]


async def test_without_a_model_only_the_templates_draft(tmp_path: Path) -> None:
    world = await team_world(tmp_path, templates=lambda one: [template(one)])
    world.tools.model = None
    found = await world.find("single")
    assert found.solved
    assert world.steps[0] == "draft/0"


def test_the_shared_rules_are_applied_to_the_agents_moves() -> None:
    look = Move(action="look", evidence=("a",))
    assert referee([look]).why == ""
    assert not referee([look, look]).over
    assert referee([look, look, look]).over
    assert referee([look, Move(failed=True), Move(failed=True)]).over
    edits = [Move(action=str(number), evidence=("same",), codes=True) for number in range(4)]
    assert not referee(edits[:2]).over
    assert referee(edits).over
