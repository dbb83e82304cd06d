"""Whatever models say, in whatever order: a team ends, within bounds, with what the templates find, and replays."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.core.errors import EngineError
from covey.models.backends.scripted import Answer
from support_team import GREEDY, OTHER, RIGHT, WRONG, critique, edit, lead, plan, team_world, template

ANSWERS: tuple[Answer, ...] = (
    edit(WRONG), edit(OTHER), edit(RIGHT), edit(GREEDY), edit("        return 1"), edit("   indented wrongly"),
    plan(), plan("no/such/file.py"), plan(what=""), lead(), lead(symbol="made_up"), lead(""),
    critique("approve"), critique("deny", "No."), critique("deny"), "", "Done!", '{"edits": []}', "[" * 500,
    EngineError("The engine is gone."),
)  # fmt: skip
MOST_QUESTIONS = 10
"""Of any policy: four plans and drafts with a critique each, and what repetitions add."""


async def walk(name: str, answers: list[Answer]) -> None:
    calls = 0

    def say(*_: object) -> Answer:
        nonlocal calls
        calls += 1
        return answers[calls % len(answers)]

    with tempfile.TemporaryDirectory() as folder:
        world = await team_world(Path(folder) / "a", say, drafts=2, templates=lambda tools: [template(tools)])
        found = await world.find(name)
        assert found.solved
        assert "operator" in [candidate.origin for candidate in found.candidates]
        assert all(one.path == "shop/cart.py" for candidate in found.candidates for one in candidate.edits)
        assert calls <= MOST_QUESTIONS * 2 * 3
        again = await team_world(Path(folder) / "b", drafts=2)
        again.store = world.store
        assert await again.find(name) == found


@pytest.mark.parametrize("name", ["critic", "leader-follower", "round-robin", "workflow"])
@settings(max_examples=15, deadline=None)
@given(answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=8))
def test_a_team_ends_well_whatever_its_models_say(name: str, answers: list[Answer]) -> None:
    asyncio.run(walk(name, answers))
