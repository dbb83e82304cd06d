"""What is believed of what a test process says about itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from covey.core.execution import ExecResult
from covey.core.testing import Outcome, TestReport
from covey.execution.reports import Session, clean, failure_from, report_from


def result(name: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    return {"e": "result", "id": name, "outcome": outcome, "path": "test_a.py", "seconds": 0.1, "failure": None, **more}


def end(status: int, **totals: int) -> dict[str, Any]:
    return {"e": "end", "status": status, "totals": totals}


def report(*events: Any, **how: Any) -> TestReport:
    session = Session()
    session.feed(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    return report_from(session, ExecResult(**{"exit_code": 0, **how}), ("pytest",))


COLLECTED = {"e": "collected", "ids": ["a", "b"]}


def test_a_session_that_fits_together_is_complete_and_green() -> None:
    found = report(COLLECTED, result("a"), result("b"), end(0, passed=2))
    assert found.complete
    assert found.green


@pytest.mark.parametrize(
    ("events", "exit_code"),
    [
        ([COLLECTED, result("a"), result("b")], 0),  # no end
        ([COLLECTED, result("a"), result("b"), end(0, passed=2)], 1),  # another exit code
        ([COLLECTED, result("a"), end(0, passed=1)], 0),  # a collected test without a result
        ([COLLECTED, result("a"), result("b"), end(0, passed=1)], 0),  # totals too small
        ([COLLECTED, result("a", "failed"), result("b"), end(0, passed=1, failed=1)], 0),  # red, and exit code 0
        ([COLLECTED, result("a"), result("b"), end(1, passed=2)], 1),  # exit code 1, and nothing red
        ([COLLECTED, result("a"), result("b"), ["?"], end(0, passed=2)], 0),  # not an event
        ([COLLECTED, result("a"), result("b"), end(0, passed=2), end(0, passed=2)], 0),  # two ends
        ([COLLECTED, result("a", "splendid"), result("b"), end(0, passed=2)], 0),  # no such outcome
    ],
)
def test_a_session_that_contradicts_itself_is_never_green(events: list[Any], exit_code: int) -> None:
    found = report(*events, exit_code=exit_code)
    assert not found.complete
    assert not found.green


def test_a_red_test_stays_red_whatever_is_said_later() -> None:
    found = report(COLLECTED, result("a", "failed"), result("a"), result("b"), end(0, passed=3, failed=1))
    assert found.red == ("a",)
    assert not found.green


def test_the_test_that_was_running_when_the_process_died_is_an_error() -> None:
    found = report(COLLECTED, {"e": "start", "id": "a"}, result("a"), {"e": "start", "id": "b"}, exit_code=0)
    assert found.ids(Outcome.passed) == ("a",)
    last = found.by_id()["b"]
    assert last.outcome is Outcome.error
    assert last.failure is not None
    assert "ended the process" in last.failure.message
    assert not found.complete


def test_a_time_out_is_not_complete_even_after_the_end() -> None:
    found = report(COLLECTED, result("a"), result("b"), end(0, passed=2), timed_out=True)
    assert not found.complete


def test_text_loses_colours_and_secrets_and_shows_control_characters() -> None:
    token = "ghp_" + "a1B2" * 9
    shown = clean(f"\x1b[31mred\x1b[0m \x1b]0;title\x07 {token} \u202eback \x00", 1000)
    assert shown.startswith("red ")
    assert token not in shown
    assert "\\u202e" in shown
    assert "\\x00" in shown
    assert "\x1b" not in shown


def test_long_text_keeps_both_ends() -> None:
    shown = clean("first" + "x" * 10_000 + "last", 200)
    assert shown.startswith("first")
    assert shown.endswith("last")
    assert len(shown) < 300


def test_addresses_and_durations_do_not_differ_from_run_to_run() -> None:
    found = failure_from(
        {"type": "E", "message": "<C object at 0x7f0011223344> took 1.25s", "frames": [["a.py", 3, "f"]]}
    )
    assert found is not None
    assert found.message == "<C object at 0x0> took 0.0s"
    assert found.frames[0].line == 3


def test_a_failure_of_the_wrong_form_does_not_break_the_report() -> None:
    found = failure_from({"type": 3, "message": None, "frames": [["a.py", "x", 1], 7], "missing": {}})
    assert found is not None
    assert (found.type, found.message, found.frames, found.missing_module) == ("Exception", "", (), None)
