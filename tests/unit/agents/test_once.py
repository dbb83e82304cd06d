"""A floor that is asked twice for one request works once."""

from __future__ import annotations

from pathlib import Path

from covey.agents.once import Once
from covey.agents.slots import Brief, UnderstandRequest
from covey.testing.roles import ScriptedRole
from support_roles import make_bench


async def test_the_same_request_is_answered_once_and_another_one_anew(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    role = ScriptedRole[UnderstandRequest, Brief]("understander", Brief(title="one"), Brief(title="two"))
    floor = Once(role)
    request, other = UnderstandRequest(statement="s"), UnderstandRequest(statement="s")
    answers = [(await floor.run(asked, tools)).title for asked in (request, request, other, other)]
    assert answers == ["one", "one", "two", "two"]
    assert floor.name == "understander"
