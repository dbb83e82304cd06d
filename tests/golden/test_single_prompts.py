"""The bytes of what an agent alone reads are pinned: a change here costs every cache and every recorded run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support_team import RIGHT, WRONG, team_world

GOLDEN = Path(__file__).parent / "prompts_team" / "single.txt"


def act(tool: str, **arguments: Any) -> str:
    return json.dumps({"thought": "Let me see.", "action": {"tool": tool, **arguments}})


def change(old: str, new: str) -> str:
    return act("apply_edit", edits=[{"path": "shop/cart.py", "search": old, "replacement": new}])


async def test_the_bytes_of_the_last_prompt_of_an_agent_alone_are_those_of_its_golden_file(tmp_path: Path) -> None:
    script = [
        act("find_references", symbol="total"),
        act("read_file", path="../secret", first=1, last=9),
        act("read_file", path="tests/test_cart.py", first=1, last=9),
        change("        result -= value", WRONG),
        act("git_diff"),
        change(WRONG, RIGHT),
    ]
    world = await team_world(tmp_path, script)
    assert (await world.find("single")).solved
    text = "".join(f"--- {message.role}\n{message.content}\n" for message in world.backend.calls[-1].prompt)
    assert text == GOLDEN.read_text(encoding="utf-8")
