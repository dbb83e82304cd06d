"""What can be done with past runs: replay, verify, roll back, export."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from covey.agents.slots import TestRequest
from covey.agents.tester import Tester
from covey.agents.workbench import Prepared, Workbench
from covey.app.build import build_workbench, choose_sandbox, open_store, run_folder
from covey.app.engines import NoEngine
from covey.app.run import settings_of, walk_once
from covey.coordination.coordinator import Solution
from covey.coordination.journal import Journal
from covey.coordination.replay import ReplayReport, replay
from covey.coordination.verdict import FreshEvaluator
from covey.core.canonical import Frozen
from covey.core.errors import ReplayDivergence, RunError, UnusableInput
from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.ids import RUN_ID
from covey.core.progress import Observer, nobody
from covey.core.protocols import Sandbox, SandboxProcess
from covey.core.review import Evaluation
from covey.core.run import Run
from covey.evidence.archive import zip_bundle
from covey.evidence.check import check_bundle
from covey.settings import Settings
from covey.store.sqlite import SqliteStore
from covey.workspace.apply import rollback_apply
from covey.workspace.snapshot import Snapshot, load_snapshot, take_snapshot, verify_snapshot


class Checked(Frozen):
    """The check of a bundle. ``faults`` is empty when every sum and hash holds; ``tests`` is the fresh verdict.

    ``agrees`` is None when the tests were not run again; ``reduced`` then says why.
    """

    run_id: str
    folder: str
    digest: str = ""
    faults: tuple[str, ...] = ()
    agrees: bool | None = None
    reduced: str = ""
    tests: Evaluation | None = None

    @property
    def ok(self) -> bool:
        """True when nothing contradicts the evidence."""
        return not self.faults and self.agrees is not False

    def adding(self, reason: str) -> Checked:
        """The same check with one more reason why it is not complete."""
        return self.model_copy(update={"reduced": f"{self.reduced} {reason}".strip()})


class _Nothing:
    """A sandbox that runs nothing: a replay that wants to run something has diverged."""

    name = "replay"
    owner: int | None = None

    async def probe(self) -> Applied:
        raise ReplayDivergence("The replay wanted to probe a sandbox, which the recorded run did not.")

    async def exec(self, spec: ExecSpec) -> ExecResult:
        raise ReplayDivergence(f"The replay wanted to run {spec.argv[0]}, which is not in the log.")

    def start(self, spec: ExecSpec) -> AbstractAsyncContextManager[SandboxProcess]:
        raise ReplayDivergence(f"The replay wanted to start {spec.argv[0]}, which is not in the log.")


async def replay_run(run_id: str, settings: Settings) -> ReplayReport:
    """Walk the log of a run again, running nothing, and say whether the code still derives it."""
    async with open_store(settings) as store:
        run = await store.get(run_id)
        report, _ = await _walk_again(run, store, settings)
        return report


async def _walk_again(
    run: Run, store: SqliteStore, settings: Settings
) -> tuple[ReplayReport, tuple[Prepared, Solution] | None]:
    """Replay a run; also what it came to, if it came to an end."""
    ends: list[tuple[Prepared, Solution]] = []
    nothing: Sandbox = _Nothing()
    engines = None if str(run.settings.get("model", "none")).strip().lower() in ("", "none") else NoEngine()

    async def walk(journal: Journal) -> None:
        async with build_workbench(run, settings_of(run, settings), nothing, 0.0, nobody, engines=engines) as tools:
            ends.append(await walk_once(run, settings_of(run, settings), journal, tools))

    report = await replay(store, run.id, walk)
    return report, ends[0] if ends else None


async def verify(what: str, settings: Settings, *, offline: bool, observer: Observer = nobody) -> Checked:
    """Check a bundle (a run id or a folder) and, unless ``offline``, run its tests again from clean source."""
    folder = Path(what) if Path(what).is_dir() else settings.out_dir / what
    async with open_store(settings) as store:
        if not folder.is_dir():
            folder = settings.out_dir / (await store.get(what)).id
        if not folder.is_dir():
            raise UnusableInput(f"{folder} is not there; give the folder of the bundle (--out was used?).")
        result = await asyncio.to_thread(check_bundle, folder)
        checked = Checked(
            run_id=result.report.run_id if result.report else "",
            folder=str(folder),
            digest=result.digest,
            faults=tuple(str(fault) for fault in result.faults),
            reduced=" ".join(result.reduced),
        )
        if checked.faults:
            return checked
        run = {run.id: run for run in await store.list()}.get(checked.run_id)
        if run is None:
            return checked.adding("The run is not in this machine's store, so its tests were not run again.")
        if result.ground is not None and result.ground.run.genesis != run.genesis:
            return checked.model_copy(update={"faults": ("The bundle is not the one that this machine's run wrote.",)})
        if offline:
            return checked
        return await _run_tests_again(run, store, settings, checked, observer)


async def _run_tests_again(
    run: Run, store: SqliteStore, settings: Settings, checked: Checked, observer: Observer
) -> Checked:
    report, end = await _walk_again(run, store, settings)
    if end is None or not report.identical:
        return checked.model_copy(update={"faults": (f"The log cannot be replayed: {report.divergence}",)})
    prepared, solution = end
    if solution.patch is None or solution.evaluation is None:
        return checked.adding("The run has no judged patch, so there are no tests to run again.")
    sandbox = await choose_sandbox(settings_of(run, settings))
    scratch = run_folder(settings, run.id) / "verify"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        snapshot = await _snapshot_again(prepared.snapshot, run, settings, sandbox.owner, scratch)
        if snapshot is None:
            return checked.adding("Neither the run's snapshot nor the repository as it was then is there any more.")
        async with build_workbench(run, settings_of(run, settings), sandbox, 0.0, observer) as tools:
            tools.folder = scratch
            tools.prepared = prepared.model_copy(update={"snapshot": snapshot})
            tools.new_tests.update({path: text.encode() for path, text in solution.reproduction.new_tests.items()})
            fresh = await _judge_again(run, tools, solution)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    was = solution.evaluation
    agrees = (fresh.resolution, fresh.holdout_passed, bool(fresh.label)) == (
        was.resolution,
        was.holdout_passed,
        bool(was.label),
    )
    return checked.model_copy(update={"agrees": agrees, "tests": fresh})


async def _judge_again(run: Run, tools: Workbench, solution: Solution) -> Evaluation:
    assert solution.patch is not None
    before = await Tester().run(TestRequest(), tools)
    shown = solution.reproduction
    evaluator = FreshEvaluator(tools, before, shown.targets, shown.flaky)
    return await evaluator.evaluate(run.task, solution.patch)


async def _snapshot_again(
    recorded: Snapshot, run: Run, settings: Settings, owner: int | None, scratch: Path
) -> Snapshot | None:
    """The run's own snapshot if it still verifies, else a new one if the repository still has the same content."""
    try:
        if not await verify_snapshot(load_snapshot(Path(recorded.base).parent)):
            return recorded
    except RunError:  # gone or damaged
        pass
    repository = Path(run.task.repository)
    if not repository.is_dir():
        return None
    exclude = (settings.home, settings.out_dir)
    snapshot = await take_snapshot(repository, scratch / "snapshot", owner=owner, exclude=exclude)
    return snapshot if snapshot.id == recorded.id else None


