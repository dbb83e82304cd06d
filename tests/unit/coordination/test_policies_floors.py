"""Every policy without a model, and with models that are no help: what templates find is found all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from covey.agents.slots import Brief, Reproduction
from covey.coordination.coordinator import Solution, coordinate
from covey.coordination.flock import Flock
from covey.coordination.journal import Journal
from covey.coordination.policies import POLICIES, policy
from covey.core.canonical import stable
from covey.core.errors import EngineError, UnusableModel
from covey.core.model import ChatMessage
from covey.core.run import RunStatus
from covey.testing.memory import MemoryStore
from covey.testing.roles import ScriptedRole
from support_roles import GREEN, RED, ScriptedRunner, make_bench, passed, report_of
from support_store import make_run
from support_team import BASELINE, WHERE, WRONG, CartTests, critique, edit, lead, plan, team_world, template

AFTER = report_of(passed(RED), passed(GREEN))
CLEAN = (report_of(passed(RED)), AFTER, AFTER)
TEAMS = ("critic", "leader-follower", "round-robin", "workflow")


async def solve(tmp_path: Path, name: str) -> tuple[Solution, list[str]]:
    """The coordinator's whole walk with real templates, and its steps."""
    tools = await make_bench(tmp_path, runner=ScriptedRunner(*CLEAN))
    tools._validator = CartTests(tools)
    flock = Flock(
        understander=ScriptedRole("understander", Brief()),
        tester=ScriptedRole("tester", BASELINE),
        reproducer=ScriptedRole("reproducer", Reproduction(targets=(RED,))),
        localiser=ScriptedRole("localiser", WHERE),
    )
    store, run = MemoryStore(), make_run()
    await store.create(run)
    journal = await Journal.open(store, run)
    solution = await coordinate(run.task, journal, tools, flock, policy(name))
    return solution, [step.name for step in await store.steps(run.id)]


@pytest.mark.parametrize("name", TEAMS)
async def test_without_a_model_every_policy_is_the_search_with_templates(tmp_path: Path, name: str) -> None:
    plain, steps = await solve(tmp_path / "pipeline", "pipeline")
    assert plain.status is RunStatus.patched
    solution, taken = await solve(tmp_path / name, name)
    assert taken == steps
    assert stable(solution) == stable(plain)


def test_every_policy_of_the_table_can_be_had() -> None:
    assert {*TEAMS, "pipeline"} <= set(POLICIES)
    for name, (_, says) in POLICIES.items():
        assert callable(policy(name))
        assert says


def _always_the_same(prompt: Sequence[ChatMessage], *_: object) -> str:
    asked = prompt[-1].content.rpartition("Role: ")[2]
    for role, answer in (("planner", plan()), ("leader", lead()), ("reviewer", critique("deny", "No."))):
        if asked.startswith(role):
            return answer
    return edit(WRONG)


_AWAY = {"path": "tests/test_cart.py", "search": "        self.assertEqual(total([1, 2]), 3)", "replacement": ""}
HOSTILE: dict[str, Callable[..., str | Exception]] = {
    "claims success": lambda *_: "All tests pass now. The bug is fixed!",
    "says nothing": lambda *_: "",
    "speaks otherwise": lambda *_: "Ошибка исправлена。修复完成。",
    "always acts the same": _always_the_same,
    "edits tests": lambda *_: json.dumps({"edits": [_AWAY]}),
    "rambles": lambda *_: '{"edits": [' + "x" * 5_000,
    "is down": lambda *_: EngineError("The engine is gone."),
    "cannot be used": lambda *_: UnusableModel("There is no such model."),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", TEAMS)
async def test_a_model_that_is_no_help_costs_nothing_that_templates_find(tmp_path: Path, name: str, kind: str) -> None:
    world = await team_world(tmp_path, HOSTILE[kind], drafts=2, templates=lambda tools: [template(tools)])
    found = await world.find(name)
    assert found.solved
    assert [candidate.origin for candidate in found.candidates] == ["operator"]
    assert {edit.path for candidate in found.candidates for edit in candidate.edits} == {"shop/cart.py"}
    assert len(world.backend.calls) <= 20


@pytest.mark.parametrize("name", TEAMS)
async def test_a_model_without_tokens_is_not_asked(tmp_path: Path, name: str) -> None:
    world = await team_world(tmp_path, templates=lambda tools: [template(tools)])
    world.tools.desk.tokens = 0
    assert (await world.find(name)).solved
    assert not world.backend.calls
    assert "0 model tokens are spent" in world.tools.desk.notes[0]
