"""Running a task from start to evidence."""

from __future__ import annotations

import asyncio
import resource
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import covey
from covey.agents.desk import Engines
from covey.agents.preprocessor import kept
from covey.agents.workbench import Prepared, Workbench
from covey.app.build import (
    build_workbench,
    check_settings,
    choose_sandbox,
    open_store,
    outcome_settings,
    prepare,
    prepare_empty,
    recheck,
    recover_interrupted,
    run_folder,
)
from covey.app.engines import open_engines
from covey.app.flocks import model_flock
from covey.app.logfile import logging_to
from covey.app.report import failed_bundle, finish_run
from covey.coordination.authoring import Crew, model_crew, write_module
from covey.coordination.coordinator import Solution, coordinate
from covey.coordination.flock import Flock
from covey.coordination.journal import Journal
from covey.coordination.policies import policy
from covey.core.errors import CoveyError, EngineError, StoreError, UnusableInput
from covey.core.ids import new_run_id
from covey.core.progress import Observer, Progress, nobody
from covey.core.protocols import RunStore, Sandbox
from covey.core.redact import redact
from covey.core.report import RunReport
from covey.core.run import Run, RunStatus
from covey.core.task import Task, TaskStatus
from covey.settings import Settings, load_settings, settings_from
from covey.store.sqlite import SqliteStore
from covey.workspace.apply import apply_to_user_tree


async def solve(
    repository: str | Path,
    problem: str = "",
    *,
    test: str | None = None,
    holdout: Sequence[str] = (),
    apply: bool = False,
    settings: Settings | None = None,
    observer: Observer = nobody,
) -> RunReport:
    """Repair ``repository`` and return what ``covey run --json`` prints.

    ``problem`` may be empty: then the failing tests are the problem. Raises ConfigError for unusable input and
    RunError when the machinery fails; "no patch" is a report, not an error.
    """
    if test is not None and redact(test) != test:
        raise UnusableInput("The test command holds what looks like a secret, and it would be recorded. Leave it out.")
    path = Path(repository).expanduser().absolute()
    if not path.is_dir():
        raise UnusableInput(f"{path} is not a folder. Give the path of a Python repository with --repo.")
    task = Task(
        id="task",
        description=kept(redact(problem)),
        repository=str(path.resolve()),
        test_command=test,
        holdout=tuple(name.rstrip("/") for name in holdout),
        status=TaskStatus.in_progress,
    )
    return await run_task(task, settings or load_settings(), observer=observer, apply=apply)


async def run_task(task: Task, settings: Settings, *, observer: Observer = nobody, apply: bool = False) -> RunReport:
    """Open a run for ``task`` and walk it to its end. Raises ConfigError, RunError, asyncio.CancelledError."""
    check_settings(settings)
    async with open_engines(settings, telling(observer)) as engines:
        await try_engines(engines, observer)
        return await run_with(engines, task, settings, observer=observer, apply=apply)


async def run_with(
    engines: Engines | None, task: Task, settings: Settings, *, observer: Observer = nobody, apply: bool = False
) -> RunReport:
    """Do what :func:`run_task` does with engines that are open already, and leave them open."""
    check_settings(settings)
    async with open_store(settings) as store:
        await recover_interrupted(settings, store, observer)
        sandbox = await choose_sandbox(settings)
        run = Run(
            id=new_run_id(),
            task=task,
            settings=outcome_settings(settings),
            seed=settings.seed,
            covey_version=covey.__version__,
            created_at=time.time(),
        )
        run = run.model_copy(update={"genesis": run.derive_genesis()})
        await store.create(run)
        return await walk(run, store, settings, sandbox, observer=observer, engines=engines, apply=apply)


async def resume_run(run_id: str, settings: Settings, *, observer: Observer = nobody) -> RunReport:
    """Go on with a run where its log ends; a finished run is only reported again."""
    async with open_store(settings) as store:
        run = await store.get(run_id)
        await recover_interrupted(settings, store, observer)
        settings = settings_of(run, settings)
        await _check_ground(run, store)  # before anything is marked: what has ended stays as it ended
        sandbox = await choose_sandbox(settings)
        async with open_engines(settings, telling(observer)) as engines:
            return await walk(run, store, settings, sandbox, observer=observer, engines=engines, apply=False)


def settings_of(run: Run, settings: Settings) -> Settings:
    """The settings with which ``run`` was started: what decides its outcome comes from its record."""
    return settings_from({**settings.model_dump(), **run.settings, "seed": run.seed})


