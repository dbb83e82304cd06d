"""The team as an object: engines are opened once and stay open for any number of tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from covey.agents.desk import Engines
from covey.app.build import check_settings
from covey.app.engines import open_engines
from covey.app.run import run_with, telling, try_engines
from covey.core.canonical import Frozen, Volatile
from covey.core.errors import CoveyError, UnusableInput
from covey.core.progress import Observer, nobody
from covey.core.redact import redact
from covey.core.report import RunReport
from covey.core.run import Usage
from covey.core.task import Task, TaskStatus
from covey.settings import Settings, load_settings, settings_from
from covey.workspace.difftext import new_files


class TaskResult(Frozen):
    """How a task ended. ``task`` has its final status and result; without a ``report``, ``error`` says why."""

    task: Task
    report: RunReport | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        """True when there is a patch, or a module, that fresh test runs found to be without regressions."""
        return self.report is not None and self.report.exit_code == 0

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        return self.error or (self.report.headline if self.report else "")

    @property
    def diff(self) -> str:
        """The patch, appliable with ``git apply`` (in an empty folder, for a task without a repository); or ''."""
        return (self.report.diff or "") if self.report else ""

    @property
    def files(self) -> dict[str, str]:
        """Files that the patch creates, by path: for a task without a repository, the module and its tests."""
        return new_files(self.diff)


class EvaluationResult(Frozen):
    """Results of many tasks, in their order."""

    results: tuple[TaskResult, ...]
    duration_s: Volatile[float] = 0.0

    @property
    def solved(self) -> int:
        """Tasks with a result that is ``ok``."""
        return sum(result.ok for result in self.results)

    @property
    def rate(self) -> float:
        """Share of tasks solved, 0..1; 0 without any task."""
        return self.solved / len(self.results) if self.results else 0.0

    @property
    def tokens(self) -> Usage:
        """Tokens of all tasks."""
        return sum((result.report.tokens for result in self.results if result.report), Usage())


class MultiAgentSystem:
    """The whole team behind one object; an async context manager.

    ``max_memory_gb``: GB that models may take on this machine. ``max_tokens``: tokens that models may prefill and
    generate in one task. ``model``: a name, a GGUF file or a URL; None for the configured one, which may be none.
    ``engines`` are used instead of ``model``, which then only names them in records; they stay the caller's. All other
    settings come from ``settings`` or by name (``budget=60``), see :class:`covey.settings.Settings`.

    Tasks are worked on one after the other, so one memory budget and one engine's cache serve them all. Raises
    ConfigError for settings that are not valid.
    """

    def __init__(
        self,
        max_memory_gb: float | None = None,
        max_tokens: int | None = None,
        model: str | Path | None = None,
        *,
        settings: Settings | None = None,
        engines: Engines | None = None,
        observer: Observer = nobody,
        **more: object,
    ) -> None:
        given = {"memory": max_memory_gb, "tokens": max_tokens, "model": None if model is None else str(model), **more}
        named = {name: value for name, value in given.items() if value is not None}
        self.settings = (
            load_settings(**named) if settings is None else settings_from({**settings.model_dump(), **named})
        )
        self._given = engines
        self._engines: Engines | None = engines
        self._observer = observer
        self._stack: AsyncExitStack | None = None
        self._turn = asyncio.Lock()
        self._tasks = 0

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()

    async def initialize(self) -> None:
        """Open the model, once. Raises ConfigError, UnusableModel and DoesNotFit when it cannot be used at all."""
        if self._stack is not None:
            return
        check_settings(self.settings)
        async with AsyncExitStack() as stack:
            if self._given is None:
                self._engines = await stack.enter_async_context(open_engines(self.settings, telling(self._observer)))
            await try_engines(self._engines, self._observer)
            self._stack = stack.pop_all()

    async def process_task(self, task: str | Task, repository: str | Path | None = None) -> TaskResult:
        """Work on one task: repair ``repository`` (or the task's own), or write a small tested module without one.

        Raises ConfigError for unusable input and RunError when the machinery fails; "not solved" is a result.
        """
        wanted = self._task(task, repository)
        async with self._turn:
            await self.initialize()
            report = await run_with(self._engines, wanted, self.settings, observer=self._observer)
        status = TaskStatus.completed if report.exit_code == 0 else TaskStatus.failed
        done = wanted.model_copy(update={"status": status, "result": report.headline})
        return TaskResult(task=done, report=report)

    async def run_evaluation(self, tasks: Iterable[str | Task]) -> EvaluationResult:
        """Work on many tasks; one that cannot be worked on is a result with an ``error``, and the others go on."""
        started, results = time.monotonic(), []
        for task in tasks:
            try:
                results.append(await self.process_task(task))
            except CoveyError as error:
                named = task if isinstance(task, Task) else Task(id="task", description=redact(task))
                failed = named.model_copy(update={"status": TaskStatus.failed})
                results.append(TaskResult(task=failed, error=redact(str(error))))
        return EvaluationResult(results=tuple(results), duration_s=time.monotonic() - started)

    async def shutdown(self) -> None:
        """Close the model. May be called twice; the next task opens it again."""
        stack, self._stack = self._stack, None
        self._engines = self._given
        if stack is not None:
            await stack.aclose()

    def run(self, tasks: str | Task | Sequence[str | Task], repository: str | Path | None = None) -> EvaluationResult:
        """Open, work on a task or several, and shut down, for code that is not asynchronous.

        ``repository`` is for a single task. Raises like :meth:`process_task` for one, like :meth:`run_evaluation` for
        several.
        """

        async def all_of() -> EvaluationResult:
            async with self:
                if not isinstance(tasks, (str, Task)):
                    return await self.run_evaluation(tasks)
                started = time.monotonic()
                result = await self.process_task(tasks, repository)
                return EvaluationResult(results=(result,), duration_s=time.monotonic() - started)

        return asyncio.run(all_of())

    def _task(self, task: str | Task, repository: str | Path | None) -> Task:
        """A task in progress, its repository an absolute path or none. Raises UnusableInput."""
        self._tasks += 1
        wanted = task if isinstance(task, Task) else Task(id=f"task-{self._tasks}", description=task)
        place = str(repository or wanted.repository)
        if place:
            path = Path(place).expanduser().absolute()
            if not path.is_dir():
                raise UnusableInput(f"{path} is not a folder. Give the path of a Python repository.")
            place = str(path.resolve())
        elif not wanted.description.strip():
            raise UnusableInput("This task has neither words nor a repository. Say what is wanted.")
        if wanted.test_command is not None and redact(wanted.test_command) != wanted.test_command:
            raise UnusableInput("The test command holds what looks like a secret, and it would be recorded.")
        told = redact(wanted.description)
        return wanted.model_copy(
            update={"description": told, "repository": place, "status": TaskStatus.in_progress, "result": None}
        )
