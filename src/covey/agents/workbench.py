"""What roles work with: the tree, the tests, the clock. Built by :mod:`covey.app`, one for each run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from covey.agents.desk import ModelDesk
from covey.core.budget import Budget, Deadline
from covey.core.canonical import Frozen, sha256
from covey.core.errors import AgentFeedback, SandboxError
from covey.core.execution import Environment, Limits, TestCommand, Tree
from covey.core.patch import Candidate
from covey.core.progress import Observer, Progress, nobody
from covey.core.protocols import Sandbox, Validator
from covey.core.testing import TestReport
from covey.execution.forkserver import FRAMEWORKS, ForkServer, ForkServerUnavailable
from covey.execution.processvalidator import ProcessValidator
from covey.execution.runner import TestRunner
from covey.workspace.edits import changes_of
from covey.workspace.layers import write_layer
from covey.workspace.snapshot import Snapshot
from covey.workspace.sources import SourceFiles

_RETRY_AFTER_S = (0.2, 1.0)
"""Pauses before a run of tests is tried again because the sandbox, not the program in it, failed."""


class Prepared(Frozen):
    """The ground on which a run stands: a snapshot, an environment and a test command."""

    snapshot: Snapshot
    environment: Environment
    command: TestCommand


@dataclass
class Workbench:
    """Tools of one run. Nothing here is started before a role needs it, so a replay starts nothing at all.

    ``holdout`` are test ids, files or folders that only the verdict may see; whole files are absent from every tree
    that the search uses. ``model`` is where roles ask one, ``drafts`` how many it writes at a time. ``new_tests``
    (path → bytes) are laid over every tree once a role has written them. ``cache`` is a folder for indexes of code and
    documentation that runs share; the run's own folder when None.
    """

    sandbox: Sandbox
    folder: Path
    deadline: Deadline
    budget: Budget
    limits: Limits
    suite_timeout_s: float
    test_timeout_s: float
    workers: int
    seed: int
    holdout: tuple[str, ...] = ()
    observer: Observer = nobody
    prepared: Prepared | None = None
    model: ModelDesk | None = None
    drafts: int = 4
    cache: Path | None = None
    new_tests: dict[str, bytes] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _validator: Validator | None = None

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def ground(self) -> Prepared:
        """The prepared ground. Raises SandboxError when a role works before it is there."""
        if self.prepared is None:
            raise SandboxError("a role asked for the tree before it was prepared; this is a fault in Covey")
        return self.prepared

    @property
    def desk(self) -> ModelDesk:
        """Where roles ask a model. Raises AgentFeedback when the run has none."""
        if self.model is None:
            raise AgentFeedback("This run has no model.")
        return self.model

    @cached_property
    def sources(self) -> SourceFiles:
        """The base version of every source file."""
        return SourceFiles(self.ground.snapshot)

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """Held-out files and folders that exist in the tree, as relative paths."""
        base = Path(self.ground.snapshot.base)
        return tuple(name for name in self.holdout if "::" not in name and (base / name).exists())

    async def tree(self, changes: Mapping[str, bytes | None] | None = None, *, search: bool = True) -> Tree:
        """A tree with ``changes`` over the base. With ``search``, held-out files are not in it."""
        wanted: dict[str, bytes | None] = {**self.new_tests, **(changes or {})}
        snapshot = self.ground.snapshot
        removed = self.hidden if search else ()
        if not wanted:
            return snapshot.tree(removed=removed)
        name = sha256(
            "\0".join(f"{path}\0{sha256(data) if data is not None else '-'}" for path, data in sorted(wanted.items()))
        )
        dest = self.folder / "layers" / name[:24]
        if dest.exists():
            shutil.rmtree(dest)
        tree = await write_layer(dest, snapshot, wanted, self.sandbox.owner)
        return tree.model_copy(update={"removed": (*tree.removed, *removed)})

    async def candidate_tree(self, candidate: Candidate) -> Tree:
        """The search tree with one candidate applied."""
        return await self.tree(dict(changes_of(self.sources, candidate.edits)))

    def keep_time_for_verdict(self, suite_seconds: float) -> None:
        """Bring the search's deadline forward by what the verdict will need: about four runs of the suite."""
        total = self.budget.wall_s
        self.deadline.seconds = total - min(0.4 * total, 4.0 * suite_seconds + 2.0)

    @property
    def out_of_time(self) -> bool:
        """True when the whole run's time is used up, not only that of the search."""
        return self.deadline.elapsed >= self.budget.wall_s

    def runner(self) -> TestRunner:
        """A runner of fresh test processes."""
        ground = self.ground
        return TestRunner(self.sandbox, ground.environment, ground.command, limits=self.limits, seed=self.seed)

    async def run_tests(self, tree: Tree, tests: Sequence[str] = (), *, search: bool = True) -> TestReport:
        """Run tests in a fresh process, within the suite's time limit; in the ``search`` never held-out ones.

        In the search no run takes longer than what is left of the whole budget.
        """
        left = max(1.0, self.budget.wall_s - self.deadline.elapsed)
        timeout_s = min(self.suite_timeout_s, left) if search else self.suite_timeout_s
        deselect = tuple(name for name in self.holdout if name not in self.hidden) if search else ()
        for pause in (*_RETRY_AFTER_S, None):
            try:
                report = await self.runner().run(tree, tests=tests, deselect=deselect, timeout_s=timeout_s)
                break
            except SandboxError:
                if pause is None:
                    raise
                self.tell("sandbox", "failed", f"once more in {pause} s")
                await asyncio.sleep(pause)
        self.count("suite_runs", 1)
        self.count("suite_seconds", report.duration_s)
        return report

    async def validator(self) -> Validator:
        """The fast validator of this run: one fork server, or fresh processes where none can serve."""
        if self._validator is None:
            self._validator = await self._fork_server() or ProcessValidator(
                self.runner(), await self.tree(), self.candidate_tree, workers=self.workers
            )
        return self._validator

    async def _fork_server(self) -> ForkServer | None:
        ground = self.ground
        if ground.command.framework not in FRAMEWORKS:
            return None
        server = ForkServer(
            self.sandbox,
            ground.environment,
            ground.command,
            await self.tree(),
            workers=self.workers,
            limits=self.limits,
            seed=self.seed,
        )
        try:
            return await self._stack.enter_async_context(server)
        except ForkServerUnavailable as error:
            self.tell("validator", "failed", str(error))
            return None

    def tell(self, stage: str, state: str = "running", message: str = "", **counters: float | str) -> None:
        """Tell whoever watches. Never raises, never decides."""
        self.observer(Progress.model_validate({"stage": stage, "state": state, "message": message, **counters}))

    def count(self, name: str, amount: float) -> None:
        """Add to a metric of the run (recorded beside the log, never hashed)."""
        self.metrics[name] = self.metrics.get(name, 0.0) + amount