async def walk(
    run: Run,
    store: SqliteStore,
    settings: Settings,
    sandbox: Sandbox,
    *,
    observer: Observer,
    engines: Engines | None,
    apply: bool,
) -> RunReport:
    """Walk a run under its lock, and leave its status true whatever happens."""
    started = time.monotonic()
    with store.acquire(run.id):
        try:
            await store.set_status(run.id, RunStatus.running)
            if settings.log_file:
                observer = logging_to(settings.log_file, observer)
            journal = await Journal.open(store, run)
            spent = sum(step.duration_s for step in await store.steps(run.id))
            async with build_workbench(run, settings, sandbox, spent, observer, engines=engines) as tools:
                prepared, solution = await walk_once(run, settings, journal, tools)
                applied = apply and solution.status is RunStatus.patched and solution.patch is not None
                if applied and solution.patch is not None:
                    state = run_folder(settings, run.id) / "apply"
                    await apply_to_user_tree(Path(run.task.repository), prepared.snapshot, solution.patch, state)
            metrics = _metrics(tools, time.monotonic() - started, spent)
            await store.record_metrics(run.id, metrics)
            report = await finish_run(
                run,
                store,
                settings,
                tools,
                prepared=prepared,
                solution=solution,
                duration_s=metrics["wall_seconds"],
                applied=applied,
            )
            await store.set_status(run.id, solution.status)
            await _tidy(store, settings, run.id)
            return report
        except (asyncio.CancelledError, KeyboardInterrupt):
            await asyncio.shield(_mark(store, run.id, RunStatus.interrupted, ""))
            raise
        except Exception as error:
            words = redact(f"{type(error).__name__}: {error}")
            await _mark(store, run.id, RunStatus.failed, words)
            if not isinstance(error, StoreError):
                detail = error.detail if isinstance(error, CoveyError) else ""
                try:
                    await failed_bundle(run, store, settings, f"{words}\n{redact(detail)}")
                except CoveyError as second:  # the first error is the one that the user must see
                    error.add_note(f"Its evidence could not be written either: {second}")
            raise


async def try_engines(engines: Engines | None, observer: Observer) -> None:
    """Start the model before anything else, so that one that cannot be used is an error at once (UnusableModel).

    An engine that only fails is no reason to stop: the floors do without, and each slot tries it again.
    """
    if engines is None:
        return
    try:
        async with engines.use("generator") as backend:
            found = await backend.capabilities()
            observer(Progress(stage="model", message=f"{backend.name}, a window of {found.context} tokens"))
    except EngineError as error:
        observer(Progress(stage="model", state="failed", message=str(error)))


def telling(observer: Observer) -> Callable[[str], None]:
    """What engines say about themselves, as progress."""
    return lambda message: observer(Progress(stage="model", message=message))


async def walk_once(run: Run, settings: Settings, journal: Journal, tools: Workbench) -> tuple[Prepared, Solution]:
    """The walk itself, the same for a new run, a resumed one and a replay."""

    async def make_ready() -> Prepared:
        if not run.task.repository:
            return await prepare_empty(settings, tools)
        return await prepare(run.task, settings, tools)

    request = {"repository": run.task.repository, "test": run.task.test_command or ""}
    prepared = await journal.step("prepare", request, Prepared, make_ready, role="workspace")
    tools.prepared = prepared
    tools.tell("prepare", "done")
    if run.task.repository:
        flock = Flock() if tools.model is None else model_flock()
        solution = await coordinate(run.task, journal, tools, flock, policy(settings.policy))
    else:
        crew = Crew() if tools.model is None else model_crew()
        solution = await write_module(run.task, journal, tools, crew)
    await journal.finish()
    return prepared, solution


async def _check_ground(run: Run, store: RunStore) -> None:
    """Before a resumed walk does anything for real, its recorded ground must still be there."""
    steps = await store.steps(run.id)
    if steps:
        await recheck(Prepared.model_validate(steps[0].detail))


async def _mark(store: RunStore, run_id: str, status: RunStatus, error: str) -> None:
    """Set a status on the way out; a store that has just failed cannot take it, and the first error matters more."""
    try:
        await store.set_status(run_id, status, error[:2000])
    except StoreError:
        if status is not RunStatus.failed:
            raise


def _metrics(tools: Workbench, seconds: float, spent: float) -> dict[str, float]:
    """Duration, processor time and memory of the run (E13): seconds and bytes."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **tools.metrics,
        "wall_seconds": seconds + spent,
        "cpu_seconds": children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime,
    }


async def _tidy(store: RunStore, settings: Settings, run_id: str) -> None:
    """Remove what can be derived again, of killed runs too; keep the newest ended runs' snapshots for verify."""
    ended = [run.id for run in await store.list() if run.status.final]
    for one in {run_id, *ended}:
        for name in ("layers", "verdict"):
            shutil.rmtree(run_folder(settings, one) / name, ignore_errors=True)
    for old in ended[settings.keep_snapshots :]:
        shutil.rmtree(run_folder(settings, old) / "snapshot", ignore_errors=True)
