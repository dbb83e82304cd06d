"""Runs and steps as the text that is kept, and the checks that need nothing but that text.

The hash of a step is the SHA-256 of its ``content`` exactly as kept. So a log stays verifiable when a later version
adds fields to :class:`~covey.core.run.Step`: old text is hashed as it was written, never as it would be written today.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from covey.core.canonical import canonical_json, sha256, stable
from covey.core.errors import StoreCorrupt, StoreError, StoreTooNew
from covey.core.run import STEP_SCHEMA, Run, Step

_NOT_HASHED = frozenset(Step.model_fields) - frozenset(stable(Step(seq=0, parent="", name="", inputs=""))) | {"hash"}


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as text: ``content`` is what ``hash`` hashes, ``detail`` the whole step, ``checksum`` its SHA-256."""

    seq: int
    parent: str
    hash: str
    content: str
    detail: str
    checksum: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as text: ``content`` is what ``genesis`` hashes. ``head`` and ``steps`` say where its chain ends."""

    id: str
    genesis: str
    content: str
    detail: str
    checksum: str
    status: str
    error: str
    head: str
    steps: int


def step_of_row(row: tuple[object, ...]) -> StepRecord:
    """A step as the database has it; damage can give any column any type, which no hash will match."""
    seq, *texts = row
    return StepRecord(seq if isinstance(seq, int) else -1, *map(_text, texts))


def run_of_row(row: tuple[object, ...]) -> RunRecord:
    """A run as the database has it; see :func:`step_of_row`."""
    name, genesis, content, detail, checksum, status, error, head = map(_text, row[:-1])
    steps = row[-1] if isinstance(row[-1], int) else -1
    return RunRecord(name, genesis, content, detail, checksum, status, error, head, steps)


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def encode_step(step: Step) -> StepRecord:
    """Turn a sealed step into text. Raises StoreError when its hash is not its own."""
    full = step.model_dump(mode="json")
    record = _step_record(full)
    if sha256(record.content) != step.hash:
        raise StoreError(f"Step {step.seq} ({step.name}) is not sealed: its hash is not that of its content.")
    return record


def step_record(full: Mapping[str, Any]) -> StepRecord:
    """Rebuild the record of an exported step from its JSON object. Raises StoreCorrupt when fields are missing."""
    try:
        return _step_record(full)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreCorrupt(f"An exported step cannot be read: {error}.") from None


def _step_record(full: Mapping[str, Any]) -> StepRecord:
    detail = canonical_json(full)
    content = canonical_json({name: value for name, value in full.items() if name not in _NOT_HASHED})
    return StepRecord(int(full["seq"]), str(full["parent"]), str(full["hash"]), content, detail, sha256(detail))


def decode_step(run_id: str, record: StepRecord) -> Step:
    """Turn text into a step. Raises StoreCorrupt when any of it was changed, StoreTooNew for a later format."""
    fault = step_fault(record)
    if fault:
        raise StoreCorrupt(
            f"Step {record.seq} of run {run_id} is damaged: {fault}. "
            f"Export what can be read with `covey runs export {run_id}`."
        )
    full = json.loads(record.detail)
    if full["schema_version"] > STEP_SCHEMA:
        raise StoreTooNew(
            f"Run {run_id} was recorded in step format {full['schema_version']}; this Covey reads up to {STEP_SCHEMA}. "
            "Upgrade Covey to read it."
        )
    try:
        return Step.model_validate_json(record.detail)
    except ValidationError as error:
        raise StoreCorrupt(f"Step {record.seq} of run {run_id} is not a step: {error}.") from None


def step_fault(record: StepRecord) -> str:
    """Say what is wrong with the text of one step, or nothing."""
    if sha256(record.content) != record.hash:
        return "its content does not match its hash"
    if sha256(record.detail) != record.checksum:
        return "its detail does not match its checksum"
    try:
        rebuilt = step_record(json.loads(record.detail))
    except (StoreCorrupt, ValueError, AttributeError):
        return "its detail is not the JSON of a step"
    if rebuilt.content != record.content:
        return "its content is not the stable part of its detail"
    if (rebuilt.seq, rebuilt.parent, rebuilt.hash) != (record.seq, record.parent, record.hash):
        return "its place in the chain is not the one it was made for"
    return ""


def chain_faults(run: Run | RunRecord, records: Iterable[StepRecord]) -> Iterator[str]:
    """Follow a run's chain from its genesis to its head; yield one sentence for each fault.

    ``records`` are in the order of ``seq``. After a broken link the chain is followed from what is there, so that
    one fault is not reported for every step behind it.
    """
    parent, expected = run.genesis, 0
    for record in records:
        if record.seq != expected:
            yield f"Run {run.id}: step {expected} is missing or out of order."
        elif record.parent != parent:
            yield f"Run {run.id}: step {record.seq} does not follow the step before it."
        fault = step_fault(record)
        if fault:
            yield f"Run {run.id}: step {record.seq} is damaged: {fault}."
        parent, expected = record.hash, record.seq + 1
    if (run.steps, run.head) != (expected, parent):
        yield f"Run {run.id}: its head does not name its last step ({run.steps} steps recorded, {expected} found)."


def encode_run(run: Run) -> RunRecord:
    """Turn a new run into text. Raises StoreError when its genesis is not that of its task, settings and seed."""
    record = replace(run_record(run.model_dump(mode="json")), head=run.genesis, steps=0)
    fault = run_fault(record)
    if fault:
        raise StoreError(f"Run {run.id} cannot be recorded: {fault}.")
    return record


def run_record(full: Mapping[str, Any]) -> RunRecord:
    """Rebuild the record of an exported run from its JSON object. Raises StoreCorrupt when fields are missing."""
    try:
        detail, content = canonical_json(full), canonical_json(_about(full))
        return RunRecord(
            id=str(full["id"]),
            genesis=str(full["genesis"]),
            content=content,
            detail=detail,
            checksum=sha256(detail),
            status=str(full["status"]),
            error=str(full["error"]),
            head=str(full["head"]),
            steps=int(full["steps"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreCorrupt(f"A run cannot be read: {error!r}.") from None


def _about(full: Mapping[str, Any]) -> dict[str, Any]:
    task = {name: value for name, value in full["task"].items() if name != "id"}
    return {"task": task, "settings": full["settings"], "seed": full["seed"]}


def decode_run(record: RunRecord) -> Run:
    """Turn text into a run as it stands now. Raises StoreCorrupt when its text was changed."""
    fault = run_fault(record)
    if fault:
        raise StoreCorrupt(f"Run {record.id} is damaged: {fault}. `covey runs list` and `show` cannot read it.")
    now = {"status": record.status, "error": record.error, "head": record.head, "steps": record.steps}
    try:
        return Run.model_validate({**json.loads(record.detail), **now})
    except ValidationError as error:
        raise StoreCorrupt(f"Run {record.id} is not a run: {error}.") from None


def run_fault(record: RunRecord) -> str:
    """Say what is wrong with the text of one run, or nothing."""
    if sha256(record.content) != record.genesis:
        return "what it is about does not match its genesis"
    if sha256(record.detail) != record.checksum:
        return "its detail does not match its checksum"
    try:
        rebuilt = run_record(json.loads(record.detail))
    except (StoreCorrupt, ValueError, TypeError):
        return "its detail is not the JSON of a run"
    if (rebuilt.id, rebuilt.genesis, rebuilt.content) != (record.id, record.genesis, record.content):
        return "its detail is not about what its genesis hashes"
    return ""
