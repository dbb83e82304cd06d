"""Opening, migrating, append-only tables, and what SQLite's errors become."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from covey.core.errors import CoveyError, StoreConflict, StoreCorrupt, StoreError, StoreFull, StoreTooNew
from covey.store import database
from covey.store.sqlite import SqliteStore
from support_store import make_chain, make_run

pytestmark = pytest.mark.requirement("E2")


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """A store with one run of three steps, closed."""
    run = make_run()
    async with SqliteStore(tmp_path) as store:
        await store.create(run)
        for step in make_chain(run, 3):
            await store.append(run.id, step)
    return tmp_path


def shell(home: Path) -> sqlite3.Connection:
    return sqlite3.connect(home / "covey.db", isolation_level=None)


def test_the_database_is_as_durable_as_sqlite_can_be(tmp_path: Path) -> None:
    db = database.connect(tmp_path / "covey.db", 1.0)
    pragmas = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert db.execute("PRAGMA user_version").fetchone() == (len(database.migrations()),)
    db.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE steps SET content = 'x' WHERE seq = 1",
        "UPDATE steps SET detail = detail",
        "DELETE FROM steps WHERE seq = 2",
        "DELETE FROM runs",
        "UPDATE runs SET genesis = 'x'",
        "UPDATE runs SET head = genesis, steps = 0",
        "UPDATE runs SET steps = steps + 1",
        "INSERT OR REPLACE INTO steps SELECT * FROM steps WHERE seq = 2",
        "INSERT INTO steps SELECT number + 9, run, seq + 2, parent, hash, content, detail, checksum FROM steps",
    ],
)
async def test_the_database_itself_refuses_to_change_the_past(home: Path, statement: str) -> None:
    db = shell(home)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)
    db.close()
    async with SqliteStore(home) as store:
        assert await store.check() == []


async def test_a_store_from_a_newer_version_is_refused_and_left_alone(home: Path) -> None:
    db = shell(home)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = (home / "covey.db").read_bytes()
    with pytest.raises(StoreTooNew, match=r"schema 99.*Upgrade Covey.*COVEY_HOME"):
        await SqliteStore(home).open()
    assert (home / "covey.db").read_bytes() == before


async def test_migrations_are_applied_in_order_to_an_old_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = database.migrations()
    two = "-- one more; table\nCREATE TABLE notes (run TEXT);\nINSERT INTO notes\nSELECT id FROM runs;\n"
    monkeypatch.setattr(database, "migrations", lambda: (*old, two, "ALTER TABLE notes ADD COLUMN text TEXT;\n"))
    async with SqliteStore(home) as store:
        assert len(await store.steps(make_run().id)) == 3
    db = shell(home)
    assert db.execute("SELECT run, text FROM notes").fetchall() == [(make_run().id, None)]
    assert db.execute("PRAGMA user_version").fetchone() == (len(old) + 2,)
    db.close()


async def test_a_migration_that_fails_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = database.migrations()
    broken = "CREATE TABLE notes (run TEXT);\nINSERT INTO nowhere VALUES (1);\n"
    monkeypatch.setattr(database, "migrations", lambda: (*old, broken))
    with pytest.raises(StoreError, match="nowhere"):
        await SqliteStore(home).open()
    db = shell(home)
    assert db.execute("SELECT name FROM sqlite_master WHERE name = 'notes'").fetchall() == []
    assert db.execute("PRAGMA user_version").fetchone() == (len(old),)
    db.close()


def test_a_trigger_is_one_statement() -> None:
    script = "CREATE TABLE a (b);\nCREATE TRIGGER t AFTER INSERT ON a\nBEGIN\n SELECT 1;\n SELECT 2;\nEND;\n-- end\n"
    assert [text.split()[1] for text in database.statements(script)] == ["TABLE", "TRIGGER"]


def sqlite_error(code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_FULL, StoreFull, "no space.*covey runs resume"),
        (sqlite3.SQLITE_BUSY, StoreError, "locked by another process"),
        (sqlite3.SQLITE_LOCKED, StoreError, "locked by another process"),
        (sqlite3.SQLITE_READONLY, StoreError, "cannot be written.*COVEY_HOME"),
        (sqlite3.SQLITE_READONLY_CANTINIT, StoreError, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN, StoreError, "cannot be written"),
        (sqlite3.SQLITE_CORRUPT, StoreCorrupt, "damaged.*covey runs export"),
        (sqlite3.SQLITE_NOTADB, StoreCorrupt, "damaged.*covey runs export"),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError, "disk under .* fails"),
        (sqlite3.SQLITE_CONSTRAINT_TRIGGER, StoreConflict, "refused"),
        (sqlite3.SQLITE_TOOBIG, StoreError, "failed"),
    ],
)
def test_each_error_of_sqlite_says_what_to_do(tmp_path: Path, code: int, kind: type[CoveyError], words: str) -> None:
    found = database.translate(sqlite_error(code, "SQLITE_X"), tmp_path / "covey.db")
    assert type(found) is kind
    with pytest.raises(kind, match=words):
        raise found


class Failing:
    """A connection whose disk fails at commit as often as told."""

    def __init__(self, db: sqlite3.Connection, code: int) -> None:
        self.db, self.code, self.failures = db, code, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.db, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement == "COMMIT" and not self.failures:
            self.failures += 1
            raise sqlite_error(self.code, "SQLITE_IOERR_FSYNC")
        return self.db.execute(statement, *values)


async def test_after_a_failed_fsync_nothing_more_is_written(home: Path) -> None:
    run = make_run()
    async with SqliteStore(home) as store:
        assert store._db is not None
        store._db = Failing(store._db, sqlite3.SQLITE_IOERR_FSYNC)  # type: ignore[assignment]
        step = make_chain(run, 4)[3]
        for _ in range(2):
            with pytest.raises(StoreError, match=r"disk under .* fails"):
                await store.append(run.id, step)
        assert (await store.get(run.id)).steps == 3
    async with SqliteStore(home) as store:
        await store.append(run.id, step)
        assert await store.check() == []


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="file"):
        await SqliteStore(tmp_path / "file" / "home").open()
