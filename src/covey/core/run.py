"""One attempt at a task, and the frozen steps of its log."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, JsonValue

from covey.core.canonical import Frozen, Volatile, canonical_json, sha256, stable
from covey.core.task import AgentMessage, Task, ToolCall, ToolResult

STEP_SCHEMA = 1
"""Version of the step format; older versions must keep loading (``tests/golden``)."""


class RunStatus(StrEnum):
    """How a run stands or ended."""

    running = "running"
    interrupted = "interrupted"
    patched = "patched"  # a patch with no regressions or better
    plausible = "plausible"  # only a patch that passes its target tests but not the whole suite
    partial = "partial"  # only a patch that mends some of the target tests and breaks none that were tried
    no_patch = "no_patch"
    already_passing = "already_passing"
    failed = "failed"  # infrastructure, see the error

    @property
    def final(self) -> bool:
        """True when the run can no longer be resumed."""
        return self not in (RunStatus.running, RunStatus.interrupted, RunStatus.failed)


class Usage(Frozen):
    """Tokens of one step or one run: ``reused`` came from the engine's prefix cache."""

    prefilled: int = 0
    reused: int = 0
    generated: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prefilled=self.prefilled + other.prefilled,
            reused=self.reused + other.reused,
            generated=self.generated + other.generated,
        )


class Run(Frozen):
    """One attempt at a Task. ``genesis`` is the parent hash of its first step.

    ``settings`` holds the settings that decide the outcome; ``genesis`` hashes task, settings and seed, so two runs
    of the same thing share it although their ids and clocks differ.
    """

    id: str
    task: Task
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int = 0
    genesis: str = ""
    covey_version: str = ""
    created_at: Volatile[float] = 0.0
    status: Volatile[RunStatus] = RunStatus.running
    head: Volatile[str] = ""
    steps: Volatile[int] = 0
    error: Volatile[str] = ""

    def derive_genesis(self) -> str:
        """Hash what the run is about, without its id, clock or outcome."""
        task = stable(self.task)
        task.pop("id", None)
        return sha256(canonical_json({"task": task, "settings": self.settings, "seed": self.seed}))


class Step(Frozen):
    """One append-only event of a run.

    ``inputs`` is the hash of what the step was asked, ``output`` the stable projection of its result (hashed),
    ``detail`` the whole result with volatile fields (not hashed). ``hash`` chains over ``parent``.
    """

    schema_version: int = STEP_SCHEMA
    seq: int
    parent: str
    name: str
    inputs: str
    output: JsonValue = None
    messages: tuple[AgentMessage, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    hash: str = ""
    detail: Volatile[JsonValue] = None
    usage: Volatile[Usage] = Usage()
    started_at: Volatile[float] = 0.0
    duration_s: Volatile[float] = 0.0

    def derive_hash(self) -> str:
        """Hash the stable fields, ``parent`` included and ``hash`` excluded."""
        body = stable(self)
        body.pop("hash", None)
        return sha256(canonical_json(body))

    def sealed(self) -> Step:
        """Return this step with its hash filled in."""
        return self.model_copy(update={"hash": self.derive_hash()})
