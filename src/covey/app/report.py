"""From a solution to the evidence bundle and the report."""

from __future__ import annotations

from pathlib import Path

from covey.agents.slots import Verified
from covey.agents.workbench import Prepared, Workbench
from covey.coordination.coordinator import Solution
from covey.core.artifact import ArtifactKind
from covey.core.execution import Applied
from covey.core.patch import Patch
from covey.core.report import RunReport
from covey.core.run import Run, RunStatus
from covey.evidence.bundle import write_bundle
from covey.evidence.item import EvidenceInput
from covey.evidence.report import run_report
from covey.settings import Settings
from covey.store.sqlite import SqliteStore
from covey.workspace.difftext import new_files
from covey.workspace.edits import changes_of
from covey.workspace.sources import SourceFiles


async def finish_run(
    run: Run,
    store: SqliteStore,
    settings: Settings,
    tools: Workbench,
    *,
    prepared: Prepared,
    solution: Solution,
    duration_s: float,
    applied: bool,
) -> RunReport:
    """Write the bundle of a run that ended and return its report; a run reported again has the same one."""
    steps = tuple(await store.steps(run.id))
    verify_seconds = sum(
        Verified.model_validate(step.detail).seconds for step in steps if step.name.startswith("verify/")
    )
    after = solution.evaluation.after if solution.evaluation else None
    item = EvidenceInput(
        run=run,
        base=prepared.snapshot.id,
        status=solution.status,
        steps=steps,
        patch=solution.patch,
        evaluation=solution.evaluation,
        reviews=solution.reviews,
        alternatives=solution.alternatives,
        environment=prepared.environment,
        command=prepared.command,
        applied=solution.baseline.applied if solution.baseline.results else await tools.sandbox.probe(),
        before=solution.baseline,
        after=after,
        notes=(*notes_of(prepared, solution, applied=applied), *(tools.model.notes if tools.model else ())),
        headline=solution.story.headline,
        explanation=" ".join(solution.story.sentences),
        touched=touched_files(prepared, solution.patch),
        targets=solution.reproduction.targets,
        suspects=solution.localisation.suspects[:10],
        new_tests=solution.reproduction.new_tests,
        model=settings.model,
        candidates=solution.tried,
        candidates_per_s=solution.tried / verify_seconds if verify_seconds else 0.0,
        duration_s=duration_s,
    )
    folder = await write_bundle(settings.out_dir, item)
    await keep_bundle(run, store, folder)
    report = run_report(item, folder)
    return report.model_copy(update={"applied": applied and solution.patch is not None})


async def failed_bundle(run: Run, store: SqliteStore, settings: Settings, error: str) -> None:
    """Keep what is known of a run that could not be finished."""
    item = EvidenceInput(
        run=run,
        status=RunStatus.failed,
        steps=tuple(await store.steps(run.id)),
        applied=Applied(sandbox="unknown"),
        model=settings.model,
        error=error,
    )
    await write_bundle(settings.out_dir, item)


def notes_of(prepared: Prepared, solution: Solution, *, applied: bool) -> tuple[str, ...]:
    """Everything that was reduced, left out or set aside, in sentences."""
    shown = solution.reproduction
    aside = tuple(f"{test} is red and was set aside: {why}." for test, why in sorted(shown.set_aside.items()))
    bare = (
        ("The repository's code ran without a sandbox (--unsafe-no-sandbox).",)
        if solution.baseline.applied.sandbox == "none"
        else ()
    )
    done = ("The patch was applied to the repository (--apply).",) if applied and solution.patch else ()
    found = (*prepared.snapshot.notes, *prepared.environment.notes, *prepared.command.notes, *solution.brief.notes)
    return (*bare, *found, *shown.notes, *aside, *solution.localisation.notes, *solution.notes, *done)


def touched_files(prepared: Prepared, patch: Patch | None) -> dict[str, tuple[bytes | None, bytes | None]]:
    """Bytes before and after of each file that the patch changes."""
    if patch is None:
        return {}
    if patch.candidate is None:  # a module that was written, not a repair: every repair is made from a candidate
        return {path: (None, text.encode()) for path, text in new_files(patch.diff).items()}
    sources = SourceFiles(prepared.snapshot)
    changed = changes_of(sources, patch.candidate.edits)
    return {path: (sources.get(path), data) for path, data in changed.items()}


_KINDS = {
    "patch.diff": ArtifactKind.patch,
    "environment.lock": ArtifactKind.environment,
    "statement.json": ArtifactKind.provenance,
    "manifest.json": ArtifactKind.manifest,
    "report.json": ArtifactKind.report,
    "report.md": ArtifactKind.report,
    "logs/before.txt": ArtifactKind.test_results,
    "logs/after.txt": ArtifactKind.test_results,
}


async def keep_bundle(run: Run, store: SqliteStore, folder: Path) -> None:
    """Keep the files of a bundle as artifacts of the run, so that they outlive the folder."""
    for name, kind in _KINDS.items():
        path = folder / name
        if path.is_file():
            digest = await store.put_artifact(path.read_bytes())
            await store.link_artifact(run.id, name, digest, kind)
