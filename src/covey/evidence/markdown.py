"""``report.md``: the report in plain words, for a person who was not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from covey.core.redact import redact, visible
from covey.core.report import LABEL_MEANING, STATUS_MEANING, RunReport, TestSummary
from covey.core.run import RunStatus
from covey.evidence.item import EvidenceInput

_NAMES = 30
_DIFF = 20_000
_TEXT = 4_000


def markdown(item: EvidenceInput, report: RunReport) -> str:
    """Return the text of ``report.md``. Only facts of ``item`` and ``report``; secrets redacted, controls visible."""
    parts = (
        _head(report),
        _problem(item, report),
        _change(item, report),
        _tests(report),
        _label(report),
        _secrets(report),
        _alternatives(report),
        _tried(report),
        _environment(item, report),
        _limits(report),
        _usage(item, report),
    )
    return visible(redact("\n".join(line for part in parts for line in part))) + "\n"


def _head(report: RunReport) -> Iterator[str]:
    yield f"# Run {report.run_id}"
    yield ""
    if report.headline:
        yield from (f"**{_plain(report.headline)}**", "")
    yield f"- Status: **{report.status.value}**. {STATUS_MEANING[report.status]}"
    yield f"- Label: **{report.label.value if report.label else 'none'}**. {LABEL_MEANING[report.label]}"
    yield f"- Time: {report.duration_s:.1f} s. Model: {_plain(report.model)}."
    if report.error:
        yield f"- Error: {_plain(report.error)}"


def _problem(item: EvidenceInput, report: RunReport) -> Iterator[str]:
    yield from ("", "## The problem", "")
    if report.problem.strip():
        yield from (f"> {line}" for line in _bounded(report.problem.strip(), _TEXT).split("\n"))
    else:
        yield "No text was given: the failing tests are the problem."
    yield ""
    yield f"Repository {_code(report.repository)}, base snapshot {_code(item.base_id or 'not recorded')}."
    if report.targets:
        yield from ("", "Target tests, which had to turn green:", "", *_names(report.targets))
    else:
        yield from ("", "No test showed the problem, so there was no target to turn green.")


def _change(item: EvidenceInput, report: RunReport) -> Iterator[str]:
    yield from ("", "## Where, what was wrong, what changed", "")
    if item.patch is None:
        yield "There is no patch: no file needs to change, or no change was good enough to be offered."
    else:
        candidate = item.patch.candidate
        place = f"{candidate.path}:{candidate.line}" if candidate else ", ".join(report.files)
        yield f"Where: {_code(place)}. Origin of the change: {_code(item.patch.origin or 'not recorded')}."
    if report.explanation:
        yield from ("", _plain(report.explanation))
    if report.diff is not None:
        yield from ("", *_diff(report.diff))
    if report.suspects and item.patch is None:
        yield from ("", "The most suspicious places, best first:", "")
        for suspect in report.suspects:
            why = f" ({_plain('; '.join(suspect.reasons))})" if suspect.reasons else ""
            name = f" in {_code(suspect.symbol)}" if suspect.symbol else ""
            yield f"- {_code(f'{suspect.path}:{suspect.line}')}{name}, score {suspect.score:.2f}{why}"


def _tests(report: RunReport) -> Iterator[str]:
    yield from ("", "## Tests", "")
    before, after = report.tests.before, report.tests.after
    if before is None:
        yield "The tests were not run."
        return
    yield from ("| | before | after |", "|---|---:|---:|")
    for name in ("total", "passed", "failed", "error", "skipped", "xfailed", "xpassed"):
        yield f"| {name} | {getattr(before, name)} | {getattr(after, name) if after else 'not run'} |"
    for when, summary in (("before", before), ("after", after)):
        if summary is not None and (summary.timed_out or not summary.complete):
            how = "ran into its time limit" if summary.timed_out else "did not reach its own end"
            yield from ("", f"The session {when} the patch {how}; its counts are what was seen until then.")
    for title, names in (
        ("Red before, green now:", report.fixed),
        ("Still red:", _still_red(report, after)),
        ("Broken by the patch:", report.regressions),
        ("Flaky, therefore not counted:", report.flaky),
    ):
        if names:
            yield from ("", title, "", *_names(names))


def _still_red(report: RunReport, after: TestSummary | None) -> tuple[str, ...]:
    if after is not None:
        return tuple(name for name in after.red if name not in report.regressions)
    return report.tests.before.red if report.tests.before else ()


def _label(report: RunReport) -> Iterator[str]:
    yield from ("", "## Why the label is not higher", "")
    if report.reasons:
        yield from (f"- {_plain(reason)}" for reason in report.reasons)
    elif report.label is None:
        yield "No patch was judged."
    else:
        yield "Nothing was recorded against it." if report.label != "verified" else "`verified` is the highest label."
    if report.concerns:
        yield from ("", "Concerns of the review:", "", *(f"- {_plain(text)}" for text in report.concerns))


def _secrets(report: RunReport) -> Iterator[str]:
    if report.secrets:
        yield from ("", "## Secrets in the patch", "")
        yield "Lines that the patch adds look like secrets. Do not publish patch.diff before you have looked at them:"
        yield ""
        yield from (f"- {secret.kind} in line {secret.line} of patch.diff" for secret in report.secrets)


def _alternatives(report: RunReport) -> Iterator[str]:
    yield from ("", "## Alternatives", "")
    if not report.alternatives:
        yield "No other patch was kept."
    for number, other in enumerate(report.alternatives, 1):
        label = f", label {other.label.value}" if other.label else ""
        origin = _code(other.origin or "not recorded")
        yield f"{number}. {_code(other.id)} from {origin}{label}. {_plain(other.explanation)}"
        yield from ("", *_diff(other.diff), "")


def _tried(report: RunReport) -> Iterator[str]:
    yield from ("", "## What was tried", "")
    pace = f", {report.candidates_per_s:.1f} a second" if report.candidates_per_s else ""
    yield f"{report.candidates} candidate changes{pace}."
    if report.notes:
        yield from ("", *(f"- {_plain(note)}" for note in report.notes))


def _environment(item: EvidenceInput, report: RunReport) -> Iterator[str]:
    yield from ("", "## Environment", "")
    environment, command = item.environment, item.command
    if environment is None:
        yield "- Python: no environment was prepared."
    else:
        version = ".".join(map(str, environment.version))
        yield f"- Python {version} ({environment.kind}), {len(environment.lock)} packages: see environment.lock."
        yield from (f"- {_plain(note)}" for note in environment.notes)
    if command is not None:
        shown = command.shell or " ".join(command.argv)
        yield f"- Test command ({command.framework}, {'given' if command.given else 'found'}): {_code(shown)}"
        yield from (f"- {_plain(note)}" for note in command.notes)
    yield f"- Covey {item.run.covey_version or 'of unknown version'}, seed {item.run.seed}."
    tokens = report.tokens
    yield f"- Tokens: {tokens.prefilled} prefilled, {tokens.reused} reused, {tokens.generated} generated."


def _limits(report: RunReport) -> Iterator[str]:
    yield from ("", "## What contained the repository's code", "")
    yield f"Sandbox: **{_plain(report.sandbox.sandbox)}**."
    if report.sandbox.mechanisms:
        yield from ("", "| limit | enforced by |", "|---|---|")
        yield from (f"| {_plain(name)} | {_plain(how)} |" for name, how in sorted(report.sandbox.mechanisms.items()))
        missing = ", ".join(report.sandbox.missing) or "nothing"
        yield from ("", f"Not enforced by anything: {_plain(missing)}.")
    else:
        yield "Which limits held was not recorded."


def _usage(item: EvidenceInput, report: RunReport) -> Iterator[str]:
    if item.patch is not None:
        yield from ("", "## How to apply", "", "In the root of the repository, with the path of this folder:", "")
        yield from ("```", "git apply /path/to/this/folder/patch.diff", "```")
        if report.status is RunStatus.patched:
            yield from ("", "`covey run --apply` with the same arguments finds and applies it in one go.")
    yield from ("", "## How to check", "")
    yield from ("```", "covey runs verify /path/to/this/folder", f"covey runs replay {report.run_id}", "```", "")
    yield "The first checks every sum, the chain of events and the patch against the files kept here, then runs the"
    yield "tests again where the snapshot is at hand. Without Covey: manifest.json holds the SHA-256 of every file,"
    yield f"statement.json names the patch and the base. The chain of {len(item.steps)} events ends in"
    yield f"{_code(report.head)}."


def _names(names: Iterable[str]) -> Iterator[str]:
    every = tuple(names)
    yield from (f"- {_code(name)}" for name in every[:_NAMES])
    if len(every) > _NAMES:
        yield f"- and {len(every) - _NAMES} more: see report.json"


def _diff(text: str) -> Iterator[str]:
    fence = _fence(text, 3)
    yield from (f"{fence}diff", _bounded(text.rstrip("\n"), _DIFF), fence)


def _code(text: str) -> str:
    """Text of unknown content as inline code that it cannot leave."""
    flat = " ".join(text.split())
    fence = _fence(flat, 1)
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"


def _fence(text: str, least: int) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(least, longest + 1)


def _plain(text: str) -> str:
    """One line that cannot start a table cell, a heading, a list, a quotation or a tag."""
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")
    return f"\\{line}" if line.startswith(("#", ">", "-", "+", "*", "`", "=")) else line


def _bounded(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit} more characters"
