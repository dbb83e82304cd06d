"""The seams of the house. Implementations are chosen in :mod:`covey.app` and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.model import ChatMessage, Completion, Sampling, Schema
from covey.core.patch import Candidate, Patch
from covey.core.repair import Spectrum, ValidationPlan, Verdict
from covey.core.review import Evaluation
from covey.core.run import Run, RunStatus, Step
from covey.core.task import Task

RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
AnswerT_co = TypeVar("AnswerT_co", covariant=True)
ToolsT_contra = TypeVar("ToolsT_contra", contravariant=True)


class ModelBackend(Protocol):
    """A language model, wherever it runs."""

    @property
    def name(self) -> str:
        """Name of the model as its engine knows it."""
        ...

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``; with ``schema`` the text is JSON that fits it, or the finish is not ``stop``."""
        ...


class SandboxProcess(Protocol):
    """A long-running program in a sandbox, spoken to line by line."""

    async def send(self, line: bytes) -> None:
        """Write one line (without its end) to the program's standard input. Raises SandboxError when it is gone."""
        ...

    async def receive(self, timeout_s: float) -> bytes | None:
        """Return the next line of the program's channel, or None at its end. Raises TimeoutError."""
        ...

    async def stop(self) -> ExecResult:
        """End the program and everything it started, and say how it went. May be called twice."""
        ...


class Sandbox(Protocol):
    """Runs programs that nobody trusts."""

    @property
    def name(self) -> str:
        """Short name, as recorded in :class:`Applied`."""
        ...

    @property
    def owner(self) -> int | None:
        """Uid under which programs run when it is not the caller's own; files of trees must belong to it."""
        ...

    async def probe(self) -> Applied:
        """Say which limits really hold here, found out by trying. Raises NoSandbox when it cannot work at all."""
        ...

    async def exec(self, spec: ExecSpec) -> ExecResult:
        """Run a program to its end, or to its limits, and leave no process behind.

        Raises SandboxError when the sandbox itself fails; whatever the program does is a result, never an error.
        """
        ...

    def start(self, spec: ExecSpec) -> AbstractAsyncContextManager[SandboxProcess]:
        """Run a program to talk to. ``spec.limits.wall_s`` bounds its whole life."""
        ...


class Validator(Protocol):
    """Tries candidates fast. Its word is never final."""

    async def trace(self, tests: Sequence[str], timeout_s: float) -> Spectrum:
        """Run ``tests`` with line coverage, each bounded by ``timeout_s``."""
        ...

    def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncIterator[Verdict]:
        """Yield one verdict for each candidate, in the order of ``candidates``."""
        ...


class RunStore(Protocol):
    """Keeps runs, their steps and artifacts. Every method is atomic and durable when it returns.

    Raises StoreError and its children. Text is redacted before it is handed in.
    """

    async def create(self, run: Run) -> None:
        """Record a new run; its ``genesis`` becomes its head."""
        ...

    async def append(self, run_id: str, step: Step) -> None:
        """Append a sealed step and move the head, in one transaction.

        Raises StoreConflict unless ``step.seq`` is the number of steps so far and ``step.parent`` the head.
        """
        ...

    async def set_status(self, run_id: str, status: RunStatus, error: str = "") -> None:
        """Set the derived status of a run."""
        ...

    async def get(self, run_id: str) -> Run:
        """Return a run by id or unique prefix. Raises UnusableInput when there is none, or several."""
        ...

    async def list(self) -> Sequence[Run]:
        """Return all runs, newest first."""
        ...

    async def steps(self, run_id: str) -> Sequence[Step]:
        """Return the steps of a run in order."""
        ...

    async def put_artifact(self, data: bytes) -> str:
        """Keep bytes under their SHA-256 and return it."""
        ...

    async def get_artifact(self, digest: str) -> bytes:
        """Return kept bytes. Raises StoreCorrupt when they no longer match their digest."""
        ...

    async def check(self) -> Sequence[str]:
        """Check the whole store; return one sentence for each fault found."""
        ...

    async def close(self) -> None:
        """Release everything. May be called twice."""
        ...


class Evaluator(Protocol):
    """Judges a patch by fresh runs of pristine tests."""

    async def evaluate(self, task: Task, patch: Patch) -> Evaluation:
        """Return the verdict. Trouble with the machine is ``infra_error``, never ``unresolved``."""
        ...


class Role(Protocol[RequestT_contra, ToolsT_contra, AnswerT_co]):
    """Fills one slot of the natural path. ``tools`` is what this role may use, nothing more."""

    @property
    def name(self) -> str:
        """Name of the role, as it appears in messages."""
        ...

    async def run(self, request: RequestT_contra, tools: ToolsT_contra) -> AnswerT_co:
        """Fill the slot. May raise AgentFeedback."""
        ...
