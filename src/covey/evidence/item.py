"""What a bundle is made from."""

from __future__ import annotations

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.execution import Applied, Environment, TestCommand
from covey.core.patch import Patch
from covey.core.repair import Suspect
from covey.core.review import Evaluation, Review
from covey.core.run import Run, RunStatus, Step, Usage
from covey.core.testing import Outcome, TestReport


class EvidenceInput(Frozen):
    """Everything that is known about a run when it ends.

    ``touched`` holds each file that the patch changes with its bytes before and after (None: the file is not there).
    ``applied`` says which sandbox limits really held. ``new_tests`` are test files (path → text) that were written for
    this run and belong to the verdict, not to the patch. ``candidates`` is the number of candidates tried,
    ``duration_s`` the wall time of the run in seconds, ``base`` the content id of the base snapshot.
    """

    run: Run
    status: RunStatus
    steps: tuple[Step, ...] = ()
    patch: Patch | None = None
    evaluation: Evaluation | None = None
    reviews: tuple[Review, ...] = ()
    alternatives: tuple[Patch, ...] = ()
    environment: Environment | None = None
    command: TestCommand | None = None
    applied: Applied = Applied(sandbox="unknown")
    before: TestReport | None = None
    after: TestReport | None = None
    notes: tuple[str, ...] = ()
    explanation: str = ""
    headline: str = ""
    touched: dict[str, tuple[bytes | None, bytes | None]] = Field(default_factory=dict)
    targets: tuple[str, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    new_tests: dict[str, str] = Field(default_factory=dict)
    model: str = "none"
    candidates: int = 0
    candidates_per_s: float = 0.0
    duration_s: float = 0.0
    error: str = ""
    base: str = ""

    @property
    def base_id(self) -> str:
        """Content id of the base snapshot: as given, else as patch or task name it; empty when none was made."""
        return self.base or (self.patch.base if self.patch else "") or self.run.task.base

    @property
    def before_run(self) -> TestReport | None:
        """The tests before the patch: as given, else as the evaluation saw them."""
        return self.before or (self.evaluation.before if self.evaluation else None)

    @property
    def after_run(self) -> TestReport | None:
        """The tests after the patch: as given, else as the evaluation saw them."""
        return self.after or (self.evaluation.after if self.evaluation else None)

    @property
    def head(self) -> str:
        """Hash of the last step, or the genesis of a run without steps."""
        return self.steps[-1].hash if self.steps else self.run.genesis

    @property
    def usage(self) -> Usage:
        """Tokens of all steps."""
        return sum((step.usage for step in self.steps), Usage())

    @property
    def fixed(self) -> tuple[str, ...]:
        """Tests that were red before and pass after."""
        if self.before_run is None or self.after_run is None:
            return ()
        passing = frozenset(self.after_run.ids(Outcome.passed))
        return tuple(name for name in self.before_run.red if name in passing)

    @property
    def concerns(self) -> tuple[str, ...]:
        """What reviewers said against the final patch."""
        return tuple(
            text
            for review in self.reviews
            if self.patch is not None and review.patch == self.patch.id
            for text in (*review.blocking, *review.concerns)
        )
