"""Policies with several agents: who is asked in which order, what is tried, what ends it, what is brought home."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.slots import Reproduction
from covey.agents.workbench import Workbench
from covey.core.budget import Budget, Deadline
from covey.core.errors import EngineError, SandboxError
from covey.core.patch import Candidate
from covey.core.repair import Standing
from support_roles import GREEN, RED, candidate_of, passed, report_of
from support_team import (
    GREEDY,
    OTHER,
    RIGHT,
    WRONG,
    critique,
    edit,
    lead,
    plan,
    team_world,
    template,
)

pytestmark = pytest.mark.requirement("C12", "D1")

CODER, PLANNER, LEADER, CRITIC = "code generator", "planner", "leader", "reviewer"
TEAMS = ("critic", "leader-follower", "round-robin", "workflow")


async def test_the_critic_approves_the_one_patch_and_the_templates_compete_with_it(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(RIGHT), critique("approve")], templates=lambda tools: [template(tools)])
    found = await world.find("critic")
    assert world.asked == [CODER, CRITIC]
    assert world.steps == ["code/1", "verify/1", "critique/1", "draft/0", "verify/2"]
    assert found.solved
    assert [candidate.origin for candidate in found.candidates] == ["model", "operator"]
    assert found.notes == ()


async def test_a_patch_that_the_critic_denies_is_not_brought_home_although_it_passes_the_tests(tmp_path: Path) -> None:
    script = [edit(GREEDY), critique("deny", "It names the test's value.")]
    world = await team_world(tmp_path, script)
    found = await world.find("critic")
    assert (found.solved, found.candidates, found.tried) == (False, (), 1)
    assert found.notes == ("The critic denied a draft that passes the target tests: It names the test's value.",)


async def test_a_denial_does_not_take_away_what_templates_find(tmp_path: Path) -> None:
    script = [edit(GREEDY), critique("deny", "No.")]
    world = await team_world(tmp_path, script, templates=lambda tools: [template(tools)])
    found = await world.find("critic")
    assert [candidate.origin for candidate in found.candidates] == ["operator"]


async def test_a_denial_of_the_only_plausible_patch_wanted_does_not_end_the_search(tmp_path: Path) -> None:
    script = [edit(GREEDY), critique("deny", "No.")]
    world = await team_world(tmp_path, script, templates=lambda tools: [template(tools)])
    world.tools.budget = Budget(plausible=1)
    found = await world.find("critic")
    assert [candidate.origin for candidate in found.candidates] == ["operator"]


async def test_what_a_template_drafts_too_is_not_the_critics_to_deny(tmp_path: Path) -> None:
    def same(tools: Workbench) -> list[Candidate]:
        return [candidate_of(tools, "shop/cart.py", "        result -= value\n", f"{RIGHT}\n")]

    world = await team_world(tmp_path, [edit(RIGHT), critique("deny", "No.")], templates=same)
    found = await world.find("critic")
    assert (found.solved, found.tried) == (True, 1)


async def test_the_critic_is_never_asked_about_a_patch_that_fails(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(WRONG)], templates=lambda tools: [template(tools)])
    found = await world.find("critic")
    assert world.asked == [CODER]
    assert [candidate.origin for candidate in found.candidates] == ["operator"]
    assert [verdict.standing for verdict in found.verdicts] == [Standing.plausible]


async def test_a_critic_that_denies_without_an_issue_is_asked_again_then_facts_decide(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(RIGHT), *[critique("deny")] * 3])
    found = await world.find("critic")
    assert found.solved
    assert "denied for a reason only" in world.prompts[-1]
    assert "did not fill the slot of the critic" in world.tools.desk.notes[0]


async def test_the_leader_sees_what_came_of_its_instruction_and_gives_another(tmp_path: Path) -> None:
    script = [lead("Multiply."), edit(WRONG), lead("Add."), edit(RIGHT)]
    world = await team_world(tmp_path, script)
    found = await world.find("leader-follower")
    assert world.asked == [LEADER, CODER, LEADER, CODER]
    assert world.steps[:6] == ["lead/1", "code/1", "verify/1", "lead/2", "code/2", "verify/2"]
    assert "What to do:\nMultiply." in world.prompts[1]
    assert "result *= value" in world.prompts[2]
    assert "failed at tests.test_cart.CartTest.test_total: AssertionError with *" in world.prompts[2]
    assert "What to do:\nAdd." in world.prompts[3]
    assert found.solved


async def test_the_leader_has_a_bounded_number_of_instructions(tmp_path: Path) -> None:
    turns = [(lead(f"Try {number}."), edit(f"        result = {number}")) for number in range(9)]
    world = await team_world(tmp_path, [text for turn in turns for text in turn])
    found = await world.find("leader-follower")
    assert world.asked == [LEADER, CODER] * 3
    assert (found.solved, found.tried) == (False, 3)


async def test_a_leader_can_choose_listed_places_only(tmp_path: Path) -> None:
    script = [lead(symbol="invented"), lead(), edit(RIGHT)]
    world = await team_world(tmp_path, script)
    assert (await world.find("leader-follower")).solved
    assert "none of the places listed" in world.prompts[1]


async def test_coders_take_turns_in_different_manners_and_see_what_came_before(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [edit(WRONG), edit(OTHER), edit(RIGHT)], drafts=3)
    found = await world.find("round-robin")
    assert world.asked == [CODER] * 3
    manners = [prompt.rpartition("How to go about it: ")[2] for prompt in world.prompts]
    assert len(set(manners)) == 3
    assert [call.sampling.temperature for call in world.backend.calls] == [0.0, 0.6, 0.6]
    assert [call.sampling.seed for call in world.backend.calls] == [0, 1, 2]
    assert "result *= value" in world.prompts[1]
    assert "result //= value" in world.prompts[2]
    assert "4|        result -= value" in world.prompts[0]
    assert not any("4|        result -= value" in prompt for prompt in world.prompts[1:])
    assert (found.solved, found.tried) == (True, 3)


async def test_the_workflow_plans_codes_and_reviews_until_the_review_approves(tmp_path: Path) -> None:
    script = [plan(), edit(GREEDY), critique("deny", "It names the test."), edit(RIGHT), critique("approve")]
    world = await team_world(tmp_path, script)
    found = await world.find("workflow")
    assert world.asked == [PLANNER, CODER, CRITIC, CODER, CRITIC]
    assert world.steps == [
        "plan/1", "code/1", "verify/1", "critique/1", "code/2", "verify/2", "critique/2", "draft/0",
    ]  # fmt: skip
    assert "1. Add the values instead of subtracting them." in world.prompts[1]
    assert "- It names the test." in world.prompts[3]
    assert "- Write it plainly." in world.prompts[3]
    (candidate,) = found.candidates
    assert candidate.edits[0].text == f"{RIGHT}\n"


async def test_after_three_cycles_the_workflow_goes_back_to_the_planner_once(tmp_path: Path) -> None:
    wrong = [edit(f"        result = {number}") for number in range(5)]
    script = [plan(), *wrong[:3], plan(what="Think again."), *wrong[3:]]
    world = await team_world(tmp_path, script)
    found = await world.find("workflow")
    assert world.asked == [PLANNER, *[CODER] * 3, PLANNER, CODER]
    assert "AssertionError with 2" not in world.prompts[3]
    assert "result = 2" in world.prompts[4]
    assert "result = 0" not in world.prompts[4]
    assert "Think again." in world.prompts[5]
    assert (found.solved, found.tried) == (False, 4)
    assert [step for step in world.steps if step.startswith("critique/")] == [f"critique/{n}" for n in (1, 2, 3, 4)]


async def test_a_stage_of_the_workflow_has_a_time_of_its_own(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    desk = world.tools.desk
    desk.left = lambda: 10_000.0
    lefts: list[float] = []

    def answer(*_: object) -> str:
        lefts.append(desk.left())
        return [plan(), edit(RIGHT), critique("approve")][len(lefts) - 1]

    world.backend._script = answer
    assert (await world.find("workflow")).solved
    assert len(lefts) == 3
    assert max(lefts) <= 300.0
    assert desk.left() == 10_000.0


async def test_a_coder_that_repeats_itself_is_asked_once_more_then_given_up(tmp_path: Path) -> None:
    world = await team_world(tmp_path, lambda *_: edit(WRONG), drafts=4, templates=lambda tools: [template(tools)])
    found = await world.find("round-robin")
    assert world.asked == [CODER] * 3
    assert [step for step in world.steps if step.startswith("rules/")] == ["rules/1", "rules/2"]
    assert found.notes == (
        "The patcher repeated itself; it was asked once more.",
        "The patcher repeated itself twice; its way was given up.",
    )
    assert found.solved


async def test_the_second_try_of_a_coder_that_repeats_itself_is_sampled_differently(tmp_path: Path) -> None:
    script = [lead("a"), edit(WRONG), lead("b"), edit(WRONG), lead("c"), edit(RIGHT)]
    world = await team_world(tmp_path, script)
    assert (await world.find("leader-follower")).solved
    seeds = [call.sampling.seed for call, who in zip(world.backend.calls, world.asked, strict=True) if who == CODER]
    assert seeds == [0, 0, 1]


async def test_turns_that_tell_nothing_new_are_given_up(tmp_path: Path) -> None:
    script = [edit(WRONG), *[edit(f"        result *= value * {number}") for number in range(9)]]
    world = await team_world(tmp_path, script, drafts=4)
    found = await world.find("round-robin")
    assert world.asked == [CODER] * 5  # the one that told something, and a whole round that did not
    assert found.notes == ("4 turns in a row told nothing new; this way was given up.",)


@pytest.mark.parametrize("name", TEAMS)
async def test_a_model_that_never_finds_the_format_is_asked_no_more_and_the_templates_solve_it(
    tmp_path: Path, name: str
) -> None:
    world = await team_world(tmp_path, lambda *_: "I fixed it!", drafts=2, templates=lambda tools: [template(tools)])
    found = await world.find(name)
    assert [candidate.origin for candidate in found.candidates] == ["operator"]
    assert len(world.backend.calls) <= 3 * 2 * 2  # at most two questions, two drafts each, three tries each
    if name != "critic":
        assert found.notes == ("The model gave no usable answer 2 times in a row; it was not asked again.",)


@pytest.mark.parametrize("name", TEAMS)
async def test_an_engine_that_dies_costs_the_model_and_not_the_run(tmp_path: Path, name: str) -> None:
    first = {"critic": edit(WRONG), "leader-follower": lead(), "round-robin": edit(WRONG), "workflow": plan()}[name]
    calls = 0

    def answer(*_: object) -> str | Exception:
        nonlocal calls
        calls += 1
        return first if calls == 1 else EngineError("The engine is gone.")

    world = await team_world(tmp_path, answer, drafts=2, templates=lambda tools: [template(tools)])
    found = await world.find(name)
    assert [candidate.origin for candidate in found.candidates] == ["operator"]
    assert any("The engine is gone." in note for note in world.tools.desk.notes) or name == "critic"


async def test_one_engine_down_of_a_mixed_team_is_filled_in_by_its_floor(tmp_path: Path) -> None:
    down: dict[str, Exception] = {"planner": EngineError("Down."), "critic": EngineError("Down.")}
    world = await team_world(tmp_path, [edit(RIGHT)], down=down)
    found = await world.find("workflow")
    assert found.solved
    assert world.asked == [CODER]
    assert "Make these tests pass: tests.test_cart.CartTest.test_total." in world.prompts[0]
    assert len(world.tools.desk.notes) == 2


@pytest.mark.parametrize("name", TEAMS)
async def test_a_policy_walked_again_over_its_log_asks_no_model_and_finds_the_same(tmp_path: Path, name: str) -> None:
    script = {
        "critic": [edit(GREEDY), critique("deny", "No.")],
        "leader-follower": [lead("a"), edit(WRONG), lead("b"), edit(WRONG), lead("c"), edit(RIGHT)],
        "round-robin": [edit(WRONG), edit(WRONG), edit(RIGHT)],
        "workflow": [plan(), edit(GREEDY), critique("deny", "No."), edit(WRONG), edit(RIGHT), critique("approve")],
    }[name]
    world = await team_world(tmp_path / "a", script, drafts=2 if name == "round-robin" else 1)
    found = await world.find(name)
    again = await team_world(tmp_path / "b", drafts=world.tools.drafts)
    again.store = world.store
    assert await again.find(name) == found
    assert not again.backend.calls
    assert again.tools.desk.spent == world.tools.desk.spent
    assert again.steps == world.steps


@pytest.mark.parametrize("name", TEAMS)
async def test_without_templates_and_without_a_right_draft_nothing_is_brought_home(tmp_path: Path, name: str) -> None:
    def answer(prompt: object, *_: object) -> str:
        last = str(prompt)
        if last.rfind("Role: planner") > last.rfind("Role: code"):
            return plan()
        return lead() if last.rfind("Role: leader") > last.rfind("Role: code") else edit(WRONG)

    world = await team_world(tmp_path, answer)
    found = await world.find(name)
    assert (found.solved, found.candidates) == (False, ())


@pytest.mark.parametrize("name", TEAMS)
async def test_a_walk_that_broke_off_goes_on_where_it_was_with_the_same_bytes(tmp_path: Path, name: str) -> None:
    script = {
        "critic": [edit(GREEDY), critique("deny", "No.")],
        "leader-follower": [lead("a"), edit(WRONG), lead("b"), edit(RIGHT)],
        "round-robin": [edit(WRONG), edit(OTHER), edit(RIGHT)],
        "workflow": [plan(), edit(WRONG), edit(GREEDY), critique("deny", "No."), edit(RIGHT), critique("approve")],
    }[name]
    drafts = 3 if name == "round-robin" else 1
    whole = await team_world(tmp_path / "whole", script, drafts=drafts)
    expected = await whole.find(name)
    broken = await team_world(tmp_path / "broken", [*script[:-1], SandboxError("gone")], drafts=drafts)
    with pytest.raises(SandboxError):
        await broken.find(name)
    again = await team_world(tmp_path / "again", script[-1:], drafts=drafts)
    again.store = broken.store
    assert await again.find(name, resume=True) == expected
    assert again.steps == whole.steps
    (call,) = again.backend.calls
    assert call.prompt == whole.backend.calls[-1].prompt


async def test_no_model_is_asked_once_the_time_of_the_search_is_up(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [lead(), edit(WRONG)])
    world.tools.deadline = Deadline(0.0)
    found = await world.find("leader-follower")
    assert world.asked == [LEADER, CODER]
    assert found.notes == ("The search stopped at its deadline.",)


async def test_a_team_reads_the_test_that_was_written_for_the_run(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [plan(), edit(RIGHT), critique("approve")])
    world.baseline = report_of(passed(GREEN))
    world.shown = Reproduction(targets=(RED,), new_tests={"tests/test_new.py": "assert total([1, 2]) == 3"})
    assert (await world.find("workflow")).solved
    assert f"Failing test {RED}: NewTest: it fails on the code as it is, and reads:\nassert total" in world.prompts[0]
    assert "NewTest" not in world.prompts[1]
