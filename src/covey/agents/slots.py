"""What goes into each slot of the natural path and what must come out.

A role may be filled by a procedure or by a model: the request and the answer are the same. Everything here is
recorded in the run's log, so every string and list is bounded by whoever fills the slot.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from covey.core.canonical import Frozen, Volatile
from covey.core.patch import Candidate, Patch
from covey.core.repair import Scored, Suspect, ValidationPlan, Verdict
from covey.core.review import Evaluation, Review
from covey.core.testing import Failure, Frame, TestReport


class UnderstandRequest(Frozen):
    """The user's own words."""

    statement: str


class Assumption(Frozen):
    """Something that the problem takes for granted about the repository; ``holds``: it was looked up and is there."""

    kind: Literal["file", "symbol", "test"]
    name: str
    holds: bool


class Spec(Frozen):
    """What is wanted, in a model's words. ``examples`` is code that stands in the problem text, never a model's own."""

    expected: str = ""
    actual: str = ""
    stories: tuple[str, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    examples: tuple[str, ...] = ()


class Brief(Frozen):
    """The problem in structured form. All of it may be empty: a red suite is a problem statement too."""

    title: str = ""
    frames: tuple[Frame, ...] = ()  # of tracebacks in the text, outer to inner
    mentioned: tuple[Frame, ...] = ()  # everything that points at a place; a frame without a path names a symbol
    exception: str = ""  # type name of the exception in the text
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()  # test ids that the text names
    snippets: tuple[str, ...] = ()  # Python code that shows the problem
    notes: tuple[str, ...] = ()
    spec: Spec = Spec()  # empty unless a model read the text


class TestRequest(Frozen):
    """Run tests of the base tree: all of them, or ``tests``; never the held-out ones."""

    __test__ = False

    tests: tuple[str, ...] = ()


class ReproduceRequest(Frozen):
    """Find the failing tests that show the problem."""

    brief: Brief
    baseline: TestReport


class Reproduction(Frozen):
    """The target tests: red now, green when the problem is solved.

    ``new_tests`` holds test files written for this run (path → text); they are part of the search tree and of the
    verdict, never of the patch. ``set_aside`` are red tests that are no target, with the reason.
    """

    targets: tuple[str, ...] = ()
    new_tests: dict[str, str] = Field(default_factory=dict)
    set_aside: dict[str, str] = Field(default_factory=dict)
    flaky: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class LocaliseRequest(Frozen):
    """Find where the fault may be."""

    brief: Brief
    baseline: TestReport
    reproduction: Reproduction


class Localisation(Frozen):
    """Suspicious lines, best first, and the tests that decide about candidates."""

    suspects: tuple[Suspect, ...] = ()
    plan: ValidationPlan = ValidationPlan(targets=())
    traced: int = 0
    notes: tuple[str, ...] = ()


class DraftRequest(Frozen):
    """The next ``count`` drafts from ``offset`` on. ``seeds`` are drafts that made progress, to build upon."""

    suspects: tuple[Suspect, ...]
    failures: tuple[Failure, ...] = ()
    offset: int = 0
    count: int = 0
    seeds: tuple[Candidate, ...] = ()


class Drafts(Frozen):
    """Candidates, best first. ``exhausted`` means that there will be no more from this request's source."""

    candidates: tuple[Candidate, ...] = ()
    exhausted: bool = False


class Attempt(Frozen):
    """A draft that was tried, and what the tests said."""

    candidate: Candidate
    verdict: Verdict


class ProposeRequest(Frozen):
    """Write ``count`` drafts with a model.

    ``failures`` say how each of ``targets`` fails. ``attempts`` are earlier drafts that did not solve it.
    """

    suspects: tuple[Suspect, ...]
    failures: tuple[Failure, ...] = ()
    targets: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    count: int = 1


class VerifyRequest(Frozen):
    """Try candidates; stop early once ``enough`` of them are plausible."""

    candidates: tuple[Candidate, ...]
    plan: ValidationPlan
    enough: int


class Verified(Frozen):
    """Verdicts of the fast validator in the order of the candidates; fewer when stopped early."""

    verdicts: tuple[Verdict, ...] = ()
    stopped: str = ""  # "" | "enough" | "deadline"
    seconds: Volatile[float] = 0.0


class RepairRequest(Frozen):
    """No draft solved it: find those worth building upon."""

    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]


class Seeds(Frozen):
    """Drafts that made progress, best first, and unions of drafts that solve different targets."""

    seeds: tuple[Candidate, ...] = ()
    unions: tuple[Candidate, ...] = ()


class SelectRequest(Frozen):
    """Order plausible candidates."""

    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]


class Selection(Frozen):
    """Plausible candidates, best first, as patches."""

    ranking: tuple[Scored, ...] = ()
    patches: tuple[Patch, ...] = ()


class ReviewRequest(Frozen):
    """Look at one patch."""

    patch: Patch
    demotions: tuple[str, ...] = ()


class CompareRequest(Frozen):
    """Compare what patches do, best first. ``plan`` says which tests run the files that they change."""

    patches: tuple[Patch, ...]
    plan: ValidationPlan


class Cluster(Frozen):
    """Patches (ids, in the order of the ranking) that do the same to every probe input.

    ``changed`` is the number of inputs on which they do something else than the code without a patch.
    """

    patches: tuple[str, ...]
    changed: int


class Difference(Frozen):
    """An input that tells two patches apart, and what each does with it."""

    patch: str
    other: str
    call: str
    outcome: str
    other_outcome: str

    @property
    def turned(self) -> Difference:
        """The same, seen from the other patch."""
        return Difference(
            patch=self.other,
            other=self.patch,
            call=self.call,
            outcome=self.other_outcome,
            other_outcome=self.outcome,
        )


class Comparison(Frozen):
    """Patches by behaviour. A patch that is in no cluster could not be probed.

    ``differences`` hold one input for each two clusters, between the first patches of both. ``inputs`` is the number
    of inputs that say something: at least one patch returns, and what is returned can be compared.
    """

    clusters: tuple[Cluster, ...] = ()
    differences: tuple[Difference, ...] = ()
    inputs: int = 0
    notes: tuple[str, ...] = ()

    def cluster_of(self, patch: str) -> Cluster | None:
        """The cluster of a patch."""
        return next((cluster for cluster in self.clusters if patch in cluster.patches), None)

    def between(self, patch: str, other: str) -> Difference | None:
        """What tells two patches apart; None when nothing is known to."""
        here, there = self.cluster_of(patch), self.cluster_of(other)
        if here is None or there is None:
            return None
        for found in (*self.differences, *(item.turned for item in self.differences)):
            if found.patch in here.patches and found.other in there.patches:
                return found.model_copy(update={"patch": patch, "other": other})
        return None


class Judged(Frozen):
    """A verdict, and whether the run's time was up after it."""

    evaluation: Evaluation
    late: bool = False


class DocumentRequest(Frozen):
    """Put the outcome in plain words."""

    brief: Brief
    reproduction: Reproduction
    localisation: Localisation
    patch: Patch | None
    review: Review | None
    evaluation: Evaluation | None
    alternatives: int = 0
    tried: int = 0


class Story(Frozen):
    """The outcome in plain words: one headline, then sentences."""

    headline: str
    sentences: tuple[str, ...] = ()
