"""The seams of the house. Implementations are chosen in :mod:`covey.app` and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from os import PathLike
from typing import Protocol, TypeVar

from pydantic import JsonValue

from covey.core.artifact import Artifact, ArtifactKind
from covey.core.execution import Applied, ExecResult, ExecSpec
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.patch import Candidate, Patch
from covey.core.repair import ProbeReport, Spectrum, ValidationPlan, Verdict
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

    async def capabilities(self) -> Capabilities:
        """Say what the engine was found to do; starts it when it is not running. Raises EngineError, UnusableModel."""
        ...

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``, wholly or not at all.

        With ``schema`` and a finish of ``stop``, the text of an engine with ``schema_support`` of ``grammar`` or
        ``json_schema`` is JSON that fits it; what other engines answer must be validated
        (:mod:`covey.models.structured`). Raises ContextOverflow when the prompt leaves no room for an answer,
        EngineError when the engine failed and could not be brought back, UnusableModel when the user must act.
        """
        ...

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Tokens that ``prompt`` will take in the window, the chat template included."""
        ...

    async def aclose(self) -> None:
        """End what this back end started. May be called twice."""
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

    def validate(self, candidates: Sequence[Candidate], plan: ValidationPlan) -> AsyncGenerator[Verdict, None]:
        """Yield one verdict for each candidate, in the order of ``candidates``. Closing it abandons the rest."""
        ...

    async def probe(
        self, candidates: Sequence[Candidate], tests: Sequence[str], *, timeout_s: float, seed: int
    ) -> ProbeReport:
        """Let ``candidates`` have the same inputs: calls that ``tests`` make, and others near them.

        ``timeout_s`` bounds the whole; ``seed`` chooses the inputs.
        """
        ...


class RunStore(Protocol):
    """Keeps runs, their steps and artifacts. Every method is atomic and durable when it returns.

    Methods that read take a run's id or a unique prefix of it; methods that write take the whole id. Unknown ids
    raise UnusableInput, all other trouble StoreError and its children. Text is redacted before it is handed in.
    """

    async def create(self, run: Run) -> None:
        """Record a new run; its ``genesis`` becomes its head. Raises StoreConflict when the id is taken."""
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
        """Return all runs, newest first (in the order of their creation, whatever the clock said)."""
        ...

    async def steps(self, run_id: str) -> Sequence[Step]:
        """Return the steps of a run in order."""
        ...

    def acquire(self, run_id: str) -> AbstractContextManager[None]:
        """Hold the right to work on a run; it ends with the block, or with the process.

        Raises StoreConflict at once when it is held already, by this process or another.
        """
        ...

    async def record_metrics(self, run_id: str, metrics: Mapping[str, JsonValue]) -> None:
        """Record measures of a run (durations, resource use, counts); a name given again replaces its value."""
        ...

    async def metrics(self, run_id: str) -> dict[str, JsonValue]:
        """Return what was recorded by :meth:`record_metrics`."""
        ...

    async def put_artifact(self, data: bytes) -> str:
        """Keep bytes under their SHA-256 and return it."""
        ...

    async def get_artifact(self, digest: str) -> bytes:
        """Return kept bytes. Raises StoreCorrupt when they are gone or no longer match their digest."""
        ...

    async def link_artifact(self, run_id: str, name: str, digest: str, kind: ArtifactKind) -> None:
        """Say that kept bytes belong to a run under ``name``; a name linked again refers to the newer bytes."""
        ...

    async def artifacts(self, run_id: str) -> Sequence[Artifact]:
        """Return what is linked to a run, by name."""
        ...

    async def export(self, run_id: str, dest: PathLike[str]) -> Sequence[str]:
        """Write a run to the file ``dest`` as JSON lines and return a sentence for each thing that is damaged.

        Works as far as anything of the run can be read, whatever else in the store is broken.
        """
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
