"""The SQLite file: how it is opened and migrated, what a transaction is, what its errors mean.

Write-ahead log with ``synchronous=FULL``: a step is on the disk when its commit returns, and a process may be killed
at any instruction. Needs SQLite 3.35 or later.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from covey.core.errors import CoveyError, StoreConflict, StoreCorrupt, StoreError, StoreTooNew
from covey.store.files import full, not_writable, os_fault, probe_space

_MINIMUM = (3, 35, 0)
_RETRY_S = 0.02


def migrations() -> tuple[str, ...]:
    """The texts of the numbered migrations, in order; the schema version is their number."""
    folder = files("covey.store") / "migrations"
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


def statements(script: str) -> Iterator[str]:
    """Split an SQL script into complete statements (a trigger is one)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """Open or make the database, migrated to this version's schema.

    Several processes may do so at the same time. A lock held by another process is waited for ``busy_s`` seconds.
    Raises StoreError and its children, or StoreTooNew.
    """
    if sqlite3.sqlite_version_info < _MINIMUM:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old for the run store: it needs 3.35 or later.")
    deadline = time.monotonic() + busy_s
    while True:
        try:
            return _connect(path, busy_s)
        except sqlite3.Error as error:
            # Changing the journal mode does not wait by itself, so the first opening by several processes may get here.
            if _primary(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() >= deadline:
                raise translate(error, path) from error
        time.sleep(_RETRY_S)


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    # All text is ASCII or valid UTF-8 when written; what is no longer so is damage, for a checksum to find and name.
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        _refuse_newer(db, path)
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        # Where the file system has no shared memory SQLite keeps a rollback journal, which needs EXTRA to be as safe.
        db.execute(f"PRAGMA synchronous = {'FULL' if mode == 'wal' else 'EXTRA'}")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cell_size_check = ON")
        _migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(db: sqlite3.Connection, path: Path) -> None:
    found, known = _version(db), len(migrations())
    if found > known:
        raise StoreTooNew(
            f"{path} was written by a newer Covey (schema {found}; this one knows up to {known}). Upgrade Covey, or "
            "set COVEY_HOME to another folder. Nothing was changed."
        )


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    scripts = migrations()
    while (found := _version(db)) < len(scripts):
        with transaction(db):
            if _version(db) != found:  # another process was faster
                continue
            for statement in statements(scripts[found]):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {found + 1}")
    _refuse_newer(db, path)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write everything in the block, or nothing. Raises sqlite3.Error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _primary(error: sqlite3.Error) -> int:
    """The primary result code of an error; 0 when it does not come from SQLite itself."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_io_error(error: sqlite3.Error) -> bool:
    """True when the disk failed and nothing written since the last commit can be trusted to be there."""
    return _primary(error) == sqlite3.SQLITE_IOERR


def translate(error: sqlite3.Error, path: Path) -> CoveyError:
    """Say what an error of SQLite means for the run and what to do about it."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    match _primary(error):
        case sqlite3.SQLITE_FULL:
            return full(path)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(
                f"{path} stays locked by another process ({name}). Wait until it ends or stop it, then try again."
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return not_writable(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreCorrupt(
                f"{path} is damaged ({error}). Export what can be read with `covey runs export RUN_ID`, then move the "
                "file away or restore it from a copy."
            )
        case sqlite3.SQLITE_IOERR:
            return _io_fault(error, name, path)
        case sqlite3.SQLITE_CONSTRAINT:
            return StoreConflict(f"{path} refused what was to be recorded: {error}.")
        case _:
            return StoreError(f"The run store at {path} failed: {error} ({name}).")


def _io_fault(error: sqlite3.Error, name: str, path: Path) -> StoreError:
    """Tell a full disk or a limit from a failing disk: SQLite reports some of the former as input/output errors."""
    sizes = [file.stat().st_size for file in path.parent.glob(f"{path.name}*")]
    refusal = probe_space(path.parent, max(sizes, default=0))
    if refusal is not None:
        return os_fault(refusal, path)
    return StoreError(
        f"The disk under {path} fails ({error}, {name}). The last step may not be on it. Check the disk before you go "
        "on; `covey runs verify` says what is intact."
    )
