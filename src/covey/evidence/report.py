"""The facts of a run as one report, and the lines of a patch that look like secrets."""

from __future__ import annotations

import shlex
from pathlib import Path

from covey.core.redact import Secret, find_secrets, redact
from covey.core.report import EXIT_CODES, Alternative, RunReport, TestsBeforeAfter, TestSummary
from covey.evidence.item import EvidenceInput

_SUSPECTS = 10


def run_report(item: EvidenceInput, folder: Path | None = None) -> RunReport:
    """Build the report of a run whose bundle lies, or will lie, in ``folder`` (None: paths relative to the bundle)."""
    patch, evaluation = item.patch, item.evaluation
    label = patch.label if patch else None
    if patch and label is None and evaluation:
        label = evaluation.label
    name = None if patch is None else "patch.diff" if folder is None else str(folder / "patch.diff")
    return RunReport(
        run_id=item.run.id,
        status=item.status,
        label=label,
        patch=name,
        diff=patch.diff if patch else None,
        duration_s=round(item.duration_s, 3),
        model=item.model,
        tests=TestsBeforeAfter(before=TestSummary.of(item.before_run), after=TestSummary.of(item.after_run)),
        alternatives=tuple(
            Alternative(
                id=other.id,
                diff=other.diff,
                files=other.files,
                label=other.label,
                origin=other.origin,
                explanation=redact(other.explanation),
            )
            for other in item.alternatives
        ),
        evidence="." if folder is None else str(folder),
        tokens=item.usage,
        exit_code=EXIT_CODES[item.status],
        repository=item.run.task.repository,
        problem=redact(item.run.task.description),
        files=patch.files if patch else (),
        targets=item.targets,
        fixed=item.fixed,
        regressions=evaluation.regressions if evaluation else (),
        flaky=evaluation.flaky if evaluation else (),
        headline=redact(item.headline),
        explanation=redact(item.explanation),
        reasons=_redacted(evaluation.reasons if evaluation else ()),
        concerns=_redacted(item.concerns),
        suspects=item.suspects[:_SUSPECTS],
        notes=_redacted(item.notes),
        candidates=item.candidates,
        candidates_per_s=round(item.candidates_per_s, 1),
        sandbox=item.applied,
        secrets=added_secrets(patch.diff) if patch else (),
        head=item.head,
        error=redact(item.error),
        apply_command=apply_command(item.run.task.repository, name) if name else None,
        replay_command=f"covey runs replay {shlex.quote(item.run.id)}",
    )


def apply_command(repository: str, patch: str) -> str:
    """Return the shell command that applies a patch file to a repository."""
    where = f"-C {shlex.quote(repository)} " if Path(patch).is_absolute() and repository else ""
    return f"git {where}apply {shlex.quote(patch)}"


def added_secrets(diff: str) -> tuple[Secret, ...]:
    """Secrets in the lines that ``diff`` adds, by their line in the diff; older ones are not the patch's doing."""
    lines = diff.split("\n")
    return find_secrets("\n".join(line[1:] if line[:1] == "+" and line[:4] != "+++ " else "" for line in lines))


def _redacted(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(redact(text) for text in texts)
