"""What all policies with several agents share: who is asked, what was tried, and when the rules end it.

Every draft is tried by the tests before the next step, whatever its author says of it. Afterwards the templates of the
model-free engine compete in the same ranking, so a team is never worse than no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from covey.agents.critic import Procedure
from covey.agents.leader import FirstPlaces
from covey.agents.planner import FILES, FirstStep
from covey.agents.slots import Attempt, ProposeRequest
from covey.agents.team_slots import Coded, CodeRequest, Critique, CritiqueRequest, Lead, Plan, PlanRequest
from covey.coordination.flock import Modelled
from covey.coordination.policies.ground import Ground
from covey.coordination.policies.rules import BARREN, Decision, Referee, Ruling, Turn, Turns, rule
from covey.coordination.proposals import SUSPECTS
from covey.coordination.search import Found, Search
from covey.core.budget import Deadline
from covey.core.canonical import Frozen, stable_hash
from covey.core.patch import Candidate
from covey.core.repair import Standing, Suspect, Verdict
from covey.core.testing import Failure


@dataclass
class Team:
    """A team at work on one ground. All of it follows from recorded answers, so a resumed team stands where it was.

    ``barren``: turns in a row that may tell nothing new before this way is given up. ``decision`` is that of the rules
    after the last turn; ``issues`` are what the critic found last.
    """

    ground: Ground
    search: Search
    barren: int = BARREN
    decision: Decision = Decision.go_on
    issues: tuple[str, ...] = ()
    _attempts: tuple[Attempt, ...] = ()
    _turns: list[Turn] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _begun: int = 0
    _number: int = 0
    _introduced: bool = False
    _shown: tuple[Suspect, ...] = ()
    _formed: bool = False
    _known: int = 0
    _last: list[tuple[Candidate, Verdict]] = field(default_factory=list)
    _approved: set[str] = field(default_factory=set)

    @classmethod
    def on(cls, ground: Ground, barren: int = BARREN) -> Team:
        """Put a team together."""
        return cls(ground, Search(ground.ask, ground.flock, ground.tools, ground.baseline, ground.where), barren)

    @property
    def present(self) -> bool:
        """True when there is a model to write code; without one a policy comes down to :meth:`finish`."""
        return self.ground.flock.patcher is not None

    @property
    def over(self) -> bool:
        """True when this line of thought has come to its end, or all asking has."""
        return self.decision is Decision.abandon or self.ended

    @property
    def ended(self) -> bool:
        """True when no model shall be asked any more: the rules say so, or the search's time is up."""
        return self.decision is Decision.stop or self.search.stopped == "deadline"

    @property
    def solved(self) -> bool:
        """True when a draft passes the target tests and was not denied."""
        return bool(self.search.plausible)

    async def plan(self) -> Plan:
        """Ask the planner, who knows what was tried and what was found wrong with it."""
        slot = self.ground.flock.planner or FirstStep()
        request = self._plan_request()
        plan = await self.ground.ask(self._stage("plan"), slot, request, Plan)
        self._read(plan.source, request.suspects)
        await self._took(Turn(role="planner", action=_name(plan), failed=_failed(slot, plan.source)))
        return plan

    async def lead(self) -> Lead:
        """Ask the leader for places and an instruction."""
        slot = self.ground.flock.leader or FirstPlaces()
        request = self._plan_request()
        lead = await self.ground.ask(self._stage("lead"), slot, request, Lead)
        self._read(lead.source, request.suspects)
        await self._took(Turn(role="leader", action=_name(lead), failed=_failed(slot, lead.source)))
        return lead

    async def code(
        self,
        count: int,
        *,
        suspects: tuple[Suspect, ...] = (),
        instruction: str = "",
        manner: str = "",
        number: int | None = None,
    ) -> None:
        """Let the patcher write ``count`` drafts at ``suspects`` (default: all) and let the tests try them."""
        slot = self.ground.flock.patcher
        assert slot is not None, "a team without a model has nobody who writes code"
        where = (suspects or self.ground.where.suspects)[:SUSPECTS]
        failures = self._failures()
        stage = self._stage("code")
        request = CodeRequest(
            propose=ProposeRequest(
                suspects=where,
                failures=tuple(failures.values()),
                targets=tuple(failures),
                attempts=self._attempts,
                count=count,
            ),
            iteration=self._counts["code"],
            instruction=instruction,
            issues=self.issues,
            manner=manner,
            introduced=self._introduced,
            shown=where == self._shown,
            formed=self._formed,
            known=self._known,
            number=self._number if number is None else number,
        )
        coded = await self.ground.ask(stage, slot, request, Coded)
        self._read(coded.source, where)
        self._formed = self._formed or coded.source == "model"
        await self.search.verify(coded.candidates)
        tried = [self.search.tried[one.id] for one in coded.candidates if one.id in self.search.tried]
        self._last = tried
        self._attempts += tuple(Attempt(candidate=one, verdict=two) for one, two in tried)
        await self._took(
            Turn(
                role="patcher",
                action=_name(tuple(one.id for one in coded.candidates)) if coded.candidates else "",
                evidence=tuple(dict.fromkeys(_phrase(verdict) for _, verdict in tried)),
                failed=_failed(slot, coded.source),
                codes=True,
            )
        )

    async def critique(self, *, failing: bool = False) -> Critique | None:
        """Ask the critic about the best draft of the team that passes the tests; None when there is none.

        What it denies is brought home no more. With ``failing``, where none passes, the last drafts are put to it for
        the record: it denies them by the facts.
        """
        wrote = {attempt.candidate.id for attempt in self._attempts} - self._approved
        plausible = [pair for pair in self.search.plausible if pair[0].id in wrote]
        pairs = plausible or (self._last if failing else [])
        self.issues = ()
        if not pairs:
            return None
        where = self.ground.where
        request = CritiqueRequest(
            candidates=tuple(candidate for candidate, _ in pairs),
            verdicts=tuple(verdict for _, verdict in pairs),
            plan=where.plan,
            suspects=where.suspects,
            traced=where.traced,
        )
        slot = self.ground.flock.critic or Procedure()
        critique = await self.ground.ask(self._stage("critique"), slot, request, Critique)
        if not plausible:
            return critique
        if critique.review_status == "approve":
            self._approved.add(critique.candidate)
        else:
            self.search.deny(critique.candidate)
            self.issues = (*critique.issues_found, *critique.recommendations)
            why = " ".join(critique.issues_found)
            self._notes.append(f"The critic denied a draft that passes the target tests: {why}")
        await self._took(
            Turn(
                role="critic",
                action=_name((critique.candidate, critique.review_status)),
                evidence=critique.issues_found,
                failed=_failed(slot, critique.source),
            )
        )
        return critique

    def think_anew(self) -> None:
        """Begin another line of thought: the rules look at what comes from here on."""
        self._begun = len(self._turns)
        self.decision = Decision.go_on

    @contextmanager
    def stage(self, seconds: float) -> Iterator[None]:
        """Give models so many seconds for one stage; what they have not said until then, their floors do."""
        desk = self.ground.tools.model
        if desk is None:
            yield
            return
        whole, part = desk.left, Deadline(seconds)
        desk.left = lambda: min(whole(), part.left)
        try:
            yield
        finally:
            desk.left = whole

    async def finish(self) -> Found:
        """Let the templates compete, and bring home what there is."""
        await self.search.templates()
        return self.search.found(tuple(self._notes))

    def _failures(self) -> dict[str, Failure]:
        """How each target fails; of a test that was written for this run, what it says."""
        known = self.search.failures
        written = "\n\n".join(self.ground.shown.new_tests.values())
        new = Failure(type="NewTest", message="it fails on the code as it is, and reads:", text=written)
        missing = (test for test in self.ground.where.plan.targets if written and test not in known)
        return {**known, **dict.fromkeys(missing, new)}

    def _plan_request(self) -> PlanRequest:
        where = self.ground.where
        failures = self._failures()
        return PlanRequest(
            suspects=where.suspects[:SUSPECTS],
            failures=tuple(failures.values()),
            targets=tuple(failures),
            files=tuple(dict.fromkeys(one.path for one in where.suspects))[:FILES],
            attempts=self._attempts,
            issues=self.issues,
            known=self._known,
            introduced=self._introduced,
        )

    def _read(self, source: str, suspects: tuple[Suspect, ...]) -> None:
        """Remember what a model was told: it stands in the ledger that all roles share."""
        if source == "model":
            self._introduced, self._shown, self._known = True, suspects, len(self._attempts)

    def _stage(self, name: str) -> str:
        self._counts[name] = self._counts.get(name, 0) + 1
        return f"{name}/{self._counts[name]}"

    async def _took(self, turn: Turn) -> None:
        """Remember a turn and apply the rules; a rule that fires is a step of the log and a note."""
        self._turns.append(turn)
        turns = Turns(turns=tuple(self._turns[self._begun :]), barren=self.barren)
        self.decision = rule(turns.turns, self.barren).decision
        if self.decision is Decision.go_on:
            return
        ruling = await self.ground.ask(self._stage("rules"), Referee(), turns, Ruling)
        self._notes.append(ruling.why)
        if self.decision is Decision.retry:
            self._number += self.ground.tools.drafts


def _failed(slot: object, source: str) -> bool:
    """True when a model should have filled the slot and its floor did."""
    return isinstance(slot, Modelled) and source == "floor"


def _name(action: Frozen | tuple[str, ...]) -> str:
    return stable_hash(action)[:16]


def _phrase(verdict: Verdict) -> str:
    if verdict.standing is Standing.plausible:
        return f"{verdict.candidate} is plausible"
    why = f"{verdict.failure_type} {verdict.failure_message}".strip()
    return f"{verdict.standing.value} at {verdict.stopped_at or 'no test'}: {why}"
