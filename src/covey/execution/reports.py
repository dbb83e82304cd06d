"""From what a payload said on the channel, and how the process ended, to a :class:`TestReport`.

The channel is written by a process that runs untrusted code, so nothing on it is believed against the rest:

- the report is complete only if the end was announced, its status is the process's exit code, its totals are the
  results seen, every collected test has a result, and red results and exit code agree;
- a test that was ever reported red stays red, whatever is said later;
- a line that is not an event of the known form is skipped, and the report is then not complete.

Not defended: code that knows this protocol, finds the descriptor, reports every collected test as passed and then
ends the process with status 0. Whoever needs more compares the ids with those of an earlier run (see
:func:`covey.core.testing.regressions`) and looks at what the patch changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from covey.core.canonical import scrub
from covey.core.execution import ExecResult
from covey.core.redact import redact, visible
from covey.core.testing import Failure, Frame, Outcome, TestReport, TestResult

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_MESSAGE = 1_000
_TEXT = 4_000
_ID = 1_000
_FRAMES = 60
_OUTPUT = 20_000


def clean(text: str, limit: int) -> str:
    """Make text from a test fit to record and show.

    Colours are dropped, other control and direction characters written as escapes, secrets redacted; a text longer
    than ``limit`` characters keeps its two ends.
    """
    plain = _ANSI.sub("", text.replace("\r\n", "\n"))
    if len(plain) > 4 * limit:
        plain = f"{plain[: 3 * limit]}\n[...]\n{plain[-limit:]}"
    shown = redact(visible(plain))
    if len(shown) <= limit:
        return shown
    head = limit * 2 // 3
    return f"{shown[:head]}\n[...]\n{shown[head - limit :]}"


def decoded(data: bytes) -> str:
    """Decode output of a program; bytes that are not UTF-8 become visible escapes."""
    return data.decode("utf-8", "backslashreplace")


def output_of(result: ExecResult) -> str:
    """What the program printed, standard output first, cleaned and bounded."""
    parts = (decoded(part).strip("\n") for part in (result.stdout, result.stderr))
    return clean("\n".join(part for part in parts if part), _OUTPUT)


def _text(value: object, limit: int) -> str:
    return clean(value, limit) if isinstance(value, str) else ""


def _frames(value: object) -> Iterable[Frame]:
    for item in value if isinstance(value, list) else ():
        match item:
            case [str(path), int(line), str(function)]:
                yield Frame(path=clean(path, _ID), line=line, function=clean(function, 200))


def failure_from(value: object) -> Failure | None:
    """Read a failure as a payload describes it; None when it is not one."""
    if not isinstance(value, dict):
        return None
    missing = value.get("missing")
    return Failure(
        type=_text(value.get("type"), 200) or "Exception",
        message=scrub(_text(value.get("message"), _MESSAGE)),
        frames=tuple(_frames(value.get("frames")))[-_FRAMES:],
        missing_module=_text(missing, 200) if isinstance(missing, str) else None,
        text=_text(value.get("text"), _TEXT),
    )


def result_from(event: Mapping[str, Any]) -> TestResult | None:
    """Read a result event; None when it does not have the known form."""
    name, outcome, path, seconds = (event.get(key) for key in ("id", "outcome", "path", "seconds"))
    if not isinstance(name, str) or not isinstance(outcome, str) or outcome not in Outcome.__members__:
        return None
    return TestResult(
        id=clean(name, _ID),
        outcome=Outcome(outcome),
        failure=failure_from(event.get("failure")),
        path=clean(path, _ID) if isinstance(path, str) else None,
        duration_s=float(seconds) if isinstance(seconds, (int, float)) else 0.0,
    )


class Session:
    """Everything a payload reported in one run, in order."""

    def __init__(self) -> None:
        self.hello = False
        self.malformed = False
        self.collected: dict[str, None] = {}
        self.results: dict[str, TestResult] = {}
        self.running: str | None = None
        self.status: int | None = None
        self.totals: dict[str, int] | None = None

    def feed(self, channel: bytes) -> None:
        """Take in what came over the channel."""
        for line in channel.split(b"\n"):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except (ValueError, RecursionError):
                self.malformed = True
                continue
            if isinstance(event, dict):
                self._take(event)
            else:
                self.malformed = True

    def _take(self, event: dict[str, Any]) -> None:
        match event:
            case {"e": "hello"}:
                self.hello = True
            case {"e": "collected", "ids": list(ids)}:
                self.collected.update((clean(name, _ID), None) for name in ids if isinstance(name, str))
            case {"e": "start", "id": str(name)}:
                self.running = clean(name, _ID)
            case {"e": "result"} if (result := result_from(event)) is not None:
                known = self.results.get(result.id)
                if known is None or not known.outcome.bad:
                    self.results[result.id] = result
                if self.running == result.id:
                    self.running = None
            case {"e": "end", "status": int(status), "totals": dict(totals)}:
                self.malformed |= self.status is not None
                self.status, self.totals = status, totals
            case _:
                self.malformed = True

    def complete(self, exit_code: int | None) -> bool:
        """Say whether all that was reported fits together, and with the exit code."""
        if self.malformed or self.running is not None or self.status is None or self.status != exit_code:
            return False
        counts: dict[str, int] = {}
        for result in self.results.values():
            counts[result.outcome.value] = counts.get(result.outcome.value, 0) + 1
        red = any(result.outcome.bad for result in self.results.values())
        if exit_code == 5:  # neither framework found a test
            return not red
        # A test reported twice (a tear-down of its class that failed) makes the totals larger than the results.
        fits = all(isinstance(self.totals and self.totals.get(name), int) for name in counts)
        fits = fits and sum((self.totals or {}).values()) >= len(self.results)
        interrupted = exit_code not in (0, 1)  # for instance collection errors: nothing was run
        unseen = not interrupted and any(name not in self.results for name in self.collected)
        return fits and not unseen and red == (exit_code != 0)


def ended_the_process(name: str, result: ExecResult) -> TestResult:
    """Result of the test that was running when the process ended."""
    if result.timed_out:
        kind, how = "Timeout", "did not end within the time limit"
    elif result.out_of_memory:
        kind, how = "OutOfMemory", "used more memory than allowed"
    elif result.signal is not None:
        kind, how = "ProcessEnded", f"ended the process by signal {result.signal}"
    else:
        kind, how = "ProcessEnded", f"ended the process with exit code {result.exit_code}"
    return TestResult(id=name, outcome=Outcome.error, failure=Failure(type=kind, message=f"The test {how}."))


def report_from(session: Session, result: ExecResult, command: tuple[str, ...]) -> TestReport:
    """Build the report of one run that used a payload."""
    results = dict(session.results)
    ended = result.timed_out or result.out_of_memory or result.signal is not None
    complete = not ended and session.complete(result.exit_code)
    if session.running is not None and session.running not in results:
        results[session.running] = ended_the_process(session.running, result)
    return _report(tuple(results.values()), result, command, complete=complete)


def opaque_report(result: ExecResult, command: tuple[str, ...]) -> TestReport:
    """Build the report of a command that is judged by its exit code alone."""
    passed = result.exit_code == 0 and not result.timed_out
    failure = None
    if not passed:
        how = f"signal {result.signal}" if result.exit_code is None else f"exit code {result.exit_code}"
        text = output_of(result)
        failure = Failure(type="CommandFailed", message=f"The test command ended with {how}.", text=text[-_TEXT:])
    outcome = Outcome.passed if passed else Outcome.failed
    complete = result.exit_code is not None and not result.timed_out
    return _report((TestResult(id="command", outcome=outcome, failure=failure),), result, command, complete=complete)


def _report(
    results: tuple[TestResult, ...], result: ExecResult, command: tuple[str, ...], *, complete: bool
) -> TestReport:
    return TestReport(
        results=results,
        exit_code=result.exit_code,
        signal=result.signal,
        complete=complete,
        timed_out=result.timed_out,
        out_of_memory=result.out_of_memory,
        truncated=result.truncated,
        output=output_of(result),
        command=command,
        duration_s=result.duration_s,
        applied=result.applied,
    )
