"""A RunStore that forgets everything at the end of the process and keeps to the same contract as the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

from pydantic import JsonValue

from covey.core.artifact import Artifact, ArtifactKind
from covey.core.canonical import canonical_json, sha256
from covey.core.errors import StoreConflict, StoreCorrupt, StoreError, UnusableInput
from covey.core.run import Run, RunStatus, Step
from covey.store.export import write_export
from covey.store.records import (
    RunRecord,
    StepRecord,
    chain_faults,
    decode_run,
    decode_step,
    encode_run,
    encode_step,
    run_fault,
)


@dataclass
class MemoryRun:
    """All that is known of one run, as text, so that what is read is never the object that was written."""

    record: RunRecord
    steps: list[StepRecord] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    metrics: dict[str, JsonValue] = field(default_factory=dict)


class MemoryStore:
    """Keeps runs in a dictionary, ``runs``, that tests may look into and damage."""

    def __init__(self) -> None:
        self.runs: dict[str, MemoryRun] = {}
        self.kept: dict[str, bytes] = {}
        self._held: set[str] = set()
        self._closed = False

    async def create(self, run: Run) -> None:
        """Record a new run."""
        self._open()
        record = encode_run(run)
        if run.id in self.runs:
            raise StoreConflict(f"There is a run {run.id} already.")
        self.runs[run.id] = MemoryRun(record)

    async def append(self, run_id: str, step: Step) -> None:
        """Append a sealed step and move the head."""
        record = encode_step(step)
        found = self._exactly(run_id)
        if (step.seq, step.parent) != (found.record.steps, found.record.head):
            raise StoreConflict(f"Step {step.seq} ({step.name}) does not follow the head of run {run_id}.")
        found.steps.append(record)
        found.record = replace(found.record, head=step.hash, steps=step.seq + 1)

    async def set_status(self, run_id: str, status: RunStatus, error: str = "") -> None:
        """Set the derived status of a run."""
        found = self._exactly(run_id)
        found.record = replace(found.record, status=status.value, error=error)

    async def get(self, run_id: str) -> Run:
        """Return a run by id or unique prefix."""
        return decode_run(self._find(run_id).record)

    async def list(self) -> Sequence[Run]:
        """Return all runs, newest first."""
        self._open()
        return [decode_run(found.record) for found in reversed(self.runs.values())]

    async def steps(self, run_id: str) -> Sequence[Step]:
        """Return the steps of a run in order."""
        found = self._find(run_id)
        return [decode_step(found.record.id, record) for record in found.steps]

    @contextmanager
    def acquire(self, run_id: str) -> Iterator[None]:
        """Hold the right to work on a run."""
        if run_id in self._held:
            raise StoreConflict(f"Run {run_id} is being worked on already.")
        self._held.add(run_id)
        try:
            yield
        finally:
            self._held.discard(run_id)

    async def record_metrics(self, run_id: str, metrics: Mapping[str, JsonValue]) -> None:
        """Record measures of a run."""
        found = self._exactly(run_id)
        canonical_json(dict(metrics))
        found.metrics = {**found.metrics, **metrics}

    async def metrics(self, run_id: str) -> dict[str, JsonValue]:
        """Return what was recorded by :meth:`record_metrics`."""
        return dict(self._find(run_id).metrics)

    async def put_artifact(self, data: bytes) -> str:
        """Keep bytes under their SHA-256 and return it."""
        self._open()
        digest = sha256(data)
        self.kept[digest] = data
        return digest

    async def get_artifact(self, digest: str) -> bytes:
        """Return kept bytes."""
        self._open()
        data = self.kept.get(digest)
        if data is None or sha256(data) != digest:
            raise StoreCorrupt(f"Artifact {digest} is gone or was changed.")
        return data

    async def link_artifact(self, run_id: str, name: str, digest: str, kind: ArtifactKind) -> None:
        """Say that kept bytes belong to a run under ``name``."""
        found = self._exactly(run_id)
        size = len(await self.get_artifact(digest))
        found.artifacts[name] = Artifact(name=name, digest=digest, size=size, kind=kind)

    async def artifacts(self, run_id: str) -> Sequence[Artifact]:
        """Return what is linked to a run, by name."""
        return [artifact for _, artifact in sorted(self._find(run_id).artifacts.items())]

    async def export(self, run_id: str, dest: PathLike[str]) -> Sequence[str]:
        """Write a run to the file ``dest`` as JSON lines."""
        found = self._find(run_id)
        artifacts = await self.artifacts(run_id)
        return await asyncio.to_thread(
            write_export, Path(dest), found.record, found.steps, artifacts=artifacts, metrics=found.metrics
        )

    async def check(self) -> Sequence[str]:
        """Check every chain and every artifact; return one sentence for each fault."""
        self._open()
        faults = []
        for found in self.runs.values():
            fault = run_fault(found.record)
            faults += [f"Run {found.record.id} is damaged: {fault}."] if fault else []
            faults += chain_faults(found.record, found.steps)
        return faults + [f"Artifact {name} was changed." for name, data in self.kept.items() if sha256(data) != name]

    async def close(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    def _open(self) -> None:
        if self._closed:
            raise StoreError("The run store is closed.")

    def _exactly(self, run_id: str) -> MemoryRun:
        self._open()
        if run_id not in self.runs:
            raise UnusableInput(f"There is no run {run_id!r}.")
        return self.runs[run_id]

    def _find(self, run_id: str) -> MemoryRun:
        self._open()
        if run_id in self.runs:
            return self.runs[run_id]
        names = sorted(name for name in self.runs if run_id and name.startswith(run_id))
        if len(names) > 1:
            raise UnusableInput(f"Several runs start with {run_id!r}: {', '.join(names)}. Give more.")
        return self._exactly(names[0] if names else run_id)
