"""Building the parts of a run from settings."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from covey.agents.desk import Engines, ModelDesk
from covey.agents.workbench import Prepared, Workbench
from covey.coordination.policies import POLICIES
from covey.core.budget import Budget, Deadline
from covey.core.errors import ConfigError, RunError, StoreConflict, StoreError, UnusableInput
from covey.core.execution import Environment, Limits, TestCommand
from covey.core.progress import Observer, Progress
from covey.core.protocols import Sandbox
from covey.core.run import Run
from covey.core.task import Task
from covey.execution.environments import prepare_environment
from covey.execution.sandboxes.select import choose
from covey.execution.testcommand import find_test_command, needs_pytest
from covey.settings import (
    Settings,
    active_virtualenv,
    home_folder,
    install_environment,
    search_path,
)
from covey.store.sqlite import SqliteStore
from covey.workspace.apply import recover_apply
from covey.workspace.snapshot import Snapshot, load_snapshot, take_snapshot, verify_snapshot

_GB = 1 << 30
_OUTCOME_SETTINGS = frozenset(
    {"model", "context", "tokens", "drafts", "temperature", "policy",
     "budget", "plausible", "candidates", "python", "sandbox", "test_timeout", "suite_timeout",
     "sandbox_memory", "sandbox_disk", "sandbox_processes"}
)  # fmt: skip


@contextlib.asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[SqliteStore]:
    """Open the run store below ``settings.home``, making the folder if need be."""
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{settings.home} cannot be made: {error.strerror}. Set COVEY_HOME to a folder that can be written."
        ) from None
    store = SqliteStore(settings.home)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def recover_interrupted(settings: Settings, store: SqliteStore, observer: Observer) -> None:
    """Give files back that a killed ``--apply`` left half written, whichever run it was."""
    for state in sorted(settings.home.glob("runs/*/apply")):
        try:
            with store.acquire(state.parent.name):
                recovery = await recover_apply(state)
        except StoreConflict:  # that run is alive and looks after itself
            continue
        if recovery.outcome == "restored":
            files = ", ".join(recovery.files)
            observer(Progress(stage="recover", state="done", message=f"an interrupted --apply was undone: {files}"))


def check_settings(settings: Settings) -> None:
    """Refuse what this version cannot do, before anything is started. Raises ConfigError."""
    if settings.policy not in POLICIES:
        raise ConfigError(f"There is no policy {settings.policy!r}; there are: {', '.join(sorted(POLICIES))}.")


def outcome_settings(settings: Settings) -> dict[str, str | int | float | None]:
    """The settings that can change a run's outcome, for its genesis."""
    return {name: value for name, value in settings.model_dump(mode="json").items() if name in _OUTCOME_SETTINGS}


def run_folder(settings: Settings, run_id: str) -> Path:
    """Private folder of a run: snapshot, layers, apply journal."""
    return settings.home / "runs" / run_id


async def choose_sandbox(settings: Settings) -> Sandbox:
    """Choose a sandbox that works here. Raises NoSandbox."""
    return await choose(settings.sandbox, settings.home / "scratch")


def build_workbench(
    run: Run,
    settings: Settings,
    sandbox: Sandbox,
    spent_s: float,
    observer: Observer,
    *,
    engines: Engines | None = None,
) -> Workbench:
    """Put a run's workbench together. ``spent_s`` is what an earlier part of the same run has used of its budget."""
    deadline = Deadline(settings.budget, spent_s=spent_s)
    budget = Budget(wall_s=settings.budget, candidates=settings.candidates, plausible=settings.plausible)
    return Workbench(
        sandbox=sandbox,
        folder=run_folder(settings, run.id),
        deadline=deadline,
        budget=budget,
        limits=Limits(
            memory_bytes=int(settings.sandbox_memory * _GB),
            disk_bytes=int(settings.sandbox_disk * _GB),
            processes=settings.sandbox_processes,
        ),
        suite_timeout_s=min(settings.suite_timeout, settings.budget),
        test_timeout_s=settings.test_timeout,
        workers=settings.workers,
        seed=run.seed,
        holdout=run.task.holdout,
        observer=observer,
        model=None if engines is None else build_desk(run, settings, engines, deadline),
        drafts=settings.drafts,
        cache=settings.home / "index",
    )


