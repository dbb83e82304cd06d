"""The bytes of what a team is asked are pinned: a change here costs every cache and every recorded run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from support_team import GREEDY, OTHER, RIGHT, WRONG, critique, edit, lead, plan, team_world

GOLDEN = Path(__file__).parent / "prompts_team"

SCRIPTS = {
    "critic": [edit(RIGHT), critique("approve")],
    "leader-follower": [lead("Multiply."), edit(WRONG), lead("Add."), edit(RIGHT)],
    "round-robin": [edit(WRONG), edit(OTHER), edit(RIGHT)],
    "workflow": [
        plan(), edit(GREEDY), critique("deny", "It names the test's value."), edit(WRONG), edit(OTHER),
        plan(what="Add plainly."), edit(RIGHT), critique("approve"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_bytes_of_the_last_prompt_of_a_policy_are_those_of_its_golden_file(tmp_path: Path, name: str) -> None:
    world = await team_world(tmp_path, SCRIPTS[name], drafts=3 if name == "round-robin" else 1)
    assert (await world.find(name)).solved
    last = world.backend.calls[-1].prompt
    text = "".join(f"--- {message.role}\n{message.content}\n" for message in last)
    assert text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCRIPTS)
async def test_each_prompt_of_a_policy_begins_with_the_one_before(tmp_path: Path, name: str) -> None:
    world = await team_world(tmp_path, SCRIPTS[name], drafts=3 if name == "round-robin" else 1)
    await world.find(name)
    prompts = [call.prompt for call in world.backend.calls]
    assert len(prompts) == len(SCRIPTS[name])
    for earlier, later in pairwise(prompts):
        assert later[: len(earlier)] == earlier
