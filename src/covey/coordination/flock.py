"""The flock: one role for each slot, and the way the coordinator asks them.

A slot is filled by a role, or by a :class:`Modelled` one: a role that asks a model, with the procedural floor that
takes over when the model fails. What a model was asked and said is recorded with the step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from covey.agents.coder import Coder
from covey.agents.comparer import Comparer
from covey.agents.debugger import Debugger
from covey.agents.desk import Minutes, Trouble
from covey.agents.documenter import Documenter
from covey.agents.installer import ByName, Installation, InstallRequest
from covey.agents.localiser import Localiser
from covey.agents.reproducer import Reproducer
from covey.agents.reviewer import Reviewer
from covey.agents.selector import Selector
from covey.agents.slots import (
    Brief,
    CompareRequest,
    Comparison,
    DocumentRequest,
    DraftRequest,
    Drafts,
    Localisation,
    LocaliseRequest,
    ProposeRequest,
    RepairRequest,
    ReproduceRequest,
    Reproduction,
    ReviewRequest,
    Seeds,
    Selection,
    SelectRequest,
    Story,
    TestRequest,
    UnderstandRequest,
    Verified,
    VerifyRequest,
)
from covey.agents.team_slots import Coded, CodeRequest, Critique, CritiqueRequest, Lead, Plan, PlanRequest
from covey.agents.tester import Tester
from covey.agents.understander import Understander
from covey.agents.verifier import Verifier
from covey.agents.workbench import Workbench
from covey.coordination.journal import Journal
from covey.core.canonical import Frozen
from covey.core.protocols import Role
from covey.core.redact import redact
from covey.core.review import Review
from covey.core.testing import TestReport

AnswerT = TypeVar("AnswerT", bound=BaseModel)
RequestT = TypeVar("RequestT", bound=BaseModel)


@dataclass(frozen=True)
class Modelled(Generic[RequestT, AnswerT]):
    """A role that asks a model, and its floor."""

    role: Role[RequestT, Workbench, AnswerT]
    floor: Role[RequestT, Workbench, AnswerT]

    @property
    def name(self) -> str:
        """Name of the role."""
        return self.role.name


class Asked(Frozen, Generic[AnswerT]):
    """What a modelled role answered and what its model was asked.

    ``fell_back`` says why the floor filled the slot; empty when the model did.
    """

    value: AnswerT
    minutes: Minutes = Minutes()
    fell_back: str = ""


Slot = Role[RequestT, Workbench, AnswerT] | Modelled[RequestT, AnswerT]


@dataclass(frozen=True)
class Flock:
    """Who fills which slot. Each default is the role's procedural floor.

    ``generator``, ``planner``, ``leader``, ``patcher`` and ``critic`` are slots that only a run with a model has.
    """

    understander: Slot[UnderstandRequest, Brief] = field(default_factory=Understander)
    tester: Role[TestRequest, Workbench, TestReport] = field(default_factory=Tester)
    reproducer: Slot[ReproduceRequest, Reproduction] = field(default_factory=Reproducer)
    installer: Slot[InstallRequest, Installation] = field(default_factory=ByName)
    localiser: Slot[LocaliseRequest, Localisation] = field(default_factory=Localiser)
    coder: Role[DraftRequest, Workbench, Drafts] = field(default_factory=Coder)
    verifier: Role[VerifyRequest, Workbench, Verified] = field(default_factory=Verifier)
    debugger: Role[RepairRequest, Workbench, Seeds] = field(default_factory=Debugger)
    selector: Role[SelectRequest, Workbench, Selection] = field(default_factory=Selector)
    reviewer: Slot[ReviewRequest, Review] = field(default_factory=Reviewer)
    comparer: Role[CompareRequest, Workbench, Comparison] = field(default_factory=Comparer)
    documenter: Slot[DocumentRequest, Story] = field(default_factory=Documenter)
    generator: Modelled[ProposeRequest, Drafts] | None = None
    planner: Modelled[PlanRequest, Plan] | None = None
    leader: Modelled[PlanRequest, Lead] | None = None
    patcher: Modelled[CodeRequest, Coded] | None = None
    critic: Modelled[CritiqueRequest, Critique] | None = None


class Ask(Protocol):
    """Asks one role to fill one slot, as one recorded step."""

    async def __call__(
        self, stage: str, role: Slot[RequestT, AnswerT], request: RequestT, answer: type[AnswerT], /
    ) -> AnswerT:
        """Return the role's answer, from the log when it is already there."""
        ...


def asking(journal: Journal, tools: Workbench) -> Ask:
    """Bind a journal and a workbench into an :class:`Ask`."""

    async def ask(stage: str, role: Slot[RequestT, AnswerT], request: RequestT, answer: type[AnswerT], /) -> AnswerT:
        if isinstance(role, Modelled):
            return await ask_model(stage, role, request, answer)

        async def work() -> AnswerT:
            tools.tell(stage, "started")
            return await role.run(request, tools)

        filled = await journal.step(stage, request, answer, work, role=role.name)
        tools.tell(stage, "done")
        return filled

    async def ask_model(
        stage: str, role: Modelled[RequestT, AnswerT], request: RequestT, answer: type[AnswerT]
    ) -> AnswerT:
        async def work() -> Asked[AnswerT]:
            tools.tell(stage, "started")
            try:
                value, why = await role.role.run(request, tools), ""
            except Trouble as error:
                why = redact(str(error))
                tools.tell(stage, "failed", why)
                value = await role.floor.run(request, tools)
            return Asked[AnswerT](value=value, minutes=tools.desk.drain(), fell_back=why)

        recalled = journal.replaying
        kind: type[Asked[AnswerT]] = Asked[answer]  # type: ignore[valid-type]  # pydantic makes the class here
        filled = await journal.step(stage, request, kind, work, role=role.name, usage=lambda asked: asked.minutes.usage)
        if recalled:
            tools.desk.restore(filled.minutes)
        if filled.fell_back:
            tools.desk.fell_back(role.name, filled.fell_back)
        tools.tell(stage, "done")
        return filled.value

    return ask
