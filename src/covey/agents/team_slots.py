"""What goes into the slots of a team and what must come out: planner, leader, patcher and critic.

Field names of plans, of what coders and of what reviewers say are fixed: other programs read them. ``source`` says
whether a model or a procedural floor filled the slot, or facts left nothing to ask.
"""

from __future__ import annotations

from typing import Literal

from covey.agents.slots import Attempt, ProposeRequest
from covey.core.canonical import Frozen
from covey.core.patch import Candidate
from covey.core.repair import Suspect, ValidationPlan, Verdict
from covey.core.testing import Failure

Source = Literal["model", "floor", "facts"]
Level = Literal["high", "medium", "low"]


class PlanRequest(Frozen):
    """Say what to do about the failing tests, and where.

    ``failures`` say how each of ``targets`` fails. ``files`` are real paths, the most suspicious first. ``attempts``
    are drafts that did not solve it, ``issues`` what a reviewer found in those that did; the first ``known`` attempts
    are in the ledger already, and the failing tests and the code around the suspects where ``introduced``.
    """

    suspects: tuple[Suspect, ...]
    failures: tuple[Failure, ...] = ()
    targets: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    issues: tuple[str, ...] = ()
    known: int = 0
    introduced: bool = False


class PlanStep(Frozen):
    """One step of a plan. ``dependencies`` are ids of steps that come before it."""

    id: int
    description: str
    priority: Level = "medium"
    dependencies: tuple[int, ...] = ()
    estimated_complexity: Level = "medium"


class CodebaseContext(Frozen):
    """What the steps are about: real paths, and what must hold."""

    relevant_files: tuple[str, ...] = ()
    architecture_notes: str = ""
    test_requirements: tuple[str, ...] = ()


class Plan(Frozen):
    """A plan, its steps in an order in which they can be done."""

    task_breakdown: tuple[PlanStep, ...]
    codebase_context: CodebaseContext = CodebaseContext()
    source: Source = "floor"

    @property
    def instruction(self) -> str:
        """The steps as one text for whoever carries them out."""
        return "\n".join(f"{step.id}. {step.description}" for step in self.task_breakdown)


class Place(Frozen):
    """A function of a file by its qualified name, or the file as a whole."""

    path: str
    symbol: str = ""


class Lead(Frozen):
    """Where the follower shall work and what to do there."""

    places: tuple[Place, ...]
    instruction: str
    source: Source = "floor"


class CodeRequest(Frozen):
    """Write drafts as one of a team.

    ``iteration`` counts from 1. ``instruction`` is the planner's or the leader's, ``issues`` are the reviewer's,
    ``manner`` is how this coder goes about it. In the ledger already are the failing tests where ``introduced``, the
    code around the suspects where ``shown``, the form of an edit where ``formed``, and the first ``known`` attempts.
    ``number`` of the first draft: number 0 is sampled at temperature 0, each other one with a seed of its own.
    """

    propose: ProposeRequest
    iteration: int = 1
    instruction: str = ""
    issues: tuple[str, ...] = ()
    manner: str = ""
    introduced: bool = False
    shown: bool = False
    formed: bool = False
    known: int = 0
    number: int = 0


class FileModified(Frozen):
    """What a draft does to one file."""

    path: str
    diff: str
    reasoning: str


class CoderOutput(Frozen):
    """One draft as others read it. ``status`` is never more than ``drafted``: tests say whether it is right."""

    iteration: int
    files_modified: tuple[FileModified, ...] = ()
    tests_created: tuple[str, ...] = ()
    status: Literal["drafted"] = "drafted"


class Coded(Frozen):
    """What a coder wrote: candidates, and the same as others read them, in the same order.

    Empty, with ``source`` ``model``, when the coder only repeated what was tried.
    """

    candidates: tuple[Candidate, ...] = ()
    outputs: tuple[CoderOutput, ...] = ()
    source: Source = "floor"


class CritiqueRequest(Frozen):
    """Look at the best of ``candidates``, which tests found plausible; ``plan`` says which tests those were."""

    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]
    plan: ValidationPlan
    suspects: tuple[Suspect, ...] = ()
    traced: int = 0


class TestFacts(Frozen):
    """What the tests of the search said of a patch; filled by the harness.

    ``passed`` and ``failed`` count target tests and the regression tests that run the changed files. ``coverage`` is
    the percentage of the patch's edits at lines that target tests run, None where nothing was traced.
    """

    __test__ = False

    passed: int = 0
    failed: int = 0
    coverage: int | None = None


class Critique(Frozen):
    """A reviewer's word on one candidate. ``next_iteration``: another draft is wanted."""

    candidate: str
    review_status: Literal["approve", "deny"]
    issues_found: tuple[str, ...] = ()
    test_results: TestFacts = TestFacts()
    recommendations: tuple[str, ...] = ()
    next_iteration: bool = False
    source: Source = "floor"
