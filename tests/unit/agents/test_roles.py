"""Each role by itself: what it makes of a request with the tools it gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

import pytest

from covey.agents.coder import Coder
from covey.agents.debugger import Debugger
from covey.agents.documenter import Documenter
from covey.agents.localiser import Localiser
from covey.agents.reviewer import Reviewer
from covey.agents.selector import Selector
from covey.agents.slots import (
    Brief,
    DocumentRequest,
    DraftRequest,
    Localisation,
    LocaliseRequest,
    RepairRequest,
    Reproduction,
    ReviewRequest,
    SelectRequest,
    TestRequest,
    UnderstandRequest,
    VerifyRequest,
)
from covey.agents.tester import Tester
from covey.agents.understander import Understander
from covey.agents.verifier import Verifier
from covey.agents.workbench import Workbench
from covey.core.budget import Deadline
from covey.core.patch import Candidate, Label, Patch
from covey.core.repair import Spectrum, Standing, Suspect, TracedTest, ValidationPlan, Verdict
from covey.core.review import Evaluation, Resolution
from covey.core.testing import Frame, TestReport
from covey.testing.roles import ScriptedValidator
from covey.workspace.diff import make_patch
from support_roles import (
    SHOP,
    ScriptedRunner,
    candidate_of,
    failed,
    make_bench,
    passed,
    plain_candidate,
    report_of,
    verdict_of,
)

pytestmark = pytest.mark.requirement("A2", "B2", "F1")


# -- understander


async def understood(tmp_path: Path, statement: str) -> Brief:
    tools = await make_bench(tmp_path)
    return await Understander().run(UnderstandRequest(statement=statement), tools)


async def test_paths_of_a_traceback_are_placed_into_the_tree(tmp_path: Path) -> None:
    text = (
        "It breaks\n\nTraceback (most recent call last):\n"
        '  File "/usr/lib/python3.11/runpy.py", line 10, in run\n'
        '  File "/home/me/site-packages/shop/cart.py", line 4, in total\n'
        '  File "tests/test_cart.py", line 8, in test_total\n'
        "TypeError: no\n"
    )
    brief = await understood(tmp_path, text)
    assert [(frame.path, frame.line) for frame in brief.frames] == [("shop/cart.py", 4), ("tests/test_cart.py", 8)]
    assert (brief.title, brief.exception) == ("It breaks", "TypeError")


async def test_files_are_kept_where_they_are_in_the_tree_and_symbols_without_a_place(tmp_path: Path) -> None:
    brief = await understood(tmp_path, "`total` in shop/cart.py and nowhere/else.py, see tests/test_cart.py::CartTest")
    assert brief.files == ("shop/cart.py", "tests/test_cart.py")
    assert brief.tests == ("tests/test_cart.py::CartTest",)
    assert Frame(path="", line=0, function="total") in brief.mentioned


async def test_interactive_examples_become_one_session(tmp_path: Path) -> None:
    text = "Wrong:\n\n>>> x = [1,\n...      2]\n\nand then\n\n>>> sum(x)\n3\n"
    brief = await understood(tmp_path, text)
    assert brief.snippets == (">>> x = [1,\n...      2]\n>>> sum(x)\n3\n",)


async def test_python_blocks_are_examples_and_blocks_of_other_languages_are_not(tmp_path: Path) -> None:
    text = "```python\ntotal([1])\n```\n\n```json\n{}\n```\n\n```\ntotal([2])\n```\n"
    assert (await understood(tmp_path, text)).snippets == ("total([1])\n", "total([2])\n")


async def test_no_words_are_an_empty_brief(tmp_path: Path) -> None:
    assert await understood(tmp_path, "") == Brief()


# -- tester


async def test_the_tester_runs_what_is_asked_on_the_search_tree(tmp_path: Path) -> None:
    runner = ScriptedRunner(report_of(passed("a")))
    tools = await make_bench(tmp_path, runner=runner, holdout=("tests/test_cart.py", "x::y"))
    assert await Tester().run(TestRequest(tests=("a",)), tools) == report_of(passed("a"))
    assert (runner.tests, runner.deselected) == ([("a",)], [("x::y",)])
    assert runner.trees[0].removed == ("tests/test_cart.py",)


# -- localiser


def traced(name: str, lines: Mapping[str, tuple[int, ...]], *, green: bool = True, partial: bool = False) -> TracedTest:
    result = (passed if green else failed)(name).model_copy(update={"duration_s": 0.3})
    return TracedTest(result=result, lines=dict(lines), partial=partial)


CART = {"shop/cart.py": (1, 2, 3, 4)}


async def localised(
    tmp_path: Path, baseline: TestReport, spectrum: Spectrum, targets: tuple[str, ...] = ("red",)
) -> tuple[Localisation, ScriptedValidator]:
    validator = ScriptedValidator(spectrum=spectrum)
    tools = await make_bench(tmp_path, validator=validator)
    request = LocaliseRequest(brief=Brief(), baseline=baseline, reproduction=Reproduction(targets=targets))
    return await Localiser().run(request, tools), validator


async def test_targets_are_traced_first_then_the_nearest_passing_tests(tmp_path: Path) -> None:
    baseline = report_of(
        passed("far", "other/test_x.py"),
        passed("folder", "tests/test_y.py"),
        failed("red", path="tests/test_cart.py"),
        passed("file", "tests/test_cart.py"),
        passed("nowhere"),
        failed("red too", path="tests/test_cart.py"),
    )
    _, validator = await localised(tmp_path, baseline, Spectrum())
    assert validator.traced == [("red", "file", "folder", "far", "nowhere")]


class TracingValidator(ScriptedValidator):
    """Each test that is asked for runs the lines written for its file; ``took`` is told of every trace."""

    def __init__(self, lines: Mapping[str, Mapping[str, tuple[int, ...]]], took: Callable[[], None]) -> None:
        super().__init__()
        self.lines = lines
        self.took = took

    async def trace(self, tests: Sequence[str], timeout_s: float) -> Spectrum:
        await super().trace(tests, timeout_s)
        self.took()
        return Spectrum(
            tests=tuple(
                traced(test, self.lines.get(test.split("::")[0], {}), green=not test.endswith("::red"))
                for test in tests
            )
        )


async def rounds(tmp_path: Path, tests: Mapping[str, int], near: set[str], round_s: float = 0.0) -> list[list[str]]:
    """Files of the tests of each trace, where a red test of tests/test_cart.py and those of ``near`` run the cart."""
    names = [f"{path}::test_{number}" for path, count in tests.items() for number in range(count)]
    clock = [0.0]

    def passes() -> None:
        clock[0] += round_s

    validator = TracingValidator(dict.fromkeys(near | {"tests/test_cart.py"}, CART), passes)
    files = {**SHOP, "far/test_named.py": "from shop import cart\n"}
    tools = await make_bench(tmp_path, files, validator=validator)
    tools.deadline = Deadline(100.0, clock=lambda: clock[0])
    red = failed("tests/test_cart.py::red", path="tests/test_cart.py")
    baseline = report_of(red, *(passed(name, name.split("::")[0]) for name in names))
    request = LocaliseRequest(brief=Brief(), baseline=baseline, reproduction=Reproduction(targets=(red.id,)))
    found = await Localiser().run(request, tools)
    assert found.traced == sum(map(len, validator.traced))
    assert bool(found.notes) == (round_s > 0)
    return [[test.split("::")[0] for test in asked] for asked in validator.traced]


async def test_tracing_ends_when_further_tests_run_nothing_that_the_red_one_runs(tmp_path: Path) -> None:
    found = await rounds(tmp_path, {"tests/test_other.py": 200}, set())
    assert [len(asked) for asked in found] == [61]


async def test_of_very_many_targets_the_first_are_traced_and_all_decide(tmp_path: Path) -> None:
    targets = tuple(f"red {number}" for number in range(70))
    spectrum = Spectrum(tests=tuple(traced(test, CART, green=False) for test in targets[:60]))
    found, validator = await localised(tmp_path, report_of(*map(failed, targets)), spectrum, targets)
    assert validator.traced == [targets[:60]]
    assert (found.plan.targets, found.suspects[0].path) == (targets, "shop/cart.py")


async def test_tests_whose_file_names_a_module_that_the_red_test_runs_are_traced_next(tmp_path: Path) -> None:
    found = await rounds(tmp_path, {"tests/test_other.py": 70, "far/test_x.py": 50, "far/test_named.py": 9}, set())
    assert [len(asked) for asked in found] == [61, 60]
    assert found[1][:9] == ["far/test_named.py"] * 9


async def test_tracing_ends_when_enough_tests_share_the_lines(tmp_path: Path) -> None:
    found = await rounds(tmp_path, {"tests/test_other.py": 900}, {"tests/test_other.py"})
    assert [len(asked) for asked in found] == [61, 60, 60, 60]


async def test_tracing_leaves_time_for_the_search_and_says_so(tmp_path: Path) -> None:
    found = await rounds(tmp_path, {"tests/test_other.py": 900}, {"tests/test_other.py"}, round_s=20.0)
    assert [len(asked) for asked in found] == [61, 60]


async def test_lines_that_only_red_tests_run_are_the_first_suspects(tmp_path: Path) -> None:
    spectrum = Spectrum(
        tests=(traced("red", CART, green=False), traced("green", {"shop/cart.py": (1, 2)})), notes=("a note",)
    )
    found, _ = await localised(tmp_path, report_of(failed("red"), passed("green")), spectrum)
    assert found.suspects
    assert {(suspect.path, suspect.line) for suspect in found.suspects[:2]} <= {
        ("shop/cart.py", 3),
        ("shop/cart.py", 4),
    }
    assert (found.traced, found.notes) == (2, ("a note",))


async def test_tests_that_do_not_pass_under_the_validator_do_not_decide_about_candidates(tmp_path: Path) -> None:
    spectrum = Spectrum(
        tests=(traced("red", CART, green=False), traced("steady", CART), traced("shaky", CART, green=False))
    )
    baseline = report_of(failed("red"), passed("steady"), passed("shaky"))
    plan = (await localised(tmp_path, baseline, spectrum))[0].plan
    assert (plan.targets, plan.regressions) == (("red",), ("steady",))
    assert plan.covering == {"shop/cart.py": ("steady",)}


async def test_without_a_trace_every_passing_test_decides(tmp_path: Path) -> None:
    found, _ = await localised(tmp_path, report_of(failed("red"), passed("a"), passed("b")), Spectrum())
    assert (found.plan.regressions, found.plan.covering) == (("a", "b"), None)
    assert found.plan.timeout_s == 10


async def test_a_candidate_gets_time_in_proportion_to_the_tests_within_bounds(tmp_path: Path) -> None:
    quick = Spectrum(tests=(traced("red", CART, green=False),))
    plan = (await localised(tmp_path / "a", report_of(failed("red")), quick))[0].plan
    assert 1 <= plan.timeout_s <= 10
    hanging = Spectrum(tests=(traced("red", CART, green=False, partial=True),))
    plan = (await localised(tmp_path / "b", report_of(failed("red")), hanging))[0].plan
    assert plan.timeout_s == 1  # a test that was stopped says nothing about how long tests take


# -- coder


def draft(*suspects: Suspect, offset: int = 0, count: int = 10, seeds: tuple[Candidate, ...] = ()) -> DraftRequest:
    return DraftRequest(suspects=suspects, offset=offset, count=count, seeds=seeds)


SUSPECT = Suspect(path="shop/cart.py", line=4, score=1.0)


async def test_drafts_are_parsed_edits_at_suspicious_lines_and_never_repeat(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    drafts = await Coder().run(draft(SUSPECT, count=200), tools)
    assert drafts.candidates
    assert drafts.exhausted
    assert len({candidate.id for candidate in drafts.candidates}) == len(drafts.candidates)
    texts = []
    for candidate in drafts.candidates:
        tree = await tools.candidate_tree(candidate)
        texts.append(Path(tree.layer or "", "shop/cart.py").read_text())
        compile(texts[-1], "candidate", "exec")
    assert SHOP["shop/cart.py"].replace("-=", "+=") in texts


async def test_the_same_request_gives_the_same_drafts_from_any_offset_and_any_coder(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    whole = (await Coder().run(draft(SUSPECT, count=12), tools)).candidates
    coder = Coder()
    later = (await coder.run(draft(SUSPECT, offset=5, count=7), tools)).candidates
    first = (await coder.run(draft(SUSPECT, count=5), tools)).candidates
    assert (*first, *later) == whole


async def test_drafts_upon_a_seed_hold_the_edits_of_the_seed(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    seed = candidate_of(tools, "shop/cart.py", "result = 0", "result = 1")
    drafts = await Coder().run(draft(SUSPECT, count=5, seeds=(seed,)), tools)
    assert drafts.candidates
    for candidate in drafts.candidates:
        tree = await tools.candidate_tree(candidate)
        assert "result = 1" in Path(tree.layer or "", "shop/cart.py").read_text()


async def test_nothing_suspicious_is_nothing_to_draft(tmp_path: Path) -> None:
    drafts = await Coder().run(draft(), await make_bench(tmp_path))
    assert (drafts.candidates, drafts.exhausted) == ((), True)


# -- verifier


PLAN = ValidationPlan(targets=("t",))


def trying(count: int, enough: int = 8) -> VerifyRequest:
    return VerifyRequest(candidates=tuple(plain_candidate(f"c{n}") for n in range(count)), plan=PLAN, enough=enough)


class ClosableValidator(ScriptedValidator):
    """Says whether an iteration that was left early is really over."""

    closed = 0

    async def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncGenerator[Verdict, None]:
        try:
            async for verdict in super().validate(candidates, plan):
                yield verdict
        finally:
            self.closed += 1


async def test_every_draft_gets_a_verdict_in_order(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path, validator=ScriptedValidator())
    found = await Verifier().run(trying(5), tools)
    assert [verdict.candidate for verdict in found.verdicts] == ["c0", "c1", "c2", "c3", "c4"]
    assert found.stopped == ""
    assert (tools.metrics["candidates"], tools.metrics["plausible"]) == (5, 0)


async def test_verification_stops_once_enough_are_plausible_and_abandons_the_rest_at_once(tmp_path: Path) -> None:
    plausible = {f"c{n}": verdict_of(f"c{n}", Standing.plausible) for n in (1, 2)}
    validator = ClosableValidator(plausible)
    tools = await make_bench(tmp_path, validator=validator)
    found = await Verifier().run(trying(5, enough=2), tools)
    assert ([verdict.candidate for verdict in found.verdicts], found.stopped) == (["c0", "c1", "c2"], "enough")
    assert validator.tried == ["c0", "c1", "c2"]
    assert validator.closed == 1


async def test_verification_stops_at_the_deadline_with_what_was_seen(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path, validator=ScriptedValidator())
    tools.deadline = Deadline(0.0)
    found = await Verifier().run(trying(5), tools)
    assert ([verdict.candidate for verdict in found.verdicts], found.stopped) == (["c0"], "deadline")


async def test_progress_counts_over_the_whole_run(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    validator = ScriptedValidator({"c1": verdict_of("c1", Standing.plausible)})
    tools = await make_bench(tmp_path, validator=validator)
    tools.observer = lambda progress: seen.append((progress.tried, progress.plausible))
    for _ in range(2):
        await Verifier().run(trying(2), tools)
    assert seen == [(1, 0), (2, 1), (3, 1), (4, 2)]


# -- debugger


async def mended(
    tmp_path: Path, *pairs: tuple[Candidate, tuple[str, ...], Standing]
) -> tuple[list[str], list[Candidate]]:
    request = RepairRequest(
        candidates=tuple(candidate for candidate, _, _ in pairs),
        verdicts=tuple(verdict_of(candidate.id, standing, *flipped) for candidate, flipped, standing in pairs),
    )
    seeds = await Debugger().run(request, await make_bench(tmp_path))
    return [seed.id for seed in seeds.seeds], list(seeds.unions)


async def test_only_drafts_that_made_progress_are_built_upon_most_targets_first(tmp_path: Path) -> None:
    seeds, _ = await mended(
        tmp_path,
        (plain_candidate("one"), ("t1",), Standing.progress),
        (plain_candidate("broke"), ("t1", "t2"), Standing.regressed),
        (plain_candidate("two"), ("t1", "t2"), Standing.progress),
        (plain_candidate("none"), (), Standing.failed),
    )
    assert seeds == ["two", "one"]


async def test_drafts_for_different_targets_are_united_unless_their_edits_overlap(tmp_path: Path) -> None:
    one, same, two = plain_candidate("a", 20), plain_candidate("b", 20), plain_candidate("c", 5)
    _, unions = await mended(
        tmp_path,
        (one, ("t1",), Standing.progress),
        (same, ("t2",), Standing.progress),
        (two, ("t2",), Standing.progress),
    )
    (union,) = unions
    assert union.edits == (*two.edits, *one.edits)
    assert (union.id, union.origin) == (Candidate.make_id(union.edits), "operator + operator")


async def test_a_draft_that_mends_no_more_than_another_is_not_united_with_it(tmp_path: Path) -> None:
    _, unions = await mended(
        tmp_path,
        (plain_candidate("a", 0), ("t1", "t2"), Standing.progress),
        (plain_candidate("b", 9), ("t2",), Standing.progress),
    )
    assert unions == []


# -- selector


async def test_plausible_drafts_become_ranked_patches(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    good = candidate_of(tools, "shop/cart.py", "-=", "+=", origin="compound-assignment")
    big = candidate_of(tools, "shop/cart.py", "result -= value", "result = result + value + 0 * len(values)")
    request = SelectRequest(
        candidates=(big, good), verdicts=tuple(verdict_of(c.id, Standing.plausible, "t") for c in (good, big))
    )
    selection = await Selector().run(request, tools)
    assert [scored.candidate.id for scored in selection.ranking] == [good.id, big.id]
    assert [patch.candidate for patch in selection.patches] == [good, big]
    first = selection.patches[0]
    assert (first.label, first.files, first.id) == (Label.plausible, ("shop/cart.py",), Patch.make_id(first.diff))
    assert first.explanation


async def test_drafts_that_only_made_progress_keep_their_order_and_get_no_label(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    near = [candidate_of(tools, "shop/cart.py", "-=", new) for new in ("*=", "+=")]
    request = SelectRequest(
        candidates=tuple(near), verdicts=tuple(verdict_of(c.id, Standing.progress, "t") for c in near)
    )
    selection = await Selector().run(request, tools)
    assert [patch.candidate for patch in selection.patches] == near
    assert {patch.label for patch in selection.patches} == {None}


async def test_of_nothing_nothing_is_selected(tmp_path: Path) -> None:
    selection = await Selector().run(SelectRequest(candidates=(), verdicts=()), await make_bench(tmp_path))
    assert (selection.ranking, selection.patches) == ((), ())


# -- reviewer


async def patch_with(tools: Workbench, path: str, old: str, new: str) -> Patch:
    candidate = candidate_of(tools, path, old, new)
    changed = tools.sources[path].decode().replace(old, new, 1)
    return await make_patch(tools.ground.snapshot, {path: changed.encode()}, origin="test", candidate=candidate)


async def test_a_small_patch_of_source_is_approved(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    patch = await patch_with(tools, "shop/cart.py", "-=", "+=")
    review = await Reviewer().run(ReviewRequest(patch=patch, demotions=("it is odd",)), tools)
    assert (review.approved, review.blocking, review.concerns) == (True, (), ("it is odd",))
    assert (review.patch, review.changed_lines) == (patch.id, 2)


@pytest.mark.parametrize(
    "path", ["tests/test_cart.py", "conftest.py", "setup.cfg", "pyproject.toml", ".github/x.yml", "shop/test_cart.py"]
)
async def test_a_patch_that_touches_how_it_is_judged_is_blocked(tmp_path: Path, path: str) -> None:
    tools = await make_bench(tmp_path, {**SHOP, path: "value = 1\n"})
    review = await Reviewer().run(ReviewRequest(patch=await patch_with(tools, path, "1", "2")), tools)
    assert not review.approved
    assert path in review.blocking[0]


async def test_a_patch_that_is_not_valid_python_is_blocked(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    patch = await patch_with(tools, "shop/cart.py", "return result", "return (result")
    review = await Reviewer().run(ReviewRequest(patch=patch), tools)
    assert not review.approved
    assert "shop/cart.py is not valid Python after the patch" in review.blocking[0]


async def test_a_patch_that_changes_nothing_is_blocked(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    empty = Patch(id="p", base=tools.ground.snapshot.id, diff="", files=())
    review = await Reviewer().run(ReviewRequest(patch=empty), tools)
    assert (review.approved, review.blocking) == (False, ("The patch changes nothing.",))


@pytest.mark.parametrize(("lines", "approved"), [(30, True), (50, True), (450, False)])
async def test_the_size_of_a_patch_is_a_concern_and_then_a_reason(tmp_path: Path, lines: int, approved: bool) -> None:
    tools = await make_bench(tmp_path)
    text = "".join(f"    print({number})\n" for number in range(lines)) + "    return result"
    patch = await patch_with(tools, "shop/cart.py", "    return result", text)
    review = await Reviewer().run(ReviewRequest(patch=patch), tools)
    assert review.approved is approved
    assert review.changed_lines == lines


async def test_a_large_patch_is_a_concern(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    text = "".join(f"    print({number})\n" for number in range(100)) + "    return result"
    patch = await patch_with(tools, "shop/cart.py", "    return result", text)
    review = await Reviewer().run(ReviewRequest(patch=patch), tools)
    assert (review.approved, review.concerns) == (True, ("The patch changes 100 lines.",))


async def test_only_lint_findings_that_the_patch_brings_are_a_concern(tmp_path: Path) -> None:
    untidy = "import os\nimport re\n\n\n" + SHOP["shop/cart.py"]
    tools = await make_bench(tmp_path, {**SHOP, "shop/cart.py": untidy})
    review = await Reviewer().run(
        ReviewRequest(patch=await patch_with(tools, "shop/cart.py", "return result", "return reslt")), tools
    )
    assert review.approved
    assert review.concerns == ("shop/cart.py: undefined name 'reslt'.",)
    moved = await patch_with(tools, "shop/cart.py", "\n\n\ndef", "\n\n\n\ndef")
    assert (await Reviewer().run(ReviewRequest(patch=moved), tools)).concerns == ()
    other = await patch_with(tools, "shop/cart.py", "import re", "import sys")
    assert (await Reviewer().run(ReviewRequest(patch=other), tools)).concerns == (
        "shop/cart.py: 'sys' imported but unused.",
    )


# -- documenter


def outcome(patch: Patch | None, evaluation: Evaluation | None = None, alternatives: int = 0) -> DocumentRequest:
    return DocumentRequest(
        brief=Brief(),
        reproduction=Reproduction(targets=("t1", "t2"), notes=("a note",)),
        localisation=Localisation(suspects=(SUSPECT,)),
        patch=patch,
        review=None,
        evaluation=evaluation,
        alternatives=alternatives,
        tried=41,
    )


PATCH = Patch(
    id="p", base="b", diff="", files=("shop/cart.py",), candidate=plain_candidate("c"), explanation="`-=` becomes `+=`."
)
VERDICT = Evaluation(
    patch="p",
    resolution=Resolution.resolved,
    label=Label.no_regressions,
    before=report_of(failed("t1"), failed("t2"), passed("t3")),
    after=report_of(passed("t1"), passed("t2"), passed("t3")),
)


async def test_the_story_of_a_patch_has_place_reason_and_counts(tmp_path: Path) -> None:
    story = await Documenter().run(outcome(PATCH, VERDICT, alternatives=2), await make_bench(tmp_path))
    assert story.headline == "Repaired 2 failing tests in shop/cart.py:1."
    assert story.sentences == (
        "`-=` becomes `+=`.",
        "Red before: 2 of 3 tests; after: 0 of 3.",
        "2 other patch(es) pass the target tests too; see alternatives.",
    )


async def test_the_story_of_a_partial_patch_claims_no_more_than_it_did(tmp_path: Path) -> None:
    story = await Documenter().run(outcome(PATCH, alternatives=1), await make_bench(tmp_path))
    assert story.headline == "Repaired some of 2 failing tests in shop/cart.py:1."
    assert story.sentences[-1] == "1 other patch(es) also mend some of them; see alternatives."


async def test_the_story_without_a_patch_says_what_was_tried_and_where_to_look(tmp_path: Path) -> None:
    story = await Documenter().run(outcome(None), await make_bench(tmp_path))
    assert story.headline == "No acceptable patch was found."
    assert story.sentences == (
        "41 candidates were tried against 2 failing test(s).",
        "The most suspicious lines are shop/cart.py:4.",
        "a note",
    )
