"""The re-ranking hook: a ranker changes the order of drafts, never which drafts there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from covey.agents.coder import Coder
from covey.agents.ranking import BATCH, NoRanker, RankRequest, Scores, reordered, scored
from covey.agents.selector import Selector
from covey.agents.slots import DraftRequest, SelectRequest
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.core.patch import Candidate
from covey.core.repair import Standing, Suspect
from support_roles import make_bench, plain_candidate, verdict_of

SUSPECT = Suspect(path="shop/cart.py", line=2, score=1.0)


class ScriptedRanker:
    """Scores drafts by a function; keeps what it was asked."""

    name = "ranker"

    def __init__(self, score: Callable[[Candidate], float]) -> None:
        self.score = score
        self.requests: list[RankRequest] = []

    async def run(self, request: RankRequest, tools: Workbench) -> Scores:  # noqa: ARG002 - the interface of a role
        self.requests.append(request)
        return Scores(scores=tuple(self.score(candidate) for candidate in request.candidates))


def draft(offset: int, count: int) -> DraftRequest:
    return DraftRequest(suspects=(SUSPECT,), offset=offset, count=count)


async def drafts_of(coder: Coder, tools: Workbench, *parts: int) -> list[str]:
    found: list[str] = []
    for count in parts:
        answer = await coder.run(draft(len(found), count), tools)
        found += [candidate.id for candidate in answer.candidates]
    return found


async def test_a_ranker_puts_the_likelier_draft_first_and_loses_none(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    plain = await drafts_of(Coder(), tools, 40)
    assert len(plain) > 12
    wanted = plain[11]
    ranker = ScriptedRanker(lambda candidate: 1.0 if candidate.id == wanted else 0.0)
    ranked = await drafts_of(Coder(ranker), tools, 5, 35)
    assert ranked[0] == wanted
    assert sorted(ranked) == sorted(plain)
    assert [one for one in ranked if one != wanted] == [one for one in plain if one != wanted]


async def test_requests_are_bounded_and_nothing_is_scored_twice(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    ranker = ScriptedRanker(lambda _: 0.5)
    coder = Coder(ranker)
    plain = await drafts_of(Coder(), tools, 60)
    assert await drafts_of(coder, tools, 10, 10, 40) == plain
    assert all(len(request.candidates) <= BATCH for request in ranker.requests)
    asked = [candidate.id for request in ranker.requests for candidate in request.candidates]
    assert len(asked) == len(set(asked))


async def test_the_floor_leaves_every_order_as_it_is(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    assert await drafts_of(Coder(NoRanker()), tools, 30) == await drafts_of(Coder(), tools, 30)
    candidates = [plain_candidate(f"c{number}") for number in range(50)]
    scores = await scored(NoRanker(), candidates, (), tools)
    assert reordered(candidates, scores) == tuple(candidates)


async def test_scores_that_are_no_scores_count_as_even(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    candidates = [plain_candidate(f"c{number}") for number in range(3)]

    class Refusing(ScriptedRanker):
        async def run(self, request: RankRequest, tools: Workbench) -> Scores:  # noqa: ARG002 - a role's interface
            raise AgentFeedback("the model said nothing of use")

    class Short(ScriptedRanker):
        async def run(self, request: RankRequest, tools: Workbench) -> Scores:  # noqa: ARG002 - a role's interface
            return Scores(scores=(1.0,))

    for ranker in (Refusing(lambda _: 1.0), Short(lambda _: 1.0), ScriptedRanker(lambda _: float("nan"))):
        assert await scored(ranker, candidates, (), tools) == [0.5, 0.5, 0.5]
    assert await scored(ScriptedRanker(lambda _: 7.0), candidates, (), tools) == [1.0, 1.0, 1.0]


async def test_the_selector_weighs_the_judges_ranking(tmp_path: Path) -> None:
    tools = await make_bench(tmp_path)
    drafts = (await Coder().run(draft(0, 6), tools)).candidates
    verdicts = tuple(verdict_of(candidate.id, Standing.plausible) for candidate in drafts)
    request = SelectRequest(candidates=drafts, verdicts=verdicts)
    plain = [one.candidate.id for one in (await Selector().run(request, tools)).ranking]
    assert len(plain) > 1
    likely = ScriptedRanker(lambda candidate: float(candidate.id == plain[1]))
    ranked = [one.candidate.id for one in (await Selector(likely).run(request, tools)).ranking]
    assert ranked[0] == plain[1]
    assert sorted(ranked) == sorted(plain)
