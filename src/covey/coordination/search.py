"""The search loop: draft, verify, and build on what made progress, inside the budget."""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.agents.slots import DraftRequest, Drafts, Localisation, RepairRequest, Seeds, Verified, VerifyRequest
from covey.agents.workbench import Workbench
from covey.coordination.deepening import promising
from covey.coordination.flock import Ask, Flock
from covey.coordination.proposals import propose
from covey.core.patch import Candidate
from covey.core.repair import Standing, Verdict
from covey.core.testing import Failure, TestReport

_BATCHES = (32, 64, 128, 256)
_PATIENCE = (80, 300)
"""At least and at most so many candidates are tried after the first plausible one, so that the judge has something to
choose from; between the two as many as it took to find it: what came late has more competitors still to come."""
_DEEP_CANDIDATES = 4_000
_LATER_CANDIDATES = 1_500
_DEPTHS = ("", "-3")
"""Suffixes of the stages of the second and the third depth."""


@dataclass(frozen=True)
class Found:
    """What the search brings home: plausible candidates, or the best of those that made progress."""

    candidates: tuple[Candidate, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    solved: bool = False
    tried: int = 0
    notes: tuple[str, ...] = ()


@dataclass
class Search:
    """The loop's memory. All of it follows from recorded answers, so a resumed search stands where it was.

    ``tried``: candidate id → the candidate and the verdict on it. ``denied``: ids that are not brought home.
    """

    ask: Ask
    flock: Flock
    tools: Workbench
    baseline: TestReport
    where: Localisation
    tried: dict[str, tuple[Candidate, Verdict]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    first_plausible: int | None = None
    stopped: str = ""
    batches: int = 0

    @property
    def plausible(self) -> list[tuple[Candidate, Verdict]]:
        """What passed the tests and was not denied."""
        found = (pair for pair in self.tried.values() if pair[1].standing is Standing.plausible)
        return [pair for pair in found if pair[0].id not in self.denied]

    @property
    def failures(self) -> dict[str, Failure]:
        """How each target fails, in the order of the baseline."""
        targets = frozenset(self.where.plan.targets)
        return {one.id: one.failure for one in self.baseline.results if one.id in targets and one.failure}

    @property
    def enough(self) -> bool:
        """True when the search has found what it may, tried what it may, or run out of time."""
        first = self.first_plausible
        patience = first is not None and len(self.tried) - first >= min(max(first, _PATIENCE[0]), _PATIENCE[1])
        budget = self.tools.budget
        full = len(self.plausible) >= budget.plausible or len(self.tried) >= budget.candidates
        return bool(self.stopped) or patience or full

    async def verify(self, candidates: tuple[Candidate, ...]) -> None:
        """Try those not tried before and remember the verdicts."""
        fresh = tuple(item for item in {item.id: item for item in candidates}.values() if item.id not in self.tried)
        fresh = fresh[: max(0, self.tools.budget.candidates - len(self.tried))]
        if not fresh:
            return
        request = VerifyRequest(
            candidates=fresh, plan=self.where.plan, enough=self.tools.budget.plausible - len(self.plausible)
        )
        self.batches += 1
        checked = await self.ask(f"verify/{self.batches}", self.flock.verifier, request, Verified)
        by_id = {item.id: item for item in fresh}
        for verdict in checked.verdicts:
            self.tried[verdict.candidate] = (by_id[verdict.candidate], verdict)
            if verdict.standing is Standing.plausible and self.first_plausible is None:
                self.first_plausible = len(self.tried)
        self.stopped = checked.stopped

    async def draw(self, stage: str, seeds: tuple[Candidate, ...], at_most: int) -> None:
        """Draft and verify batch after batch from one source of drafts."""
        offset, round_ = 0, 0
        while not self.enough and offset < at_most:
            room = self.tools.budget.candidates - len(self.tried)
            count = min(_BATCHES[min(round_, len(_BATCHES) - 1)], at_most - offset, room)
            request = DraftRequest(
                suspects=self.where.suspects,
                failures=tuple(self.failures.values()),
                offset=offset,
                count=count,
                seeds=seeds,
            )
            drafts = await self.ask(f"{stage}/{offset}", self.flock.coder, request, Drafts)
            self.allow(drafts.candidates)
            await self.verify(drafts.candidates)
            offset, round_ = offset + len(drafts.candidates), round_ + 1
            if drafts.exhausted:
                return

    def deny(self, candidate: str) -> None:
        """Leave a candidate out; where it was the only plausible one, the search goes on as if there were none."""
        self.denied.add(candidate)
        if not self.plausible:
            self.first_plausible = None
        if self.stopped == "enough":
            self.stopped = ""

    def allow(self, candidates: tuple[Candidate, ...]) -> None:
        """Take denials back: what is found without a model, no model takes away."""
        self.denied -= {item.id for item in candidates}
        if self.plausible and self.first_plausible is None:
            self.first_plausible = len(self.tried)

    async def templates(self) -> None:
        """Let the templates draft, and build upon what made progress."""
        await self.draw("draft", (), self.tools.budget.candidates)
        await _deepen(self, self.failures)

    def found(self, notes: tuple[str, ...] = ()) -> Found:
        """What there is to bring home: plausible candidates, or the best of those that made progress."""
        kept = self.plausible or _closest(self)
        late = ("The search stopped at its deadline.",) if self.stopped == "deadline" else ()
        return Found(
            candidates=tuple(candidate for candidate, _ in kept),
            verdicts=tuple(verdict for _, verdict in kept),
            solved=bool(self.plausible),
            tried=len(self.tried),
            notes=(*notes, *late),
        )


async def search(
    ask: Ask,
    flock: Flock,
    tools: Workbench,
    baseline: TestReport,
    where: Localisation,
) -> Found:
    """Draft → verify until enough is found; then, if nothing is plausible, repair the drafts that came closest."""
    state = Search(ask, flock, tools, baseline, where)
    await propose(
        ask, flock, baseline=baseline, where=where, count=tools.drafts, verify=state.verify, tried=state.tried
    )
    await state.templates()
    return state.found()


async def _deepen(state: Search, before: dict[str, Failure]) -> None:
    """Build upon drafts that made progress; a third edit only upon pairs that mend more than any single draft."""
    known, mended = 0, 0
    for suffix in _DEPTHS:
        if state.plausible or state.enough:
            return
        fresh = list(state.tried.values())[known:]
        pairs = promising(fresh, before, mended)
        known, mended = known + len(fresh), max((len(two.flipped) for _, two in pairs), default=0)
        if suffix and not pairs:
            return
        if not suffix:  # whoever fills the slot sees all that was tried
            nearer = {one.id: two for one, two in pairs}
            pairs = tuple((one, nearer.get(one.id, two)) for one, two in fresh)
        request = RepairRequest(candidates=tuple(one for one, _ in pairs), verdicts=tuple(two for _, two in pairs))
        near = await state.ask(f"repair{suffix}", state.flock.debugger, request, Seeds)
        await state.verify(near.unions)
        if near.seeds and not state.plausible:
            await state.draw(f"redraft{suffix}", near.seeds, _DEEP_CANDIDATES if mended else _LATER_CANDIDATES)
        if not mended:
            return


def _closest(state: Search) -> list[tuple[Candidate, Verdict]]:
    """Candidates that turned most targets green and broke nothing; at most three."""
    progress = [pair for pair in state.tried.values() if pair[1].standing is Standing.progress]
    progress.sort(key=lambda pair: -len(pair[1].flipped))
    return progress[:3]
