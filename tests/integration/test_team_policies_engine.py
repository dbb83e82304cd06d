"""Policies with several agents on the real embedded engine, which holds every answer to its schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.agents.desk import ModelDesk
from covey.app.engines import open_local
from covey.models.spec import EngineSpec
from covey.testing.gguf import write_speaking
from support_team import OneModel, critique, lead, plan, team_world

pytest.importorskip("xllamacpp", reason="the embedded engine is not installed: pip install 'covey[local]'")


def said(text: str) -> str:
    """JSON without blanks, as the engine's grammar has it."""
    return json.dumps(json.loads(text), separators=(",", ":"))


def edit(line: str) -> str:
    one = {"path": "shop/cart.py", "first": "4|        result -= value", "count": 1, "lines": [line]}
    return said(json.dumps({"edits": [one]}))


RIGHT, WRONG = "        result += value", "        result *= value"
CUES = {
    "Role: planner": said(plan()),
    "Role: leader": said(lead("Sum them up.")),
    "Sum them up.": edit(RIGHT),
    "Role: reviewer": said(critique("approve")),
    "AssertionError with *": edit(RIGHT),
}
ASKED = {
    "workflow": ["plan/1", "code/1", "critique/1", "code/2", "critique/2"],
    "round-robin": ["code/1", "code/2"],
    "leader-follower": ["lead/1", "code/1"],
}


async def test_a_team_on_a_real_engine_plans_leads_writes_learns_and_reviews(tmp_path: Path) -> None:
    model = write_speaking(tmp_path / "team.gguf", edit(WRONG), cues=CUES, context=16_384)
    async with open_local(EngineSpec(path=str(model), context=16_384, threads=1)) as backend:
        for name, asked in ASKED.items():
            world = await team_world(tmp_path / name)
            world.tools.model = ModelDesk(OneModel(backend), "The cart is wrong.", 100_000, lambda: 120.0)
            found = await world.find(name)
            assert found.solved, world.tools.desk.notes
            assert world.tools.desk.notes == []
            assert [one.edits[0].text for one in found.candidates] == [f"{RIGHT}\n"]
            assert [step for step in world.steps if not step.startswith(("verify/", "draft/"))] == asked
            assert world.tools.desk.spent.reused > 0
