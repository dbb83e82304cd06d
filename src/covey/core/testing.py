"""Results of tests, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from covey.core.canonical import Frozen, Volatile
from covey.core.execution import Applied


class Outcome(StrEnum):
    """How one test ended. ``error`` is a failure outside the test's own body (collection, set-up, tear-down)."""

    passed = "passed"
    failed = "failed"
    error = "error"
    skipped = "skipped"
    xfailed = "xfailed"
    xpassed = "xpassed"

    @property
    def bad(self) -> bool:
        """True for outcomes that make a suite red."""
        return self in (Outcome.failed, Outcome.error)


class Frame(Frozen):
    """One frame of a traceback inside the repository; ``path`` is relative to its root, ``line`` counts from 1."""

    path: str
    line: int
    function: str = ""


class Failure(Frozen):
    """Why a test is red: exception type name, scrubbed first lines of its message, repository frames outer to inner.

    ``text`` is what the framework printed (bounded). ``missing_module`` is set for an import of an absent module.
    """

    type: str
    message: str = ""
    frames: tuple[Frame, ...] = ()
    missing_module: str | None = None
    text: Volatile[str] = ""


class TestResult(Frozen):
    """One test. ``id`` is the framework's own name (a pytest node id, a dotted unittest name)."""

    __test__ = False

    id: str
    outcome: Outcome
    failure: Failure | None = None
    path: str | None = None  # test file, relative to the root
    duration_s: Volatile[float] = 0.0


class TestReport(Frozen):
    """One run of tests. ``complete`` is False when the session did not reach its own end (crash, time-out, exit)."""

    __test__ = False

    results: tuple[TestResult, ...] = ()
    exit_code: int | None = None
    signal: int | None = None
    complete: bool = True
    timed_out: bool = False
    out_of_memory: bool = False
    truncated: Volatile[bool] = False
    output: Volatile[str] = ""
    command: Volatile[tuple[str, ...]] = ()
    duration_s: Volatile[float] = 0.0
    applied: Volatile[Applied] = Applied(sandbox="unknown")

    def by_id(self) -> dict[str, TestResult]:
        """Results by test id."""
        return {result.id: result for result in self.results}

    def ids(self, *outcomes: Outcome) -> tuple[str, ...]:
        """Ids with one of ``outcomes``, in order."""
        return tuple(result.id for result in self.results if result.outcome in outcomes)

    @property
    def red(self) -> tuple[str, ...]:
        """Ids of tests that failed or had an error, in order."""
        return tuple(result.id for result in self.results if result.outcome.bad)

    @property
    def green(self) -> bool:
        """True when the session ended by itself, nothing is red, and at least one test passed."""
        return self.complete and not self.timed_out and not self.red and bool(self.ids(Outcome.passed))

    def counts(self) -> dict[str, int]:
        """Number of tests by outcome, plus ``total``."""
        found = {outcome.value: 0 for outcome in Outcome}
        for result in self.results:
            found[result.outcome.value] += 1
        return {**found, "total": len(self.results)}


def regressions(before: TestReport, after: TestReport, ignore: Iterable[str] = ()) -> tuple[str, ...]:
    """Ids that did not count against the suite before and are red or missing after.

    A test that passed, was skipped or expectedly failed before must still be there and not red. ``ignore`` names
    tests known to be flaky.
    """
    ignored = frozenset(ignore)
    now = after.by_id()
    return tuple(
        result.id
        for result in before.results
        if result.id not in ignored and not result.outcome.bad and (result.id not in now or now[result.id].outcome.bad)
    )
