"""Work alone: one agent in a bounded loop of tools. It says what to look at and what to edit; the tests judge.

Each turn is one action that the schema allows, done by Python; what came of it is the next thing that the model reads.
Every edit is tried by the tests before the next turn, and what the model says about its success is not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from covey.agents.desk import PROMPTS, Question, Trouble
from covey.agents.excerpts import excerpts, shown
from covey.agents.generator import LINES, told
from covey.agents.tools.apply_edit import ApplyEdit
from covey.agents.tools.session import Session
from covey.agents.tools.table import action_of, action_schema, described, prepare_edits, use
from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen, stable_hash
from covey.core.errors import AnswerInvalid, CoveyError
from covey.core.model import Capabilities
from covey.core.patch import Candidate
from covey.core.redact import redact
from covey.core.repair import Standing, Suspect, ValidationPlan
from covey.core.task import ToolCall, ToolResult
from covey.core.testing import Failure
from covey.models.context import clip
from covey.models.prompts import render

CANDIDATES = 6
"""Versions of the candidate that are brought home at most, the best first."""
RECORDED = 600
"""Characters of a tool's answer in the list of turns; the ledger has all that the model read."""
_SMALLER = 6
_ORDER = (Standing.plausible, Standing.progress, Standing.failed)
_AGAIN = "You did just this before, and nothing has changed since; its answer stands above. Do something else."


class SoloRequest(Frozen):
    """Repair alone. ``failures`` say how each of ``targets`` fails; ``plan`` has the tests that decide."""

    suspects: tuple[Suspect, ...]
    failures: tuple[Failure, ...] = ()
    targets: tuple[str, ...] = ()
    plan: ValidationPlan


class ToolTurn(Frozen):
    """One turn for the log. ``candidate`` is the version after it, '' for none; ``standing`` what tests said of it."""

    thought: str
    call: ToolCall
    result: ToolResult
    candidate: str = ""
    standing: Standing | None = None


class Solo(Frozen):
    """What came of it: versions of the candidate, best first; all turns; why it ended.

    ``proposals`` are requirements that somebody should install, with the module that is missing.
    """

    candidates: tuple[Candidate, ...] = ()
    turns: tuple[ToolTurn, ...] = ()
    stopped: str = ""
    proposals: dict[str, str] = Field(default_factory=dict)


class Move(Frozen):
    """A turn as the rules for loops see it: what was done to which version, and what is known since."""

    action: str = ""
    evidence: tuple[str, ...] = ()
    failed: bool = False
    codes: bool = False


class Call(Frozen):
    """What the rules say after a turn; ``why`` is empty when no rule fired."""

    over: bool = False
    why: str = ""


Referee = Callable[[Sequence[Move]], Call]
"""Applies the rules for loops to all turns so far."""


@dataclass(frozen=True)
class Soloist:
    """Asks a model what to do next until the tests pass, a rule or the budget ends it, or it stops."""

    referee: Referee
    name: str = "soloist"

    async def run(self, request: SoloRequest, tools: Workbench) -> Solo:
        """Fill the slot. Raises what a model can do wrong, see :data:`covey.agents.desk.Trouble`, before any turn."""
        found = await tools.desk.capabilities(self.name)
        session = Session(tools, self.name, request.plan)
        files = await asyncio.to_thread(excerpts, tools.sources, request.suspects, lines=LINES)
        files = [file for file in files if file.path in session.view]
        for file in reversed(files):
            for first, last in file.spans():
                session.show(file.path, first, last)
        await asyncio.to_thread(prepare_edits, session, found)
        note = render(
            PROMPTS,
            "soloist.jinja",
            failures=told(request.targets, request.failures),
            excerpts=[shown(file) for file in files],
            tools=described(session.allowance.tools),
            editing=_editing(session),
            turns=session.allowance.turns,
        )
        loop = _Loop(session, found, self.referee)
        await loop.go(note)
        await _leave_out(session)
        return Solo(
            candidates=_best(session),
            turns=tuple(loop.turns),
            stopped=loop.stopped,
            proposals=dict(sorted(session.proposals.items())),
        )


class NobodyAlone:
    """Floor: without a model nothing is tried here; the templates' drafts have a slot of their own."""

    name = "soloist"

    async def run(self, request: SoloRequest, tools: Workbench) -> Solo:  # noqa: ARG002 - the interface of a role
        """Fill the slot with nothing."""
        return Solo()


