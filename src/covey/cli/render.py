"""What commands print for people. Data goes to stdout; text of a repository is printed with its escapes visible."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from typing import TextIO

from covey.cli.render_paper import Paper
from covey.cli.render_progress import LiveObserver, PlainObserver, observer
from covey.core.redact import redact
from covey.core.report import LABEL_MEANING, STATUS_MEANING, Finding, FindingState, RunReport, TestSummary
from covey.core.run import Run, RunStatus, Step

__all__ = [
    "LiveObserver",
    "PlainObserver",
    "observer",
    "print_outcome",
    "render_doctor",
    "render_runs_table",
    "render_steps",
]

_GOOD, _FAIR, _BAD = "bold green", "bold yellow", "bold red"
_STATUS_STYLES = {
    RunStatus.patched: _GOOD,
    RunStatus.already_passing: _GOOD,
    RunStatus.plausible: _FAIR,
    RunStatus.partial: _FAIR,
    RunStatus.running: _FAIR,
    RunStatus.interrupted: _FAIR,
}
_STATE_STYLES = {FindingState.ok: _GOOD, FindingState.reduced: _FAIR, FindingState.missing: _BAD}
_SUSPECTS = 5


def print_outcome(report: RunReport, stream: TextIO) -> None:
    """Print how a run ended: status, label, diff, tests, evidence, and the commands that come next."""
    paper = Paper(stream)
    style = _STATUS_STYLES.get(report.status, _BAD)
    if report.headline:
        paper.line(report.headline, style)
    paper.field("status", f"{report.status.value}: {STATUS_MEANING[report.status]}", style)
    if report.label is not None or report.diff is not None:
        name = report.label.value if report.label else "none"
        paper.field("label", f"{name}: {LABEL_MEANING[report.label]}")
    if report.error:
        paper.field("error", report.error, _BAD)
    _story(paper, report)
    if report.diff is not None:
        paper.line()
        paper.diff(report.diff)
        paper.line()
    _numbers(paper, report)
    _next_steps(paper, report)


def _story(paper: Paper, report: RunReport) -> None:
    paper.names("where", report.files)
    if report.explanation:
        paper.field("what", report.explanation)
    if report.diff is None and report.suspects:
        places = report.suspects[:_SUSPECTS]
        paper.names("suspects", tuple(f"{place.path}:{place.line} (score {place.score:.2f})" for place in places))
    paper.names("why", report.reasons)
    paper.names("concerns", report.concerns)
    secrets = tuple(
        f"{secret.kind} in line {secret.line} of the patch: look before you publish it" for secret in report.secrets
    )
    paper.names("secrets", secrets)


def _numbers(paper: Paper, report: RunReport) -> None:
    before, after = report.tests.before, report.tests.after
    if before is not None:
        paper.field("tests", f"before: {_counts(before)}" + (f"\nafter:  {_counts(after)}" if after else ""))
    paper.names("fixed", report.fixed)
    if report.diff is None and before is not None:
        paper.names("red", before.red)
    paper.names("broken", report.regressions)
    paper.names("flaky", report.flaky)
    pace = f" ({report.candidates_per_s:.1f}/s)" if report.candidates_per_s else ""
    paper.field("time", f"{report.duration_s:.1f} s, {report.candidates} candidates{pace}")
    tokens = report.tokens
    used = f", tokens: {tokens.prefilled} prefilled, {tokens.reused} reused, {tokens.generated} generated"
    paper.field("model", report.model + (used if report.model != "none" else " (procedures only)"))
    missing = f"; nothing enforced: {', '.join(report.sandbox.missing)}" if report.sandbox.missing else ""
    paper.field("sandbox", report.sandbox.sandbox + missing, _BAD if report.sandbox.sandbox == "none" else "")
    paper.names("notes", report.notes)


def _counts(summary: TestSummary) -> str:
    red = summary.failed + summary.error
    parts = [f"{summary.passed} passed", f"{red} red"]
    if summary.skipped:
        parts.append(f"{summary.skipped} skipped")
    if summary.timed_out:
        parts.append("ran into the time limit")
    elif not summary.complete:
        parts.append("did not reach its end")
    return ", ".join(parts) + f" of {summary.total}"


def _next_steps(paper: Paper, report: RunReport) -> None:
    if report.alternatives:
        plural = "es" if len(report.alternatives) != 1 else ""
        paper.field("others", f"{len(report.alternatives)} other patch{plural} passed the target tests: see report.md")
    if report.evidence:
        paper.field("evidence", report.evidence)
    run_id = shlex.quote(report.run_id)
    if report.applied:
        paper.field("applied", f"to {report.repository}\ntake it back: covey runs rollback {run_id}")
    elif report.apply_command:
        paper.field("apply", report.apply_command)
        if report.status is RunStatus.patched:
            paper.field("", f"or: covey run --repo {shlex.quote(report.repository or '.')} --apply")
    paper.field("check", f"covey runs verify {run_id}")
    if report.replay_command:
        paper.field("replay", report.replay_command)
    if not report.status.final:
        paper.field("resume", f"covey runs resume {run_id}")


def render_runs_table(runs: Sequence[Run], stream: TextIO) -> None:
    """Print one line for each run: id, status, start (UTC), number of steps, repository, problem."""
    paper = Paper(stream)
    if not runs:
        paper.line("No runs yet. Start one: covey run --repo PATH")
        return
    ids = max(len("run"), *(len(run.id) for run in runs))
    states = max(len("status"), *(len(run.status.value) for run in runs))
    paper.line(f"{'run':<{ids}}  {'status':<{states}}  {'started (UTC)':<16}  steps  repository", "bold")
    for run in runs:
        problem = _first_line(run.task.description)
        paper.spans(
            (f"{run.id:<{ids}}  ", ""),
            (f"{run.status.value:<{states}}", _STATUS_STYLES.get(run.status, _BAD)),
            (f"  {_clock(run.created_at)}  {run.steps:>5}  {run.task.repository}", ""),
            (f"  {problem}" if problem else "", "dim"),
        )


def render_steps(run: Run, steps: Sequence[Step], stream: TextIO) -> None:
    """Print a run's facts and one line for each step: number, seconds, tokens generated, hash, name."""
    paper = Paper(stream)
    paper.field("run", run.id, "bold")
    paper.field("status", f"{run.status.value}: {STATUS_MEANING[run.status]}", _STATUS_STYLES.get(run.status, _BAD))
    paper.field("folder", run.task.repository)
    if run.task.description.strip():
        paper.field("problem", _first_line(run.task.description))
    paper.field("started", f"{_clock(run.created_at)} UTC, Covey {run.covey_version or 'unknown'}, seed {run.seed}")
    if run.error:
        paper.field("error", run.error, _BAD)
    paper.field("head", run.head or run.genesis)
    paper.line()
    paper.line(f"{'step':>5}  {'seconds':>8}  {'tokens':>7}  {'hash':<12}  name", "bold")
    for step in steps:
        numbers = f"{step.seq:>5}  {step.duration_s:>8.2f}  {step.usage.generated:>7}"
        paper.spans((f"{numbers}  ", ""), (f"{step.hash[:12]:<12}", "dim"), (f"  {step.name}", ""))


def render_doctor(findings: Sequence[Finding], stream: TextIO) -> None:
    """Print what is there, what is reduced or missing, and the command that mends it."""
    paper = Paper(stream)
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        paper.spans(
            (f"{finding.state.value:<7}", _STATE_STYLES[finding.state]),
            (f"  {finding.name:<{width}}  {finding.detail}", ""),
        )
        if finding.mend and finding.state is not FindingState.ok:
            paper.spans((" " * (width + 11), ""), (f"mend: {finding.mend}", "bold"))


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))


def _first_line(text: str, limit: int = 60) -> str:
    line = redact((text.strip().splitlines() or [""])[0])
    return line if len(line) <= limit else line[: limit - 1] + "…"
