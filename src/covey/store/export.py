"""One run as a file of JSON lines that outlives the store it comes from.

The first line names the format, the last one says how many steps there are, so that a file cut short is noticed.
Between them: one ``run``, its ``step`` lines in order, its ``artifact`` lines (by digest), and a ``fault`` line for
everything that could not be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from covey.core.artifact import Artifact
from covey.core.canonical import canonical_json
from covey.core.errors import StoreCorrupt, StoreTooNew, UnusableInput
from covey.core.run import Run, Step
from covey.store.files import write_all, write_whole
from covey.store.records import (
    RunRecord,
    StepRecord,
    chain_faults,
    decode_run,
    decode_step,
    run_fault,
    run_record,
    step_fault,
    step_record,
)

FORMAT = "covey-run"
VERSION = 1


@dataclass(frozen=True)
class RunExport:
    """An exported run. ``steps`` are the intact ones; ``faults`` are sentences, none when the whole chain is there."""

    run: Run
    steps: tuple[Step, ...]
    artifacts: tuple[Artifact, ...]
    metrics: dict[str, JsonValue]
    faults: tuple[str, ...]


def write_export(
    dest: Path,
    record: RunRecord,
    steps: Sequence[StepRecord],
    *,
    artifacts: Iterable[Artifact],
    metrics: Mapping[str, JsonValue],
    lost: Iterable[str] = (),
) -> tuple[str, ...]:
    """Write one run to ``dest``, atomically; return the faults that were written into it. Raises StoreError.

    ``lost`` are sentences on what the caller could not read.
    """
    damage = run_fault(record)
    heading = (f"Run {record.id} is damaged: {damage}.",) if damage else ()
    faults = (*heading, *lost, *chain_faults(record, steps))

    def lines() -> Iterator[Mapping[str, Any]]:
        yield {"type": FORMAT, "version": VERSION}
        yield _run_line(record, metrics)
        for step in steps:
            yield _step_line(step)
        for artifact in artifacts:
            yield {"type": "artifact", **artifact.model_dump(mode="json")}
        for fault in faults:
            yield {"type": "fault", "message": fault}
        yield {"type": "end", "steps": len(steps), "head": record.head}

    def write(handle: int) -> None:
        for line in lines():
            write_all(handle, canonical_json(line).encode("ascii") + b"\n")

    write_whole(dest, write)
    return faults


def _run_line(record: RunRecord, metrics: Mapping[str, JsonValue]) -> Mapping[str, Any]:
    if run_fault(record):
        return {"type": "damaged_run", "id": record.id, "content": record.content, "detail": record.detail}
    return {"type": "run", "run": decode_run(record).model_dump(mode="json"), "metrics": metrics}


def _step_line(record: StepRecord) -> Mapping[str, Any]:
    fault = step_fault(record)
    if not fault:
        return {"type": "step", "step": json.loads(record.detail)}
    return {
        "type": "damaged_step",
        "seq": record.seq,
        "fault": fault,
        "content": record.content,
        "detail": record.detail,
    }


def read_export(path: Path) -> RunExport:
    """Read an exported run and verify its chain; what is wrong with it is in ``faults``.

    Raises UnusableInput when the file is not an export, StoreTooNew for a later format, StoreCorrupt when not even
    the run itself can be read.
    """
    lines = _lines(path)
    header = lines[0] if lines else {}
    if header.get("type") != FORMAT:
        raise UnusableInput(f"{path} is not an exported run.")
    if header.get("version") != VERSION:
        raise StoreTooNew(
            f"{path} has export format {header.get('version')}; this Covey reads {VERSION}. Upgrade Covey."
        )
    try:
        heading = next(line for line in lines if line.get("type") == "run")
        run, record = Run.model_validate(heading["run"]), run_record(heading["run"])
        artifacts = tuple(
            Artifact.model_validate({name: value for name, value in line.items() if name != "type"})
            for line in lines
            if line.get("type") == "artifact"
        )
    except (StopIteration, KeyError, ValidationError) as error:
        raise StoreCorrupt(f"{path} cannot be read as an exported run: {error!r}.") from None
    records = [step_record(line.get("step", {})) for line in lines if line.get("type") == "step"]
    return RunExport(
        run=run,
        steps=tuple(decode_step(run.id, record) for record in records if not step_fault(record)),
        artifacts=artifacts,
        metrics=heading.get("metrics", {}),
        faults=tuple(_faults(path, record, records, lines)),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{path} cannot be read: {error}.") from None
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            value = {"type": "unreadable"}
        found.append(value if isinstance(value, dict) else {"type": "unreadable"})
    return found


def _faults(
    path: Path, run: RunRecord, records: Sequence[StepRecord], lines: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    if lines[-1].get("type") != "end":
        yield f"{path} is cut short."
    if any(line.get("type") == "unreadable" for line in lines):
        yield f"{path} has lines that are not JSON objects."
    yield from (str(line.get("message")) for line in lines if line.get("type") == "fault")
    damage = run_fault(run)
    if damage:
        yield f"Run {run.id} is damaged: {damage}."
    yield from chain_faults(run, records)
