"""The flock: one role for each slot, and the way the coordinator asks them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pydantic import BaseModel

from covey.agents.coder import Coder
from covey.agents.comparer import Comparer
from covey.agents.debugger import Debugger
from covey.agents.documenter import Documenter
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
from covey.agents.tester import Tester
from covey.agents.understander import Understander
from covey.agents.verifier import Verifier
from covey.agents.workbench import Workbench
from covey.coordination.journal import Journal
from covey.core.protocols import Role
from covey.core.review import Review
from covey.core.testing import TestReport

AnswerT = TypeVar("AnswerT", bound=BaseModel)
RequestT = TypeVar("RequestT", bound=BaseModel)


@dataclass(frozen=True)
class Flock:
    """Who fills which slot. Each default is the role's procedural floor."""

    understander: Role[UnderstandRequest, Workbench, Brief] = field(default_factory=Understander)
    tester: Role[TestRequest, Workbench, TestReport] = field(default_factory=Tester)
    reproducer: Role[ReproduceRequest, Workbench, Reproduction] = field(default_factory=Reproducer)
    localiser: Role[LocaliseRequest, Workbench, Localisation] = field(default_factory=Localiser)
    coder: Role[DraftRequest, Workbench, Drafts] = field(default_factory=Coder)
    verifier: Role[VerifyRequest, Workbench, Verified] = field(default_factory=Verifier)
    debugger: Role[RepairRequest, Workbench, Seeds] = field(default_factory=Debugger)
    selector: Role[SelectRequest, Workbench, Selection] = field(default_factory=Selector)
    reviewer: Role[ReviewRequest, Workbench, Review] = field(default_factory=Reviewer)
    comparer: Role[CompareRequest, Workbench, Comparison] = field(default_factory=Comparer)
    documenter: Role[DocumentRequest, Workbench, Story] = field(default_factory=Documenter)


class Ask(Protocol):
    """Asks one role to fill one slot, as one recorded step."""

    async def __call__(
        self, stage: str, role: Role[RequestT, Workbench, AnswerT], request: RequestT, answer: type[AnswerT], /
    ) -> AnswerT:
        """Return the role's answer, from the log when it is already there."""
        ...


def asking(journal: Journal, tools: Workbench) -> Ask:
    """Bind a journal and a workbench into an :class:`Ask`."""

    async def ask(
        stage: str, role: Role[RequestT, Workbench, AnswerT], request: RequestT, answer: type[AnswerT], /
    ) -> AnswerT:
        async def work() -> AnswerT:
            tools.tell(stage, "started")
            return await role.run(request, tools)

        filled = await journal.step(stage, request, answer, work, role=role.name)
        tools.tell(stage, "done")
        return filled

    return ask
