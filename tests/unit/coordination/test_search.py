"""The search: what is drafted, what is tried, when it stops, what it brings home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from covey.agents.debugger import Debugger
from covey.agents.slots import DraftRequest, Drafts, Localisation, RepairRequest, Verified, VerifyRequest
from covey.agents.workbench import Workbench
from covey.coordination.flock import Flock
from covey.coordination.search import Found, search
from covey.core.budget import Budget, Deadline
from covey.core.patch import Candidate
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.core.testing import TestReport
from covey.testing.roles import ScriptedValidator
from support_roles import failed, make_bench, plain_candidate, report_of, verdict_of

WHERE = Localisation(plan=ValidationPlan(targets=("t1", "t2")))
BASELINE = report_of(failed("t1", "TypeError"), failed("t2", "KeyError"), failed("other"))


class CountedCoder:
    """A stream of so many candidates, another one upon seeds; keeps what it was asked."""

    name = "coder"

    def __init__(self, first: list[Candidate], deeper: list[Candidate] | None = None) -> None:
        self.first, self.deeper = first, deeper or []
        self.requests: list[DraftRequest] = []

    async def run(self, request: DraftRequest, tools: Workbench) -> Drafts:  # noqa: ARG002 - the interface of a role
        self.requests.append(request)
        source = self.deeper if request.seeds else self.first
        taken = source[request.offset : request.offset + request.count]
        return Drafts(candidates=tuple(taken), exhausted=len(taken) < request.count)


class Walk:
    """A search with a scripted coder and validator; the other roles are the real ones."""

    def __init__(self, tools: Workbench, coder: CountedCoder) -> None:
        self.tools, self.coder = tools, coder
        self.stages: list[str] = []
        self.repairs: list[RepairRequest] = []
        self.verifications: list[VerifyRequest] = []

    async def ask(self, stage: str, role: Any, request: Any, answer: type[BaseModel]) -> Any:
        self.stages.append(stage)
        if isinstance(request, RepairRequest):
            self.repairs.append(request)
        if isinstance(request, VerifyRequest):
            self.verifications.append(request)
        filled = await role.run(request, self.tools)
        assert isinstance(filled, answer)
        return filled

    async def run(self, where: Localisation = WHERE, baseline: TestReport = BASELINE) -> Found:
        return await search(self.ask, Flock(coder=self.coder), self.tools, baseline, where)


async def walk_over(
    tmp_path: Path,
    first: list[Candidate],
    *verdicts: Verdict,
    deeper: list[Candidate] | None = None,
    budget: Budget | None = None,
) -> tuple[Walk, ScriptedValidator]:
    validator = ScriptedValidator({verdict.candidate: verdict for verdict in verdicts})
    tools = await make_bench(tmp_path, validator=validator, budget=budget)
    return Walk(tools, CountedCoder(first, deeper)), validator


def many(count: int, prefix: str = "c") -> list[Candidate]:
    return [plain_candidate(f"{prefix}{number}") for number in range(count)]


async def test_drafts_are_asked_in_growing_batches_until_the_stream_is_exhausted(tmp_path: Path) -> None:
    walk, validator = await walk_over(tmp_path, many(700))
    found = await walk.run()
    drafts = [(request.offset, request.count) for request in walk.coder.requests]
    assert drafts == [(0, 32), (32, 64), (96, 128), (224, 256), (480, 256)]
    assert walk.stages[:3] == ["draft/0", "verify/1", "draft/32"]
    assert walk.stages[-1] == "repair"
    assert validator.tried == [f"c{number}" for number in range(700)]
    assert (found.tried, found.solved, found.candidates) == (700, False, ())


async def test_the_coder_gets_the_failures_of_the_targets_only(tmp_path: Path) -> None:
    walk, _ = await walk_over(tmp_path, many(1))
    await walk.run()
    assert [failure.type for failure in walk.coder.requests[0].failures] == ["TypeError", "KeyError"]


async def test_no_more_candidates_are_drafted_than_the_budget_allows(tmp_path: Path) -> None:
    walk, validator = await walk_over(tmp_path, many(100), budget=Budget(candidates=40))
    assert (await walk.run()).tried == 40
    assert [request.count for request in walk.coder.requests] == [32, 8]
    assert len(validator.tried) == 40


async def test_the_search_stops_at_the_plausible_limit_and_says_how_many_are_still_wanted(tmp_path: Path) -> None:
    plausible = [verdict_of(f"c{number}", Standing.plausible, "t1", "t2") for number in (3, 40, 41, 60)]
    walk, validator = await walk_over(tmp_path, many(700), *plausible, budget=Budget(plausible=3))
    found = await walk.run()
    assert [candidate.id for candidate in found.candidates] == ["c3", "c40", "c41"]
    assert [verdict.candidate for verdict in found.verdicts] == ["c3", "c40", "c41"]
    assert (found.solved, found.tried, found.notes) == (True, 42, ())
    assert [request.enough for request in walk.verifications] == [3, 2]
    assert validator.tried[-1] == "c41"
    assert "repair" not in walk.stages


async def test_after_the_first_plausible_patch_the_search_goes_on_for_a_while_only(tmp_path: Path) -> None:
    walk, _ = await walk_over(tmp_path, many(2000), verdict_of("c3", Standing.plausible, "t1", "t2"))
    found = await walk.run()
    assert found.solved
    assert 32 < found.tried < 2000
    assert "repair" not in walk.stages


async def test_nothing_is_tried_twice(tmp_path: Path) -> None:
    progress = verdict_of("c1", Standing.progress, "t1")
    first = [*many(3), plain_candidate("c0"), plain_candidate("c0")]
    deeper = [plain_candidate("c2"), plain_candidate("d0"), plain_candidate("c1"), plain_candidate("d0")]
    walk, validator = await walk_over(tmp_path, first, progress, deeper=deeper)
    found = await walk.run()
    assert validator.tried == ["c0", "c1", "c2", "d0"]
    assert found.tried == 4
    assert len(walk.stages) == len(set(walk.stages))


async def test_a_batch_without_anything_new_is_no_step(tmp_path: Path) -> None:
    again = many(32) * 2
    walk, _ = await walk_over(tmp_path, again)
    await walk.run()
    assert [stage for stage in walk.stages if stage.startswith("verify")] == ["verify/1"]


async def test_drafts_that_mend_different_targets_are_united(tmp_path: Path) -> None:
    one, two = plain_candidate("c0", start=0), plain_candidate("c1", start=10)
    union = Candidate.make_id((*one.edits, *two.edits))
    walk, validator = await walk_over(
        tmp_path,
        [one, two],
        verdict_of("c0", Standing.progress, "t1"),
        verdict_of("c1", Standing.progress, "t2"),
        verdict_of(union, Standing.plausible, "t1", "t2"),
        deeper=many(5, "d"),
    )
    found = await walk.run()
    assert walk.stages == ["draft/0", "verify/1", "repair", "verify/2"]
    assert [candidate.edits for candidate in found.candidates] == [(*one.edits, *two.edits)]
    assert found.solved
    assert validator.tried == ["c0", "c1", union]


async def test_without_a_union_that_works_drafts_are_made_upon_those_that_made_progress(tmp_path: Path) -> None:
    progress = verdict_of("c1", Standing.progress, "t1")
    solved = verdict_of("d2", Standing.plausible, "t1", "t2")
    walk, _ = await walk_over(tmp_path, many(3), progress, solved, deeper=many(4, "d"))
    found = await walk.run()
    assert walk.stages == ["draft/0", "verify/1", "repair", "redraft/0", "verify/2"]
    assert [seed.id for seed in walk.coder.requests[-1].seeds] == ["c1"]
    assert [candidate.id for candidate in found.candidates] == ["d2"]
    assert found.solved


async def test_without_any_progress_there_is_nothing_to_build_upon(tmp_path: Path) -> None:
    walk, _ = await walk_over(tmp_path, many(3), deeper=many(4, "d"))
    found = await walk.run()
    assert walk.stages == ["draft/0", "verify/1", "repair"]
    assert [verdict.candidate for verdict in walk.repairs[0].verdicts] == ["c0", "c1", "c2"]
    assert found == Found(tried=3)


async def test_without_a_solution_the_drafts_that_mend_most_come_home(tmp_path: Path) -> None:
    verdicts = [verdict_of(f"c{number}", Standing.progress, "t1") for number in (1, 2, 4)]
    verdicts += [verdict_of("c3", Standing.progress, "t1", "t2"), verdict_of("c0", Standing.regressed, "t1", "t2")]
    walk, _ = await walk_over(tmp_path, many(6), *verdicts)
    found = await walk.run()
    assert [candidate.id for candidate in found.candidates] == ["c3", "c1", "c2"]
    assert not found.solved


@pytest.mark.parametrize("standing", [Standing.plausible, Standing.progress, Standing.failed])
async def test_a_deadline_gives_the_best_so_far_and_says_so(tmp_path: Path, standing: Standing) -> None:
    verdict = verdict_of("c0", standing, *() if standing is Standing.failed else ("t1",))
    walk, validator = await walk_over(tmp_path, many(700), verdict, deeper=many(5, "d"))
    walk.tools.deadline = Deadline(0.0)
    found = await walk.run()
    assert validator.tried == ["c0"]
    assert walk.stages == ["draft/0", "verify/1"]
    assert found.notes == ("The search stopped at its deadline.",)
    assert len(found.candidates) == (standing is not Standing.failed)
    assert found.solved == (standing is Standing.plausible)


async def test_a_deadline_while_unions_are_tried_ends_the_search(tmp_path: Path) -> None:
    class Late(Debugger):
        async def run(self, request: RepairRequest, tools: Workbench) -> Any:
            tools.deadline = Deadline(0.0)
            return await super().run(request, tools)

    pairs = [plain_candidate(f"c{number}", start=10 * number) for number in range(3)]
    verdicts = [verdict_of("c0", Standing.progress, "t1"), verdict_of("c1", Standing.progress, "t2")]
    walk, validator = await walk_over(tmp_path, pairs, *verdicts, deeper=many(5, "d"))
    found = await search(walk.ask, Flock(coder=walk.coder, debugger=Late()), walk.tools, BASELINE, WHERE)
    assert walk.stages == ["draft/0", "verify/1", "repair", "verify/2"]
    assert len(validator.tried) == 4
    assert [candidate.id for candidate in found.candidates] == ["c0", "c1"]
    assert found.notes == ("The search stopped at its deadline.",)


async def test_verdicts_that_an_early_stop_left_out_do_not_count_as_tried(tmp_path: Path) -> None:
    class Impatient:
        name = "verifier"

        async def run(self, request: VerifyRequest, tools: Workbench) -> Verified:  # noqa: ARG002 - a role's interface
            return Verified(verdicts=(verdict_of(request.candidates[0].id),), stopped="deadline")

    walk, _ = await walk_over(tmp_path, many(5))
    found = await search(walk.ask, Flock(coder=walk.coder, verifier=Impatient()), walk.tools, BASELINE, WHERE)
    assert found.tried == 1


async def test_unions_and_deeper_drafts_stay_inside_the_budget(tmp_path: Path) -> None:
    singles = [plain_candidate(f"c{number}", start=10 * number) for number in range(8)]
    verdicts = [verdict_of(f"c{number}", Standing.progress, f"t{1 + number % 2}") for number in range(8)]
    budget = Budget(candidates=11)
    walk, validator = await walk_over(tmp_path, singles, *verdicts, deeper=many(50, "d"), budget=budget)
    found = await walk.run()
    assert (found.tried, len(validator.tried)) == (11, 11)
    assert validator.tried[:8] == [f"c{number}" for number in range(8)]


async def test_a_draft_after_which_the_test_fails_later_is_built_upon(tmp_path: Path) -> None:
    past = Verdict(
        candidate="c1",
        standing=Standing.failed,
        stopped_at="t1",
        failure_type="AssertionError",
        failure_message="assert 3 == 4",
    )
    same = past.model_copy(update={"candidate": "c0", "failure_type": "TypeError"})
    solved = verdict_of("d0", Standing.plausible, "t1", "t2")
    walk, _ = await walk_over(tmp_path, many(3), past, same, solved, deeper=many(4, "d"))
    found = await walk.run()
    assert [seed.id for seed in walk.coder.requests[-1].seeds] == ["c1"]
    assert [candidate.id for candidate in found.candidates] == ["d0"]


async def test_a_third_edit_is_tried_only_upon_pairs_that_mend_more_than_any_single_draft(tmp_path: Path) -> None:
    where = Localisation(plan=ValidationPlan(targets=("t1", "t2", "t3")))
    single = verdict_of("c0", Standing.progress, "t1")
    pair = verdict_of("d1", Standing.progress, "t1", "t2")
    walk, _ = await walk_over(tmp_path, many(2), single, pair, deeper=many(3, "d"))
    await walk.run(where)
    assert walk.stages == ["draft/0", "verify/1", "repair", "redraft/0", "verify/2", "repair-3", "redraft-3/0"]
    assert [seed.id for seed in walk.coder.requests[-1].seeds] == ["d1"]
    walk, _ = await walk_over(tmp_path / "other", many(2), single, verdict_of("d1", Standing.progress, "t2"),
                              deeper=many(3, "d"))  # fmt: skip
    await walk.run(where)
    assert walk.stages[-1] == "verify/2"
