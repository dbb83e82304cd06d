"""The file that keeps what was parsed: one row for each content and language.

It is a cache: damaged, too large or of another schema, it is made anew. Several processes may share it. Nothing is
forced to the disk; every row carries a checksum (see :func:`covey.workspace.codeindex_parse.packed`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from covey.workspace.codeindex_pool import Columns

SCHEMA = 1
"""Raised whenever the table, or what :mod:`covey.workspace.codeindex_parse` reads from a file, changes."""
MAX_BYTES = 1 << 30
_BUSY_S = 60.0
_CHUNK = 500
_TABLE = (
    "CREATE TABLE IF NOT EXISTS blobs (digest TEXT NOT NULL, language TEXT NOT NULL, facts BLOB NOT NULL,"
    " uses BLOB NOT NULL, docs BLOB NOT NULL, PRIMARY KEY (digest, language))"
)
Key = tuple[str, str]
"""SHA-256 of a content, and its language."""
_T = TypeVar("_T")


class Cache:
    """Rows by key. Every method opens the file for itself, so that any thread or process may call it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size > MAX_BYTES:
            self.remake()

    def remake(self) -> None:
        """Drop everything."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def column(self, name: str, keys: Sequence[Key]) -> dict[Key, bytes]:
        """Return the packed column ``facts``, ``uses`` or ``docs`` of each of ``keys`` that has a row."""

        def ask(connection: sqlite3.Connection) -> dict[Key, bytes]:
            found: dict[Key, bytes] = {}
            for digests in _chunks(sorted({digest for digest, _ in keys})):
                marks = ",".join("?" * len(digests))
                query = f"SELECT digest, language, {name} FROM blobs WHERE digest IN ({marks})"  # noqa: S608 - our own words
                found.update(
                    {(digest, language): data for digest, language, data in connection.execute(query, digests)}
                )
            return found

        return self._with(ask)

    def add(self, rows: Sequence[tuple[Key, Columns]]) -> None:
        """Keep rows; those of another process are replaced by the same."""

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?)",
                    [(*key, *columns) for key, columns in rows],
                )

        self._with(write)

    def _with(self, act: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            return self._once(act)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
                raise
        except sqlite3.DatabaseError:
            pass
        self.remake()
        return self._once(act)

    def _once(self, act: Callable[[sqlite3.Connection], _T]) -> _T:
        connection = sqlite3.connect(self.path, timeout=_BUSY_S)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA:
                if version or connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                    raise sqlite3.DatabaseError(f"schema {version}, not {SCHEMA}")
                connection.executescript(f"BEGIN IMMEDIATE; {_TABLE}; PRAGMA user_version = {SCHEMA}; COMMIT")
            return act(connection)
        finally:
            connection.close()


def _chunks(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(digests), _CHUNK):
        yield digests[start : start + _CHUNK]
