"""Reports of tests: what is red, what is green, what a patch broke."""

from __future__ import annotations

import pytest

from covey.core.patch import Candidate, Edit
from covey.core.testing import Outcome, TestReport, TestResult, regressions


def report(complete: bool = True, timed_out: bool = False, **outcomes: str) -> TestReport:
    results = tuple(TestResult(id=name, outcome=Outcome(outcome)) for name, outcome in outcomes.items())
    return TestReport(results=results, complete=complete, timed_out=timed_out)


def test_red_is_what_failed_or_had_an_error() -> None:
    mixed = report(a="passed", b="failed", c="error", d="skipped", e="xfailed", f="xpassed")
    assert mixed.red == ("b", "c")
    assert not mixed.green
    assert mixed.ids(Outcome.passed, Outcome.skipped) == ("a", "d")
    assert mixed.counts() == {
        "passed": 1, "failed": 1, "error": 1, "skipped": 1, "xfailed": 1, "xpassed": 1, "total": 6,
    }  # fmt: skip
    assert mixed.by_id()["b"].outcome is Outcome.failed


@pytest.mark.parametrize(
    ("found", "green"),
    [
        (report(a="passed"), True),
        (report(a="passed", b="skipped", c="xfailed"), True),
        (report(), False),
        (report(a="skipped"), False),
        (report(a="passed", b="error"), False),
        (report(complete=False, a="passed"), False),
        (report(timed_out=True, a="passed"), False),
    ],
)
def test_green_needs_an_end_nothing_red_and_something_that_passed(found: TestReport, green: bool) -> None:
    assert found.green is green


@pytest.mark.parametrize("before", ["passed", "skipped", "xfailed", "xpassed"])
def test_a_test_that_did_not_count_against_the_suite_may_be_neither_red_nor_gone(before: str) -> None:
    first = report(a=before, b="passed")
    assert regressions(first, report(a="failed", b="passed")) == ("a",)
    assert regressions(first, report(a="error", b="passed")) == ("a",)
    assert regressions(first, report(b="passed")) == ("a",)
    assert regressions(first, report(a="skipped", b="passed")) == ()


def test_what_was_red_before_is_new_or_is_known_to_be_flaky_is_no_regression() -> None:
    before = report(a="failed", b="passed")
    assert regressions(before, report(a="error", b="passed", new="failed")) == ()
    assert regressions(before, report(b="failed"), ignore=["b"]) == ()


def test_candidates_with_equal_edits_are_one() -> None:
    one, two = Edit(path="a.py", start=1, end=2, text="x"), Edit(path="a.py", start=1, end=2, text="y")
    assert Candidate.make_id((one,)) == Candidate.make_id((one.model_copy(),))
    assert len({Candidate.make_id(edits) for edits in ((one,), (two,), (one, two), (two, one))}) == 4