@dataclass
class _Loop:
    """The turns of one agent."""

    session: Session
    found: Capabilities
    referee: Referee
    turns: list[ToolTurn] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    stopped: str = ""

    async def go(self, note: str) -> None:
        """Take turns. Raises Trouble when the first one fails already."""
        for number in range(1, self.session.allowance.turns + 1):
            why = await self._turn(number, note)
            if self.stopped:
                return
            note = await self._next(number, why)
        self.stopped = f"All {self.session.allowance.turns} turns were used."

    async def _turn(self, number: int, note: str) -> str:
        """Take one turn; return what the rules have to say to the model. Sets ``stopped`` at the end."""
        session, names = self.session, self.session.allowance.tools
        question = Question(note=note, answer=action_of(names), schema=action_schema(names, session.grammar))
        try:
            answer: Any = await session.bench.desk.ask(session.role, question)
        except Trouble as error:
            return self._trouble(error)
        if answer.action.tool == "stop":
            self.stopped = "The model had nothing more to do."
            return ""
        await self._act(answer.action, redact(answer.thought), number)
        return self._ruling()

    async def _act(self, action: Any, thought: str, number: int) -> None:  # noqa: ANN401 - arguments of some tool
        session = self.session
        before = session.candidate.id if session.candidate else ""
        done = stable_hash((before, action.model_dump(mode="json")))[:16]
        codes = action.tool == ApplyEdit.name
        if any(move.action == done for move in self.moves):
            call = ToolCall(id=str(number), tool=action.tool)
            result = ToolResult(call_id=call.id, ok=False, text=_AGAIN)
        else:
            call, result = await use(session, action, number)
        session.bench.desk.observe(session.role, result.text)
        self.moves.append(
            Move(
                action=done,
                evidence=(_evidence(result.text, codes=codes),) if result.ok else (),
                codes=codes,
            )
        )
        now = session.candidate
        self.turns.append(
            ToolTurn(
                thought=thought,
                call=call,
                result=result.model_copy(update={"text": clip(result.text, RECORDED * 2 // 3, RECORDED // 3)}),
                candidate=now.id if now else "",
                standing=session.tried[now.id][1].standing if now else None,
            )
        )
        session.bench.tell("solo", message=f"turn {number}: {action.tool}")

    def _ruling(self) -> str:
        now = self.session.candidate
        if now and self.session.tried[now.id][1].standing is Standing.plausible:
            self.stopped = "The failing tests pass and the nearest tests stay green."
        elif self.session.bench.deadline.over:
            self.stopped = "The time for the search was up."
        else:
            ruling = self.referee(self.moves)
            self.stopped = ruling.why if ruling.over else ""
            return ruling.why
        return ""

    def _trouble(self, error: CoveyError) -> str:
        """An answer that does not fit is a turn; anything else ends the loop."""
        if isinstance(error, AnswerInvalid):
            self.moves.append(Move(failed=True))
            why = self._ruling()
            if not self.stopped:
                return f"Your last answer was of no use. {why}".strip()
        if not self.turns:
            raise error
        self.stopped = self.stopped or redact(str(error))
        return ""

    async def _next(self, number: int, why: str) -> str:
        """The note before the next turn."""
        session, had = self.session, self.session.grammar
        await asyncio.to_thread(prepare_edits, session, self.found)
        allowance = session.allowance
        editing = _editing(session) if had is None or (had.name == "index") else ""
        left = allowance.test_runs - session.test_runs
        told_ = f"Turn {number + 1} of {allowance.turns}; runs of tests left: {left}."
        return "\n".join(part for part in (why, editing, told_) if part)


def _evidence(text: str, *, codes: bool) -> str:
    """Name what a tool said; of an edit only what the tests said, since its own lines prove nothing."""
    return stable_hash(text.partition("\n")[0] if codes else text)[:16]


def _editing(session: Session) -> str:
    """How edits are written now; '' while nothing may be edited."""
    if session.grammar is None:
        return ""
    paths = [file.path for file in session.editable()]
    return render(PROMPTS, "editing.jinja", style=session.grammar.name, paths=paths)


async def _leave_out(session: Session) -> None:
    """Try a solution without each of its edits: what the tests do not need is not brought home."""
    now = session.candidate
    if now is None or not 1 < len(now.edits) <= _SMALLER or session.bench.deadline.over:
        return
    if session.tried[now.id][1].standing is not Standing.plausible:
        return
    smaller = []
    for at in range(len(now.edits)):
        edits = (*now.edits[:at], *now.edits[at + 1 :])
        smaller.append(now.model_copy(update={"id": Candidate.make_id(edits), "edits": edits, "path": edits[0].path}))
    await session.verify([one for one in smaller if one.id not in session.tried])


def _best(session: Session) -> tuple[Candidate, ...]:
    """Versions by what the tests said, then the shorter ones, then the later ones."""
    pairs = [pair for pair in reversed(session.tried.values()) if pair[1].standing in _ORDER]
    pairs.sort(key=lambda pair: (_ORDER.index(pair[1].standing), -len(pair[1].flipped), len(pair[0].edits)))
    return tuple(candidate for candidate, _ in pairs[:CANDIDATES])
