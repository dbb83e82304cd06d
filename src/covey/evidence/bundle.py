"""Writing the bundle: every file is made in memory, written under a temporary name, and shown all at once."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import Field, JsonValue

from covey.core.canonical import Frozen, sha256
from covey.core.errors import StoreError, StoreFull
from covey.core.execution import Environment, TestCommand
from covey.core.redact import redact, redact_json, visible
from covey.core.run import Run, Step
from covey.core.testing import TestReport
from covey.evidence.item import EvidenceInput
from covey.evidence.markdown import markdown
from covey.evidence.report import run_report
from covey.evidence.statement import statement
from covey.evidence.transcript import transcript

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = 1
ModelT = TypeVar("ModelT", bound=Frozen)

LOG_LIMIT = 256 << 10
"""Characters kept of each log: the first and the last half."""


class Ground(Frozen):
    """``run.json``: the run and what it stood on, enough to run its tests again."""

    run: Run
    base: str = ""
    targets: tuple[str, ...] = ()
    command: TestCommand | None = None
    environment: Environment | None = None
    new_tests: dict[str, str] = Field(default_factory=dict)


async def write_bundle(out: Path, item: EvidenceInput) -> Path:
    """Write the evidence of a run to ``out/<run id>`` and return that folder.

    Nothing half is ever seen: the folder appears with all its files, ``manifest.json`` written last. Writing the same
    run again gives the same bytes. Raises StoreFull when there is no space, StoreError when it cannot be written.
    """
    return await asyncio.to_thread(_write, out, item)


def bundle_files(item: EvidenceInput) -> dict[str, bytes]:
    """Return every file of the bundle by its relative path, the manifest included."""
    report = run_report(item)
    patch = None if item.patch is None else item.patch.diff.encode("utf-8", "surrogateescape")
    run = item.run.model_copy(update={"status": item.status, "head": item.head, "steps": len(item.steps)})
    ground = Ground(
        run=run,
        base=item.base_id,
        targets=item.targets,
        command=_without_secrets(item.command),
        environment=_without_secrets(item.environment),
        new_tests=item.new_tests,
    )
    files = {
        "report.md": _encode(markdown(item, report)),
        "report.json": _encode(report.to_json() + "\n"),
        "run.json": pretty(ground.model_dump(mode="python")),
        "statement.json": pretty(statement(item, report, patch)),
        "environment.lock": _encode(_lock(item.environment)),
        "events.jsonl": b"".join(_event(step) for step in item.steps),
        "logs/before.txt": _encode(_log(item.before_run)),
        "logs/after.txt": _encode(_log(item.after_run)),
    }
    if said := transcript(tuple(_redacted(step) for step in item.steps)):
        files["transcript.jsonl"] = said
    if patch is not None:
        files["patch.diff"] = patch
    touched: dict[str, JsonValue] = {}
    for path, pair in item.touched.items():
        _check_path(path)
        digests: list[JsonValue] = []
        for data in pair:
            digests.append(None if data is None else sha256(data))
            if data is not None:
                files[f"touched/{sha256(data)}"] = data
        touched[path] = {"before": digests[0], "after": digests[1]}
    files["touched.json"] = pretty(touched)
    files[MANIFEST] = manifest({name: sha256(data) for name, data in files.items()})
    return files


def manifest(sums: Mapping[str, str]) -> bytes:
    """Return the one form of ``manifest.json`` for these SHA-256 sums."""
    return pretty({"schema": MANIFEST_SCHEMA, "files": dict(sums)})


def pretty(value: object) -> bytes:
    """Serialise JSON for people and sums: sorted keys, two blanks, ASCII, one line feed at the end."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")


def _redacted(step: Step) -> Step:
    return step.model_copy(update={"detail": redact_json(step.detail)})


def _event(step: Step) -> bytes:
    """One step as a line. What is hashed stays as recorded; what is not hashed is redacted once more."""
    value = _redacted(step).model_dump(mode="python")
    return (json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n").encode("ascii")


def _without_secrets(item: ModelT | None) -> ModelT | None:
    if item is None:
        return None
    return type(item).model_validate(redact_json(item.model_dump(mode="json")))


def _lock(environment: Environment | None) -> str:
    if environment is None:
        return "# no environment was prepared\n"
    version = ".".join(map(str, environment.version))
    lines = [f"# python {version} ({environment.kind})", *sorted(environment.lock)]
    return redact("\n".join(lines)) + "\n"


def _log(report: TestReport | None) -> str:
    """What a test session printed: redacted, bounded, harmless to a terminal."""
    if report is None:
        return "The tests were not run.\n"
    ended = "ran into its time limit" if report.timed_out else f"exit code {report.exit_code}, signal {report.signal}"
    head = [f"$ {' '.join(report.command)}" if report.command else "$ (command not recorded)", f"# {ended}"]
    head.append("# " + ", ".join(f"{name} {count}" for name, count in report.counts().items()))
    failures = [
        f"\n== {result.outcome.value}: {result.id}\n{result.failure.text or result.failure.message}"
        for result in report.results
        if result.failure is not None
    ]
    body = report.output or "\n".join(failures) or "(nothing was printed)"
    return visible(redact("\n".join(head)) + "\n\n" + _bounded(redact(body))) + "\n"


def _bounded(text: str) -> str:
    if len(text) <= LOG_LIMIT:
        return text
    half = LOG_LIMIT // 2
    return f"{text[:half]}\n… {len(text) - LOG_LIMIT} characters left out …\n{text[-half:]}"


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _check_path(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise StoreError(f"A patch names the file {path!r}, which is not inside the repository; no bundle is written.")


def _write(out: Path, item: EvidenceInput) -> Path:
    name = item.run.id
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise StoreError(f"{name!r} cannot be the name of a folder; no bundle is written.")
    files = bundle_files(item)
    target, partial, old = out / name, out / f".{name}.partial", out / f".{name}.old"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if _same(target, files):
            return target
        for leftover in (partial, old):
            if leftover.exists():
                shutil.rmtree(leftover)
        for path in sorted(files, key=lambda path: (path == MANIFEST, path)):
            _write_file(partial / path, files[path])
        for folder in (*(entry for entry in partial.rglob("*") if entry.is_dir()), partial):
            _sync(folder)
        if target.exists():
            target.rename(old)
        partial.rename(target)
        _sync(out)
        if old.exists():
            shutil.rmtree(old)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _explained(error, out) from error
    return target


def _explained(error: OSError, out: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(f"There is no space for the evidence in {out}. Free some, or name another folder with --out.")
    return StoreError(f"The evidence cannot be written to {out}: {error.strerror}. Name another folder with --out.")


def _same(target: Path, files: Mapping[str, bytes]) -> bool:
    """True when ``target`` holds exactly ``files``."""
    if not target.is_dir():
        return False
    found = {entry.relative_to(target).as_posix(): entry for entry in target.rglob("*") if not entry.is_dir()}
    return found.keys() == files.keys() and all(
        not entry.is_symlink() and entry.read_bytes() == files[name] for name, entry in found.items()
    )


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
