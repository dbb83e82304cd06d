"""What a run says when it ends, and what ``covey doctor`` finds: one set of facts for people and for programs."""

from __future__ import annotations

import json
from enum import StrEnum

from covey.core.canonical import Frozen, stable
from covey.core.execution import Applied
from covey.core.patch import Label
from covey.core.redact import Secret
from covey.core.repair import Suspect
from covey.core.run import RunStatus, Usage
from covey.core.testing import Outcome, TestReport

REPORT_SCHEMA = 1
"""Version of the JSON that :meth:`RunReport.to_json` gives."""

LABEL_MEANING: dict[Label | None, str] = {
    Label.plausible: "The target tests pass; the rest of the suite does not yet vouch for it.",
    Label.no_regressions: "The target tests pass and nothing else broke, in fresh processes on clean source, twice.",
    Label.verified: "No regressions, and it passes tests that the search never saw; no other patch found disagrees.",
    None: "No patch has been shown to work.",
}
"""One sentence for each label."""

STATUS_MEANING: dict[RunStatus, str] = {
    RunStatus.running: "The run is still going on.",
    RunStatus.interrupted: "The run was interrupted; everything up to that point is kept and it can be resumed.",
    RunStatus.patched: "A patch was found and proved by fresh test runs.",
    RunStatus.plausible: "A patch makes the target tests pass, but it is not proved to be free of regressions.",
    RunStatus.partial: "The best patch so far mends some of the failing tests, not all.",
    RunStatus.no_patch: "No acceptable patch was found.",
    RunStatus.already_passing: "The tests already pass: there is nothing to repair.",
    RunStatus.failed: "The run could not be finished: something around it failed, not the repository's tests.",
}
"""One sentence for each status."""

EXIT_CODES: dict[RunStatus, int] = {
    RunStatus.running: 130,
    RunStatus.interrupted: 130,
    RunStatus.patched: 0,
    RunStatus.plausible: 1,
    RunStatus.partial: 1,
    RunStatus.no_patch: 1,
    RunStatus.already_passing: 1,
    RunStatus.failed: 3,
}
"""Exit code of ``covey run`` for each status."""


class TestSummary(Frozen):
    """Counts of one run of tests; ``red`` names at most :data:`RED_LIMIT` tests."""

    __test__ = False

    total: int = 0
    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0
    xfailed: int = 0
    xpassed: int = 0
    red: tuple[str, ...] = ()
    complete: bool = True
    timed_out: bool = False
    duration_s: float = 0.0

    @staticmethod
    def of(report: TestReport | None) -> TestSummary | None:
        """Summarise ``report``; None stays None."""
        if report is None:
            return None
        counts = {outcome.value: len(report.ids(outcome)) for outcome in Outcome}
        return TestSummary(
            total=len(report.results),
            red=report.red[:RED_LIMIT],
            complete=report.complete,
            timed_out=report.timed_out,
            duration_s=round(report.duration_s, 3),
            **counts,
        )


RED_LIMIT = 100
"""Names of red tests that a summary holds at most; the counts are always exact."""


class TestsBeforeAfter(Frozen):
    """The suite before and after the patch."""

    __test__ = False

    before: TestSummary | None = None
    after: TestSummary | None = None


class Alternative(Frozen):
    """Another patch that passed the target tests."""

    id: str
    diff: str
    files: tuple[str, ...] = ()
    label: Label | None = None
    origin: str = ""
    explanation: str = ""


class RunReport(Frozen):
    """The outcome of a run. ``patch`` and ``evidence`` are paths; ``diff`` is the patch, appliable with ``git apply``.

    ``reasons`` say why the label is not higher. ``suspects`` are the most suspicious places, best first; they matter
    most where there is no patch. ``secrets`` are lines of the diff that look like secrets. ``applied`` is True when the
    patch has been written to the user's own files.
    """

    schema_version: int = REPORT_SCHEMA
    run_id: str
    status: RunStatus
    label: Label | None = None
    patch: str | None = None
    diff: str | None = None
    duration_s: float = 0.0
    model: str = "none"
    tests: TestsBeforeAfter = TestsBeforeAfter()
    alternatives: tuple[Alternative, ...] = ()
    evidence: str | None = None
    tokens: Usage = Usage()
    exit_code: int = 1
    repository: str = ""
    problem: str = ""
    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    regressions: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    headline: str = ""
    explanation: str = ""
    reasons: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    notes: tuple[str, ...] = ()
    candidates: int = 0
    candidates_per_s: float = 0.0
    sandbox: Applied = Applied(sandbox="unknown")
    secrets: tuple[Secret, ...] = ()
    head: str = ""
    error: str = ""
    applied: bool = False
    apply_command: str | None = None
    replay_command: str | None = None

    def to_json(self) -> str:
        """Return exactly one JSON object, on one line, ASCII only."""
        return json.dumps(stable(self), ensure_ascii=True, allow_nan=False)


class FindingState(StrEnum):
    """How one thing that Covey can use stands on this machine."""

    ok = "ok"
    reduced = "reduced"
    missing = "missing"


class Finding(Frozen):
    """One line of ``covey doctor``: what is there, what is reduced, and the command that mends it."""

    name: str
    state: FindingState
    detail: str = ""
    mend: str = ""


class DoctorReport(Frozen):
    """All findings, for ``covey doctor --json``."""

    findings: tuple[Finding, ...] = ()

    def to_json(self) -> str:
        """Return exactly one JSON object, on one line, ASCII only."""
        return json.dumps(stable(self), ensure_ascii=True, allow_nan=False)
