"""The critic: tests are facts, a model may deny, it can never approve what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.critic import Critic, Procedure
from covey.agents.team_slots import CritiqueRequest, TestFacts
from covey.agents.workbench import Workbench
from covey.core.patch import Candidate
from covey.core.repair import Standing, ValidationPlan, Verdict
from support_roles import GREEN, RED, candidate_of
from support_team import WHERE, critique, team_world

pytestmark = pytest.mark.requirement("D5")


def asked(candidates: list[Candidate], standing: Standing = Standing.plausible, traced: int = 2) -> CritiqueRequest:
    flipped = (RED,) if standing is Standing.plausible else ()
    return CritiqueRequest(
        candidates=tuple(candidates),
        verdicts=tuple(Verdict(candidate=one.id, standing=standing, flipped=flipped) for one in candidates),
        plan=WHERE.plan,
        suspects=WHERE.suspects,
        traced=traced,
    )


def right(tools: Workbench) -> Candidate:
    return candidate_of(tools, "shop/cart.py", "-=", "+=", origin="generator")


async def test_the_words_are_the_models_and_the_numbers_the_harness_own(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [critique("deny", "It is greedy.", "It is greedy.", " ")])
    made = await Critic().run(asked([right(world.tools)]), world.tools)
    assert made.model_dump(mode="json") == {
        "candidate": right(world.tools).id,
        "review_status": "deny",
        "issues_found": ["It is greedy."],
        "test_results": {"passed": 2, "failed": 0, "coverage": 100},
        "recommendations": ["Write it plainly."],
        "next_iteration": True,
        "source": "model",
    }
    assert "2 passed, 0 failed, and 100% of its edits" in world.prompts[0]


async def test_an_approval_asks_for_no_further_draft(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [critique("approve")])
    made = await Critic().run(asked([right(world.tools)]), world.tools)
    assert (made.review_status, made.next_iteration, made.issues_found) == ("approve", False, ())


async def test_no_model_is_asked_about_a_patch_that_fails_and_it_is_denied(tmp_path: Path) -> None:
    for standing in (Standing.failed, Standing.regressed, Standing.progress, Standing.timeout):
        world = await team_world(tmp_path / standing, [critique("approve")])
        made = await Critic().run(asked([right(world.tools)], standing), world.tools)
        assert (made.review_status, made.source) == ("deny", "facts")
        assert made.issues_found[0] == f"The tests say of this patch: {standing}."
        assert not world.backend.calls


async def test_what_the_procedural_reviewer_forbids_no_model_is_asked_about(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [critique("approve")])
    touching = candidate_of(world.tools, "tests/test_cart.py", "3)", "-3)")
    made = await Critic().run(asked([touching]), world.tools)
    assert (made.review_status, made.source) == ("deny", "facts")
    assert "decides how it is judged" in made.issues_found[0]
    assert not world.backend.calls


async def test_the_floor_approves_what_the_procedural_reviewer_allows(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    good = await Procedure().run(asked([right(world.tools)]), world.tools)
    bad = await Procedure().run(asked([candidate_of(world.tools, "shop/cart.py", "-=", "+=(")]), world.tools)
    assert (good.review_status, good.source) == ("approve", "floor")
    assert bad.review_status == "deny"
    assert "not valid Python" in bad.issues_found[0]


async def test_the_best_by_the_judge_is_looked_at(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    deleting = candidate_of(world.tools, "shop/cart.py", "        result -= value\n", "", origin="delete-statement")
    made = await Procedure().run(asked([deleting, right(world.tools)]), world.tools)
    assert made.candidate == right(world.tools).id


async def test_facts_count_the_tests_that_run_the_changed_files(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    narrow = ValidationPlan(targets=(RED,), regressions=(GREEN, "other"), covering={"shop/cart.py": (GREEN,)})
    request = asked([right(world.tools)]).model_copy(update={"plan": narrow})
    assert (await Procedure().run(request, world.tools)).test_results == TestFacts(passed=2, failed=0, coverage=100)
    failing = asked([right(world.tools)], Standing.regressed).model_copy(update={"plan": narrow})
    assert (await Procedure().run(failing, world.tools)).test_results == TestFacts(passed=0, failed=2, coverage=100)


async def test_coverage_is_of_edits_that_target_tests_run_and_unknown_without_a_trace(tmp_path: Path) -> None:
    world = await team_world(tmp_path)
    elsewhere = candidate_of(world.tools, "shop/cart.py", "return result", "return (result)")
    away = asked([elsewhere]).model_copy(update={"suspects": WHERE.suspects[1:]})
    assert (await Procedure().run(away, world.tools)).test_results.coverage == 0
    assert (await Procedure().run(asked([elsewhere], traced=0), world.tools)).test_results.coverage is None


async def test_what_a_model_says_cannot_steer_a_terminal(tmp_path: Path) -> None:
    world = await team_world(tmp_path, [critique("deny", "a\x1b[2Jb\nc\u202ed")])
    made = await Critic().run(asked([right(world.tools)]), world.tools)
    (issue,) = made.issues_found
    assert issue.isprintable()
    assert issue.startswith("a")
