"""The run store in one SQLite file, with artifacts as files beside it.

::

    <home>/covey.db            runs, steps, index of artifacts (schema: store/migrations)
    <home>/artifacts/ab/cdef…  bytes by their SHA-256
    <home>/runs/<id>.lock      held while a process works on a run
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pydantic import JsonValue, ValidationError

from covey.core.artifact import Artifact, ArtifactKind
from covey.core.canonical import canonical_json
from covey.core.errors import CoveyError, StoreConflict, StoreCorrupt, StoreError, UnusableInput
from covey.core.run import Run, RunStatus, Step
from covey.store.artifacts import ArtifactFiles
from covey.store.database import connect, is_io_error, transaction, translate
from covey.store.export import write_export
from covey.store.files import make_folder, os_fault, probe_space
from covey.store.locks import run_lock
from covey.store.records import (
    RunRecord,
    StepRecord,
    chain_faults,
    decode_run,
    decode_step,
    encode_run,
    encode_step,
    run_fault,
    run_of_row,
    step_of_row,
)
from covey.store.salvage import STEP_COLUMNS, salvage_steps

T = TypeVar("T")

_RUN_COLUMNS = "id, genesis, content, detail, checksum, status, error, head, steps"
_RUNS = f"SELECT {_RUN_COLUMNS} FROM runs"  # noqa: S608 - a constant
_STEPS = f"SELECT {STEP_COLUMNS} FROM steps WHERE run = ? ORDER BY seq"  # noqa: S608


class SqliteStore:
    """A RunStore on the local disk; several processes may use the same home. Open it before use, or enter it.

    All SQL runs on one thread of its own, so calls from many tasks are serial and the event loop never waits.
    A cancelled call may still be carried out; the chain check of :meth:`append` makes that harmless.

    ``busy_s``: how long a database locked by another process is waited for, in seconds.
    """

    def __init__(self, home: Path, *, busy_s: float = 10.0) -> None:
        self.home = home
        self.path = home / "covey.db"
        self._busy_s = busy_s
        self._files = ArtifactFiles(home / "artifacts")
        self._db: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="covey-store")
        self._failed: CoveyError | None = None

    async def open(self) -> Self:
        """Open the database, made and migrated if need be.

        Raises StoreError when the folder cannot be written, StoreFull, StoreCorrupt, or StoreTooNew.
        """
        if self._db is None:
            self._db = await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)
        return self

    def _connect(self) -> sqlite3.Connection:
        make_folder(self.home)
        refusal = probe_space(self.home, 0)
        if refusal is not None:
            raise os_fault(refusal, self.home)
        return connect(self.path, self._busy_s)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Release everything. May be called twice."""
        db, self._db = self._db, None
        if db is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, db.close)
        self._thread.shutdown(wait=False)

    async def create(self, run: Run) -> None:
        """Record a new run."""

        def work(db: sqlite3.Connection) -> None:
            record = encode_run(run)
            if db.execute("SELECT 1 FROM runs WHERE id = ?", (run.id,)).fetchone():
                raise StoreConflict(f"There is a run {run.id} already.")
            db.execute(
                f"INSERT INTO runs ({_RUN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                tuple(getattr(record, name) for name in RunRecord.__slots__),
            )

        await self._write(work)

    async def append(self, run_id: str, step: Step) -> None:
        """Append a sealed step; the head moves with it (by trigger) in the same transaction."""

        def work(db: sqlite3.Connection) -> None:
            record = encode_step(step)
            found = self._exactly(db, run_id)
            if (step.seq, step.parent) != (found.steps, found.head):
                raise StoreConflict(
                    f"Step {step.seq} ({step.name}) does not follow the head of run {run_id}, which has {found.steps} "
                    "steps: another process works on this run. Let one of them end."
                )
            db.execute(
                f"INSERT INTO steps (run, {STEP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                (run_id, *(getattr(record, name) for name in StepRecord.__slots__)),
            )

        await self._write(work)

    async def set_status(self, run_id: str, status: RunStatus, error: str = "") -> None:
        """Set the derived status of a run."""

        def work(db: sqlite3.Connection) -> None:
            self._exactly(db, run_id)
            db.execute("UPDATE runs SET status = ?, error = ? WHERE id = ?", (status.value, error, run_id))

        await self._write(work)

    async def get(self, run_id: str) -> Run:
        """Return a run by id or unique prefix."""
        return await self._read(lambda db: decode_run(self._find(db, run_id)))

    async def list(self) -> Sequence[Run]:
        """Return all runs, newest first."""

        def work(db: sqlite3.Connection) -> Sequence[Run]:
            return [decode_run(run_of_row(row)) for row in db.execute(f"{_RUNS} ORDER BY number DESC")]

        return await self._read(work)

    async def steps(self, run_id: str) -> Sequence[Step]:
        """Return the steps of a run in order."""

        def work(db: sqlite3.Connection) -> Sequence[Step]:
            found = self._find(db, run_id).id
            return [decode_step(found, step_of_row(row)) for row in db.execute(_STEPS, (found,))]

        return await self._read(work)

    def acquire(self, run_id: str) -> AbstractContextManager[None]:
        """Hold the right to work on a run, against every process that uses this home."""
        return run_lock(self.home / "runs", run_id)

    async def record_metrics(self, run_id: str, metrics: Mapping[str, JsonValue]) -> None:
        """Record measures of a run; a name given again replaces its value."""

        def work(db: sqlite3.Connection) -> None:
            self._exactly(db, run_id)
            text = canonical_json({**self._metrics(db, run_id), **metrics})
            db.execute("UPDATE runs SET metrics = ? WHERE id = ?", (text, run_id))

        await self._write(work)

    async def metrics(self, run_id: str) -> dict[str, JsonValue]:
        """Return what was recorded by :meth:`record_metrics`."""
        return await self._read(lambda db: self._metrics(db, self._find(db, run_id).id))

    async def put_artifact(self, data: bytes) -> str:
        """Keep bytes under their SHA-256 and return it."""
        return await asyncio.to_thread(self._files.put, data)

    async def get_artifact(self, digest: str) -> bytes:
        """Return kept bytes."""
        return await asyncio.to_thread(self._files.get, digest)

    async def link_artifact(self, run_id: str, name: str, digest: str, kind: ArtifactKind) -> None:
        """Say that kept bytes belong to a run under ``name``."""

        def work(db: sqlite3.Connection) -> None:
            self._exactly(db, run_id)
            db.execute(
                "INSERT INTO artifacts (run, name, digest, size, kind) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (run, name) DO UPDATE SET digest = excluded.digest, size = excluded.size, "
                "kind = excluded.kind",
                (run_id, name, digest, self._files.size(digest), ArtifactKind(kind).value),
            )

        await self._write(work)

    async def artifacts(self, run_id: str) -> Sequence[Artifact]:
        """Return what is linked to a run, by name."""
        return await self._read(lambda db: self._artifacts(db, self._find(db, run_id).id))

    async def export(self, run_id: str, dest: PathLike[str]) -> Sequence[str]:
        """Write a run to the file ``dest`` as JSON lines, as far as it can be read."""

        def work(db: sqlite3.Connection) -> Sequence[str]:
            record = self._find(db, run_id)
            steps = salvage_steps(db, record.id, record.steps)
            lost = []
            artifacts: Sequence[Artifact] = ()
            metrics: Mapping[str, JsonValue] = {}
            try:
                artifacts, metrics = self._artifacts(db, record.id), self._metrics(db, record.id)
            except (sqlite3.DatabaseError, StoreCorrupt) as error:
                lost.append(f"Run {record.id}: its artifacts and metrics cannot be read ({error}).")
            return write_export(Path(dest), record, steps, artifacts=artifacts, metrics=metrics, lost=lost)

        return await self._read(work)

    async def check(self) -> Sequence[str]:
        """Check the database, every chain and every artifact; return one sentence for each fault."""
        return await self._read(lambda db: list(self._faults(db)))

    def _faults(self, db: sqlite3.Connection) -> Iterator[str]:
        try:
            for (line,) in db.execute("PRAGMA integrity_check").fetchall():
                if line != "ok":
                    yield f"{self.path}: {line}"
            for table, number, *_ in db.execute("PRAGMA foreign_key_check").fetchall():
                yield f"{self.path}: row {number} of {table} refers to nothing."
            yield from self._run_faults(db)
            yield from self._artifact_faults(db)
        except sqlite3.DatabaseError as error:
            yield str(translate(error, self.path))

    def _run_faults(self, db: sqlite3.Connection) -> Iterator[str]:
        for row in db.execute(f"{_RUNS} ORDER BY number").fetchall():
            record = run_of_row(row)
            fault = run_fault(record)
            if fault:
                yield f"Run {record.id} is damaged: {fault}."
            yield from chain_faults(record, (step_of_row(step) for step in db.execute(_STEPS, (record.id,))))

    def _artifact_faults(self, db: sqlite3.Connection) -> Iterator[str]:
        linked = db.execute("SELECT run, name, digest, size FROM artifacts").fetchall()
        sizes: dict[str, int] = {}
        for digest in sorted({str(digest) for _, _, digest, _ in linked} | set(self._files.digests())):
            try:
                sizes[digest] = len(self._files.get(digest))
            except StoreError as error:
                yield str(error)
        for run, name, digest, size in linked:
            if sizes.get(digest, size) != size:
                yield f"Run {run}: artifact {name} has {sizes[digest]} bytes, not {size}."

    def _find(self, db: sqlite3.Connection, run_id: str) -> RunRecord:
        """The run with this id, else the only one whose id starts so."""
        rows = db.execute(
            f"{_RUNS} WHERE id = ?1 OR (?1 <> '' AND substr(id, 1, length(?1)) = ?1) ORDER BY id = ?1 DESC, id LIMIT 9",
            (run_id,),
        ).fetchall()
        if not rows:
            raise _no_such_run(run_id)
        first = run_of_row(rows[0])
        if first.id != run_id and len(rows) > 1:
            raise UnusableInput(f"Several runs start with {run_id!r}: {', '.join(row[0] for row in rows)}. Give more.")
        return first

    def _exactly(self, db: sqlite3.Connection, run_id: str) -> RunRecord:
        row = db.execute(f"{_RUNS} WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise _no_such_run(run_id)
        return run_of_row(row)

    def _metrics(self, db: sqlite3.Connection, run_id: str) -> dict[str, JsonValue]:
        (text,) = db.execute("SELECT metrics FROM runs WHERE id = ?", (run_id,)).fetchone()
        try:
            found: dict[str, JsonValue] = json.loads(text)
        except (ValueError, TypeError):
            raise StoreCorrupt(f"The metrics of run {run_id} in {self.path} are not JSON.") from None
        return found

    def _artifacts(self, db: sqlite3.Connection, run_id: str) -> Sequence[Artifact]:
        rows = db.execute("SELECT name, digest, size, kind FROM artifacts WHERE run = ? ORDER BY name", (run_id,))
        try:
            return [Artifact(name=name, digest=digest, size=size, kind=kind) for name, digest, size, kind in rows]
        except ValidationError as error:
            raise StoreCorrupt(f"The index of artifacts of run {run_id} is damaged: {error}.") from None

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``work`` in one transaction. After a failure of the disk itself nothing more is ever written."""

        def guarded(db: sqlite3.Connection) -> T:
            if self._failed is not None:
                raise self._failed
            with transaction(db):
                return work(db)

        return await self._read(guarded)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._db
        if db is None:
            raise StoreError(f"The run store at {self.path} is not open, or closed again.")

        def translated() -> T:
            try:
                return work(db)
            except sqlite3.Error as error:
                fault = translate(error, self.path)
                if is_io_error(error) and type(fault) is StoreError:
                    self._failed = fault
                raise fault from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, translated)


def _no_such_run(run_id: str) -> UnusableInput:
    return UnusableInput(f"There is no run {run_id!r}. `covey runs list` shows all.")
