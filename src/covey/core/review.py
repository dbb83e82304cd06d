"""What reviewers and evaluators say about a patch."""

from __future__ import annotations

from enum import StrEnum

from covey.core.canonical import Frozen, Volatile
from covey.core.patch import Label
from covey.core.testing import TestReport


class Review(Frozen):
    """A reviewer's opinion on one patch: facts first, then approve or not.

    ``blocking`` are reasons that forbid the patch; ``concerns`` demote it; both are sentences.
    """

    patch: str
    approved: bool
    blocking: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()
    changed_lines: int = 0


class Resolution(StrEnum):
    """An evaluator's answer."""

    resolved = "resolved"
    unresolved = "unresolved"
    infra_error = "infra_error"


class Evaluation(Frozen):
    """The verdict on one patch, from fresh runs of pristine tests.

    ``label`` is None when not even the targets pass. ``regressions`` and ``still_red`` are test ids. ``flaky`` are
    tests whose outcome differed between equal runs: they are excluded and named. ``reasons`` say why the label is
    not higher.
    """

    patch: str
    resolution: Resolution
    label: Label | None = None
    still_red: tuple[str, ...] = ()
    regressions: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    holdout_passed: bool | None = None
    reasons: tuple[str, ...] = ()
    before: TestReport | None = None
    after: TestReport | None = None
    duration_s: Volatile[float] = 0.0
