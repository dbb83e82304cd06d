"""The coordinator's walk: the order of its steps, what each slot is asked, and what the run comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from covey.agents.reviewer import Reviewer
from covey.agents.slots import (
    Brief,
    Cluster,
    CompareRequest,
    Comparison,
    DocumentRequest,
    Drafts,
    Localisation,
    ReproduceRequest,
    Reproduction,
    Story,
    UnderstandRequest,
)
from covey.agents.workbench import Workbench
from covey.coordination.coordinator import Solution, coordinate
from covey.coordination.flock import Flock
from covey.coordination.journal import Journal
from covey.core.budget import Deadline
from covey.core.errors import SandboxError
from covey.core.patch import Candidate, Label
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.core.report import EXIT_CODES
from covey.core.run import Run, RunStatus
from covey.core.testing import Outcome, TestReport, TestResult
from covey.testing.memory import MemoryStore
from covey.testing.roles import ScriptedRole, ScriptedValidator
from support_roles import (
    GREEN,
    RED,
    ScriptedRunner,
    candidate_of,
    failed,
    make_bench,
    passed,
    report_of,
    verdict_of,
)
from support_store import make_run

pytestmark = pytest.mark.requirement("A1", "F5")

BEFORE = report_of(failed(RED), passed(GREEN))
AFTER = report_of(passed(RED), passed(GREEN))
TARGET = report_of(passed(RED))
CLEAN = (TARGET, AFTER, AFTER)
"""The runs of a verdict that finds nothing wrong."""


@dataclass
class World:
    """A run with scripted roles for what is decided before the search, and real ones after it."""

    store: MemoryStore
    run: Run
    tools: Workbench
    runner: ScriptedRunner
    flock: Flock
    roles: dict[str, ScriptedRole[Any, Any]]
    steps: list[str] = field(default_factory=list)

    async def walk(self) -> Solution:
        journal = await Journal.open(self.store, self.run)
        try:
            return await coordinate(self.run.task, journal, self.tools, self.flock)
        finally:
            self.steps = [step.name for step in await self.store.steps(self.run.id)]


async def world(
    tmp_path: Path,
    *runs: TestReport | Exception,
    shown: Reproduction | None = None,
    baseline: TestReport = BEFORE,
    drafts: Mapping[str, Standing] | None = None,
    description: str = "the cart is wrong",
    holdout: tuple[str, ...] = (),
) -> World:
    """``drafts``: what replaces the operator of the cart → how the fast validator finds it."""
    runner = ScriptedRunner(*runs)
    tools = await make_bench(tmp_path, runner=runner, holdout=holdout)
    shown = shown or Reproduction(targets=(RED,))
    made = {new: candidate_of(tools, "shop/cart.py", "-=", new) for new in drafts or {}}
    verdicts = {made[new].id: _verdict(made[new], how) for new, how in (drafts or {}).items()}
    tools._validator = ScriptedValidator(verdicts)  # in place of a fork server
    where = Localisation(plan=ValidationPlan(targets=shown.targets))
    roles: dict[str, ScriptedRole[Any, Any]] = {
        "understander": ScriptedRole("understander", Brief(title="a cart")),
        "tester": ScriptedRole("tester", baseline, AFTER),
        "reproducer": ScriptedRole("reproducer", shown),
        "localiser": ScriptedRole("localiser", where),
        "coder": ScriptedRole("coder", Drafts(candidates=tuple(made.values()), exhausted=True), Drafts(exhausted=True)),
    }
    run = make_run(description=description)
    run = run.model_copy(update={"task": run.task.model_copy(update={"holdout": holdout})})
    run = run.model_copy(update={"genesis": run.derive_genesis()})
    store = MemoryStore()
    await store.create(run)
    return World(store, run, tools, runner, Flock(**cast("dict[str, Any]", roles)), roles)


def _verdict(candidate: Candidate, standing: Standing) -> Verdict:
    flipped = (RED,) if standing in (Standing.plausible, Standing.progress) else ()
    return verdict_of(candidate.id, standing, *flipped)


async def test_the_slots_are_filled_in_one_order_each_as_one_step_of_the_log(tmp_path: Path) -> None:
    here = await world(tmp_path, *CLEAN, drafts={"+=": Standing.plausible})
    solution = await here.walk()
    patch = solution.patch
    assert patch is not None
    assert here.steps == [
        "understand", "test", "reproduce", "localise", "draft/0", "verify/1", "select",
        f"review/{patch.id}", f"verdict/{patch.id}", "document",
    ]  # fmt: skip
    assert (solution.status, patch.label) == (RunStatus.patched, Label.no_regressions)
    assert "+        result += value" in patch.diff
    assert solution.evaluation is not None
    assert solution.evaluation.after == AFTER
    assert EXIT_CODES[solution.status] == 0


async def test_every_slot_records_the_request_to_its_role_and_the_answer(tmp_path: Path) -> None:
    here = await world(tmp_path, *CLEAN, drafts={"+=": Standing.plausible})
    await here.walk()
    pairs = {}
    for step in await here.store.steps(here.run.id):
        request, answer = step.messages
        assert (request.sender, answer.receiver) == ("coordinator", "coordinator")
        assert request.receiver == answer.sender
        assert request.content
        assert answer.content
        pairs[step.name.partition("/")[0]] = request.receiver
    assert pairs == {
        "understand": "understander", "test": "tester", "reproduce": "reproducer", "localise": "localiser",
        "draft": "coder", "verify": "verifier", "select": "selector", "review": "reviewer", "verdict": "evaluator",
        "document": "documenter",
    }  # fmt: skip


async def test_each_role_gets_what_the_roles_before_it_found(tmp_path: Path) -> None:
    here = await world(tmp_path, *CLEAN, drafts={"+=": Standing.plausible})
    await here.walk()
    assert here.roles["understander"].requests == [UnderstandRequest(statement="the cart is wrong")]
    assert here.roles["reproducer"].requests == [ReproduceRequest(brief=Brief(title="a cart"), baseline=BEFORE)]
    (asked,) = here.roles["localiser"].requests
    assert (asked.baseline, asked.reproduction.targets) == (BEFORE, (RED,))


async def test_a_suite_that_passes_is_nothing_to_repair(tmp_path: Path) -> None:
    here = await world(tmp_path, baseline=AFTER, shown=Reproduction(), description="")
    solution = await here.walk()
    assert here.steps == ["understand", "test", "reproduce"]
    assert (solution.status, solution.patch) == (RunStatus.already_passing, None)
    assert solution.story.headline == "All tests pass already; there is nothing to repair."
    assert EXIT_CODES[solution.status] == 1


async def test_a_problem_that_cannot_be_reproduced_is_said_to_be_so(tmp_path: Path) -> None:
    shown = Reproduction(notes=("the examples of the problem text were run and do not fail",))
    solution = await (await world(tmp_path, baseline=AFTER, shown=shown)).walk()
    assert solution.status is RunStatus.already_passing
    assert "could not be reproduced" in solution.story.headline
    assert solution.story.sentences == shown.notes


async def test_a_command_that_runs_no_tests_is_no_patch(tmp_path: Path) -> None:
    solution = await (await world(tmp_path, baseline=report_of(), shown=Reproduction())).walk()
    assert (solution.status, solution.story.headline) == (RunStatus.no_patch, "The test command ran no tests.")


async def test_flaky_tests_alone_are_nothing_steady_to_repair(tmp_path: Path) -> None:
    solution = await (await world(tmp_path, shown=Reproduction(flaky=(RED,)))).walk()
    assert solution.status is RunStatus.no_patch
    assert "flaky" in solution.story.headline


@pytest.mark.parametrize("description", ["", "it hangs"])
async def test_a_suite_that_did_not_run_to_its_end_is_never_called_passing(tmp_path: Path, description: str) -> None:
    cut = report_of(passed(GREEN), complete=False)
    solution = await (await world(tmp_path, baseline=cut, shown=Reproduction(), description=description)).walk()
    assert solution.status is RunStatus.no_patch
    assert "did not reach its end" in solution.story.headline


async def test_without_any_plausible_draft_there_is_no_patch_and_no_verdict(tmp_path: Path) -> None:
    here = await world(tmp_path, drafts={"*=": Standing.failed, "//=": Standing.regressed})
    solution = await here.walk()
    assert here.steps[-4:] == ["verify/1", "repair", "select", "document"]
    assert (solution.status, solution.patch, solution.evaluation) == (RunStatus.no_patch, None, None)
    assert solution.tried == 2
    assert solution.story.headline == "No acceptable patch was found."
    assert EXIT_CODES[solution.status] == 1


async def test_a_patch_for_some_of_the_targets_is_offered_as_partial(tmp_path: Path) -> None:
    both = Reproduction(targets=(RED, "another"))
    here = await world(tmp_path, *CLEAN, shown=both, drafts={"+=": Standing.progress, "*=": Standing.failed})
    solution = await here.walk()
    assert solution.status is RunStatus.partial
    assert solution.patch is not None
    assert "+=" in solution.patch.diff
    assert solution.patch.label is None
    assert solution.evaluation is not None
    assert (solution.evaluation.label, solution.evaluation.reasons[-1]) == (None, "It mends 1 of 2 target tests.")
    assert [step.startswith("verdict") for step in here.steps].count(True) == 1
    assert solution.story.headline.startswith("Repaired some of 2 failing tests")
    assert EXIT_CODES[solution.status] == 1


async def test_a_patch_for_some_of_the_targets_that_breaks_others_is_not_offered(tmp_path: Path) -> None:
    both = Reproduction(targets=(RED, "another"))
    broken = report_of(passed(RED), failed(GREEN))
    runs = (report_of(passed(RED)), broken, broken)
    here = await world(tmp_path, *runs, shown=both, drafts={"+=": Standing.progress, "*=": Standing.failed})
    solution = await here.walk()
    assert (solution.status, solution.patch) == (RunStatus.no_patch, None)


async def test_a_deadline_gives_the_best_so_far_and_says_so(tmp_path: Path) -> None:
    late = report_of(failed(RED), passed(GREEN), seconds=10_000)  # leaves the search 60 % of the time, all of it gone
    here = await world(tmp_path, *CLEAN, baseline=late, drafts={"+=": Standing.plausible, "*=": Standing.plausible})
    here.tools.deadline = Deadline(here.tools.budget.wall_s, spent_s=0.7 * here.tools.budget.wall_s)
    solution = await here.walk()
    assert solution.notes == ("The search stopped at its deadline.",)
    assert solution.tried == 1
    assert (solution.status, solution.patch and solution.patch.label) == (RunStatus.patched, Label.no_regressions)


async def test_patches_are_judged_in_order_and_the_others_become_alternatives(tmp_path: Path) -> None:
    broken = report_of(passed(RED), failed(GREEN))
    here = await world(
        tmp_path, TARGET, broken, broken, *CLEAN, drafts={"+=": Standing.plausible, "*=": Standing.plausible}
    )
    solution = await here.walk()
    judged = [step.partition("/")[2] for step in here.steps if step.startswith("verdict/")]
    reviewed = [step.partition("/")[2] for step in here.steps if step.startswith("review/")]
    assert judged == reviewed
    assert solution.patch is not None
    assert solution.patch.id == judged[1]
    assert [other.id for other in solution.alternatives] == [judged[0]]
    assert [review.patch for review in solution.reviews] == reviewed


async def test_a_patch_that_breaks_something_is_plausible_and_not_patched(tmp_path: Path) -> None:
    broken = report_of(passed(RED), failed(GREEN))
    solution = await (await world(tmp_path, TARGET, broken, broken, drafts={"+=": Standing.plausible})).walk()
    assert (solution.status, solution.patch and solution.patch.label) == (RunStatus.plausible, Label.plausible)
    assert EXIT_CODES[solution.status] == 1


async def test_what_the_fast_validator_believed_alone_is_no_patch(tmp_path: Path) -> None:
    solution = await (await world(tmp_path, report_of(failed(RED)), drafts={"+=": Standing.plausible})).walk()
    assert (solution.status, solution.patch) == (RunStatus.no_patch, None)


async def test_held_out_tests_decide_between_patches_and_make_one_verified(tmp_path: Path) -> None:
    runs = (*CLEAN, report_of(failed("more")), *CLEAN, report_of(passed("more")))
    drafts = {"+=": Standing.plausible, "*=": Standing.plausible}
    here = await world(tmp_path, *runs, drafts=drafts, holdout=("tests/test_more.py",))
    solution = await here.walk()
    judged = [step.partition("/")[2] for step in here.steps if step.startswith("verdict/")]
    assert solution.patch is not None
    assert (solution.patch.id, solution.patch.label) == (judged[1], Label.verified)
    assert solution.status is RunStatus.patched


async def test_a_patch_that_fails_the_held_out_tests_is_offered_but_not_called_patched(tmp_path: Path) -> None:
    runs = (*CLEAN, report_of(failed("more")))
    here = await world(tmp_path, *runs, drafts={"+=": Standing.plausible}, holdout=("tests/test_more.py",))
    solution = await here.walk()
    assert solution.patch is not None
    assert solution.status is RunStatus.plausible
    assert "1 of 1 held-out tests are red" in " ".join(solution.evaluation.reasons if solution.evaluation else ())


async def test_a_patch_that_the_reviewer_blocks_is_never_judged_or_offered(tmp_path: Path) -> None:
    here = await world(tmp_path, drafts={"+=": Standing.plausible})

    class Strict(Reviewer):
        async def run(self, request: Any, tools: Workbench) -> Any:
            found = await super().run(request, tools)
            return found.model_copy(update={"approved": False, "blocking": ("No.",)})

    here.flock = replace(here.flock, reviewer=Strict())
    solution = await here.walk()
    assert (solution.status, solution.patch, solution.alternatives) == (RunStatus.no_patch, None, ())
    assert not [step for step in here.steps if step.startswith("verdict")]


async def test_tests_written_for_the_run_are_laid_over_every_tree_and_the_suite_is_measured_again(
    tmp_path: Path,
) -> None:
    shown = Reproduction(targets=("new",), new_tests={"tests/test_new.py": "text"})
    both = report_of(passed("new"), passed(GREEN))
    here = await world(
        tmp_path, report_of(passed("new")), both, both, shown=shown, baseline=AFTER, drafts={"+=": Standing.plausible}
    )
    again = report_of(failed("new"), passed(GREEN))
    here.flock = replace(here.flock, tester=ScriptedRole("tester", AFTER, again))
    solution = await here.walk()
    assert "before" in here.steps
    assert here.tools.new_tests == {"tests/test_new.py": b"text"}
    assert (solution.status, solution.baseline) == (RunStatus.patched, again)
    assert solution.patch is not None
    assert solution.patch.files == ("shop/cart.py",)


async def test_a_walk_taken_again_over_the_same_log_asks_no_role_and_gives_the_same_solution(tmp_path: Path) -> None:
    here = await world(tmp_path / "a", *CLEAN, drafts={"+=": Standing.plausible})
    solution = await here.walk()
    again = await world(tmp_path / "b")
    again.store, again.tools = here.store, await make_bench(tmp_path / "c", runner=ScriptedRunner())
    nobody = {name: ScriptedRole[Any, Any](name) for name in Flock.__dataclass_fields__ if name != "generator"}
    again.flock = Flock(**cast("dict[str, Any]", nobody))
    assert await again.walk() == solution
    assert again.steps == here.steps
    assert not any(role.requests for role in nobody.values())


async def test_a_walk_that_broke_off_goes_on_with_the_step_that_failed(tmp_path: Path) -> None:
    here = await world(tmp_path, *CLEAN, drafts={"+=": Standing.plausible})
    localiser = here.flock.localiser
    here.flock = replace(here.flock, localiser=ScriptedRole("localiser", SandboxError("gone")))
    with pytest.raises(SandboxError):
        await here.walk()
    assert here.steps == ["understand", "test", "reproduce"]
    here.flock = replace(here.flock, localiser=localiser)
    assert (await here.walk()).status is RunStatus.patched
    assert [len(here.roles[name].requests) for name in ("understander", "tester", "reproducer", "localiser")] == [1] * 4


async def test_whoever_watches_sees_each_stage_begin_and_end(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []
    here = await world(tmp_path, baseline=AFTER, shown=Reproduction())
    here.tools.observer = lambda progress: seen.append((progress.stage, progress.state))
    await here.walk()
    assert seen == [(name, state) for name in ("understand", "test", "reproduce") for state in ("started", "done")]


async def test_competing_patches_are_compared_between_review_and_verdict(tmp_path: Path) -> None:
    drafts = {"+=": Standing.plausible, "*=": Standing.plausible}
    here = await world(tmp_path, *CLEAN, drafts=drafts)
    clusters: list[Cluster] = []

    class Equal:
        name = "comparer"

        async def run(self, request: CompareRequest, tools: Workbench) -> Comparison:  # noqa: ARG002 - a role
            clusters.append(Cluster(patches=tuple(patch.id for patch in request.patches), changed=1))
            return Comparison(clusters=tuple(clusters), inputs=7)

    here.flock = replace(here.flock, comparer=Equal())
    solution = await here.walk()
    at = here.steps.index("compare")
    assert here.steps[at - 1].startswith("review/")
    assert here.steps[at + 1].startswith("verdict/")
    (other,) = solution.alternatives
    assert solution.notes == (f"Behaves like the patch on all 7 probe inputs: {other.id} (see alternatives).",)
    assert clusters[0].patches == (solution.patch.id if solution.patch else "", other.id)


async def test_why_nothing_could_be_compared_is_a_note(tmp_path: Path) -> None:
    drafts = {"+=": Standing.plausible, "*=": Standing.plausible}
    here = await world(tmp_path, *CLEAN, drafts=drafts)
    here.flock = replace(here.flock, comparer=ScriptedRole("comparer", Comparison(notes=("No time.",))))
    assert (await here.walk()).notes == ("No time.",)


async def test_the_documenter_is_told_of_the_verdict_and_the_number_of_competitors(tmp_path: Path) -> None:
    here = await world(tmp_path, *CLEAN, drafts={"+=": Standing.plausible, "*=": Standing.plausible})

    documenter = ScriptedRole[DocumentRequest, Story]("documenter", Story(headline="done"))
    here.flock = replace(here.flock, documenter=documenter)
    solution = await here.walk()
    (told,) = documenter.requests
    assert (told.patch, told.evaluation, told.tried) == (solution.patch, solution.evaluation, 2)
    assert told.alternatives == len(solution.alternatives) == 1
    assert solution.story.headline == "done"


async def test_a_skipped_test_is_no_reason_to_call_a_suite_red(tmp_path: Path) -> None:
    skipped = report_of(passed(GREEN), TestResult(id="s", outcome=Outcome.skipped))
    solution = await (await world(tmp_path, baseline=skipped, shown=Reproduction())).walk()
    assert solution.status is RunStatus.already_passing