def build_desk(run: Run, settings: Settings, engines: Engines, deadline: Deadline) -> ModelDesk:
    """Put a run's model desk together."""
    desk = ModelDesk(
        engines=engines,
        statement=run.task.description,
        tokens=settings.tokens,
        left=lambda: model_seconds(deadline, desk.asked_s),
        seed=run.seed,
        temperature=settings.temperature,
    )
    return desk


def model_seconds(deadline: Deadline, asked_s: float) -> float:
    """Seconds that models may still take, having been asked for ``asked_s``: half of the run's time in all.

    What they cannot solve, templates may, so they never get more than three quarters of what is left, either. The
    time of tests does not count against models: a slow suite must not silence them.
    """
    return max(0.0, min(deadline.seconds / 2 - asked_s, 0.75 * deadline.left))


async def prepare(task: Task, settings: Settings, tools: Workbench) -> Prepared:
    """Snapshot the tree, find the test command, find or build the environment."""
    repository = Path(task.repository)
    dest = tools.folder / "snapshot"
    shutil.rmtree(dest, ignore_errors=True)  # of an interrupted attempt
    tools.tell("prepare", "started", "snapshot")
    exclude = (settings.home, settings.out_dir)
    snapshot = await take_snapshot(repository, dest, owner=tools.sandbox.owner, exclude=exclude)
    base = Path(snapshot.base)
    _check_holdout(task, base)
    environment = await _environment(snapshot, settings, tools, needs_pytest=needs_pytest(base, task.test_command))
    command = find_test_command(base, task.test_command, environment.python)
    return Prepared(snapshot=snapshot, environment=environment, command=command)


async def prepare_empty(settings: Settings, tools: Workbench) -> Prepared:
    """Make the ground for a task without a repository: an empty project, and unittest, which every Python has."""
    project, dest = tools.folder / "project", tools.folder / "snapshot"
    for leftover in (project, dest):  # of an interrupted attempt
        shutil.rmtree(leftover, ignore_errors=True)
    project.mkdir(parents=True)
    (project / ".gitkeep").touch()  # a snapshot holds at least one file
    snapshot = await take_snapshot(project, dest, owner=tools.sandbox.owner)
    environment = await _environment(snapshot, settings, tools, needs_pytest=False)
    command = TestCommand(framework="unittest", argv=(environment.python, "-m", "unittest", "discover", "-s", "."))
    return Prepared(snapshot=snapshot, environment=environment, command=command)


async def _environment(snapshot: Snapshot, settings: Settings, tools: Workbench, *, needs_pytest: bool) -> Environment:
    """Find or build the environment for a snapshot's tests."""
    tools.tell("prepare", "running", "environment")
    return await prepare_environment(
        Path(snapshot.base),
        snapshot.root,
        sandbox=tools.sandbox,
        cache=settings.home / "environments",
        python=settings.python,
        search_path=search_path(),
        home=home_folder(),
        active_virtualenv=active_virtualenv(),
        install_env=install_environment(),
        needs_pytest=needs_pytest,
        timeout_s=settings.install_timeout,
        observer=lambda progress: tools.tell("prepare", "running", progress.message),
    )


async def recheck(prepared: Prepared) -> None:
    """A resumed run stands on the snapshot it started from. Raises RunError when that is gone or changed."""
    base = Path(prepared.snapshot.base)
    if not base.is_dir():
        raise RunError(f"The snapshot of this run is gone ({base}); start a new run with covey run.")
    faults = await verify_snapshot(load_snapshot(base.parent))
    if faults:
        raise RunError(f"The snapshot of this run was changed: {faults[0]}. Start a new run with covey run.")
    if not Path(prepared.environment.python).exists():
        raise RunError(f"The environment of this run is gone ({prepared.environment.python}); start a new run.")


def _check_holdout(task: Task, base: Path) -> None:
    """Each held-out name must be something in the tree. Raises UnusableInput."""
    for name in task.holdout:
        path = name.partition("::")[0]
        looks_like_path = "/" in path or path.endswith(".py")
        if looks_like_path and not (base / path).exists():
            raise UnusableInput(f"--holdout {name}: there is no {path} in the repository. Give a path relative to it.")