async def rollback(run_id: str, settings: Settings) -> tuple[str, ...]:
    """Give the user's files back the bytes from before ``--apply``; returns the paths restored."""
    async with open_store(settings) as store:
        run = await store.get(run_id)
        state = run_folder(settings, run.id) / "apply"
        if not state.exists():
            raise UnusableInput(f"Run {run.id} did not write to the repository, so there is nothing to take back.")
        return await rollback_apply(state)


async def export(run_id: str, dest: Path, settings: Settings) -> tuple[str, ...]:
    """Write the bundle of a run as one archive; without a bundle, or to ``*.jsonl``, its event log as JSON lines.

    Returns a sentence for each part that could not be read.
    """
    async with open_store(settings) as store:
        if not RUN_ID.fullmatch(run_id):  # a whole id needs nothing of the store, which may be damaged
            run_id = (await store.get(run_id)).id
        folder = settings.out_dir / run_id
        if not folder.is_dir() and dest.suffix == ".zip":
            raise UnusableInput(f"Run {run_id} has no bundle in {settings.out_dir}; export its log: --to FILE.jsonl")
        if not folder.is_dir() or dest.suffix == ".jsonl":
            return tuple(await store.export(run_id, dest))
        await asyncio.to_thread(zip_bundle, folder, dest)
        return ()
