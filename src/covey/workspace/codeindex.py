"""What the files of a repository define, use and import: Python, JavaScript and TypeScript, by their syntax trees.

How to use it::

    index = CodeIndex.open(folder / "code.sqlite3")      # a cache; many repositories and processes may share it
    await index.update(SourceFiles(snapshot))            # reads only what the cache does not know
    await index.update(SourceFiles(snapshot), edited)    # the same with edited, new or removed (None) files
    index.definitions("Session.close"), index.outline("src/a.py"), index.imports("src/a.py")

On top of it: :mod:`covey.workspace.references` (who uses a name), :mod:`covey.workspace.repomap` (the map of a
repository within a token budget) and :mod:`covey.workspace.docsearch`. All answers come in one fixed order.

Limits, all of them on purpose: names are compared as text, types are unknown; files above 1 MB, binary files and files
nested too deeply hold nothing (``problem`` says so); at most 50,000 files are indexed, the first by path.
"""

from __future__ import annotations

import asyncio
import posixpath
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from covey.core.canonical import Frozen, sha256
from covey.core.errors import RunError
from covey.core.redact import visible
from covey.workspace.codeindex_cache import Cache, Key
from covey.workspace.codeindex_facts import TOO_LARGE, FileFacts, Symbol, read_facts
from covey.workspace.codeindex_modules import resolve
from covey.workspace.codeindex_parse import LANGUAGES, unpacked
from covey.workspace.codeindex_pool import Columns, Work, parse_all
from covey.workspace.sources import SourceFiles

__all__ = ["CodeIndex", "FileFacts", "IndexStats", "Symbol"]

MAX_FILES = 50_000
MAX_FILE_BYTES = 1 << 20
_BATCH = 200
_COLUMNS = ("facts", "uses", "docs")
_TOO_LARGE: Key = ("", "none")


class IndexStats(Frozen):
    """One update: ``files`` indexed, of which ``parsed`` were not in the cache; ``unreadable`` hold nothing."""

    files: int
    parsed: int
    unreadable: int
    left_out: int
    seconds: float


class CodeIndex:
    """The index of one tree of files. Updates are made one at a time; questions are quick and may come at any time."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._sources: Mapping[str, bytes] = {}
        self._edited: Mapping[str, bytes | None] = {}
        self._keys: dict[str, Key] = {}
        self._facts: dict[Key, FileFacts] = {}
        self._by_name: dict[str, list[tuple[str, Symbol]]] = {}
        self._users: dict[str, list[str]] | None = None
        self._lock = asyncio.Lock()

    @classmethod
    def open(cls, cache: Path) -> CodeIndex:
        """Use the cache file at ``cache``, made when missing. Raises RunError when it cannot be."""
        try:
            return cls(Cache(cache))
        except OSError as error:
            raise _unusable(cache, error) from error

    async def update(
        self, sources: Mapping[str, bytes], edited: Mapping[str, bytes | None] | None = None
    ) -> IndexStats:
        """Make this the index of ``sources`` with ``edited`` over it, where None removes a file.

        Of a :class:`~covey.workspace.sources.SourceFiles` only files whose content the cache does not know are read;
        another mapping is hashed. Raises RunError when the cache cannot be written or a file cannot be read.
        """
        stop = threading.Event()
        async with self._lock:
            task = asyncio.ensure_future(asyncio.to_thread(self._update, sources, dict(edited or {}), stop))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait([task])
                raise

    def _update(
        self, sources: Mapping[str, bytes], edited: Mapping[str, bytes | None], stop: threading.Event
    ) -> IndexStats:
        started = time.monotonic()
        try:
            keys, work, left_out = _plan(sources, edited)
            columns = self._cache.column("facts", sorted({*keys.values()} - self._facts.keys() - {_TOO_LARGE}))
            facts = {key: read for key, data in columns.items() if (read := read_facts(data)) is not None}
            facts[_TOO_LARGE] = TOO_LARGE
            facts |= {key: self._facts[key] for key in keys.values() if key in self._facts}
            missing = [item for key, item in work.items() if key not in facts]
            for item, parsed in self._parse(missing, stop):
                known = read_facts(parsed[0])
                assert known is not None
                facts[item.digest, item.language] = known
        except sqlite3.Error as error:
            raise _unusable(self._cache.path, error) from error
        except OSError as error:
            raise RunError(f"A file to index cannot be read: {error.strerror}.", detail=str(error)) from error
        if stop.is_set():
            raise RunError("Indexing was stopped.")
        self._sources, self._edited, self._keys, self._facts, self._users = sources, edited, keys, facts, None
        self._by_name = _by_name(keys, facts)
        unreadable = sum(bool(facts[key].problem) for key in keys.values())
        seconds = time.monotonic() - started
        return IndexStats(
            files=len(keys), parsed=len(missing), unreadable=unreadable, left_out=left_out, seconds=seconds
        )

    def _parse(self, missing: Sequence[Work], stop: threading.Event) -> Iterator[tuple[Work, Columns]]:
        """Parse and keep, in batches, so that a stopped update need not start again from nothing."""
        batch: list[tuple[Key, Columns]] = []
        for item, columns in parse_all(missing, stop) if missing else ():
            batch.append(((item.digest, item.language), columns))
            if len(batch) >= _BATCH:
                self._cache.add(batch)
                batch = []
            yield item, columns
        if batch:
            self._cache.add(batch)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every indexed file, in order."""
        return tuple(self._keys)

    def __contains__(self, path: object) -> bool:
        return path in self._keys

    def digests(self) -> tuple[tuple[str, str], ...]:
        """Return each path with the SHA-256 of its content ('' for a file that is too large)."""
        return tuple((path, key[0]) for path, key in self._keys.items())

    def read(self, path: str) -> bytes:
        """Return a file as it was indexed. Raises KeyError for a path that is not indexed."""
        if path not in self._keys:
            raise KeyError(path)
        data = self._edited.get(path)
        return self._sources[path] if data is None else data

    def facts(self, path: str) -> FileFacts:
        """Return everything known of a file. Raises KeyError for a path that is not indexed."""
        return self._facts[self._keys[path]]

    def symbols(self, path: str) -> tuple[Symbol, ...]:
        """Return what a file defines, by line; nothing for a path that is not indexed."""
        return self.facts(path).symbols if path in self._keys else ()

    def outline(self, path: str) -> str:
        """Return the signatures of a file, one a line with its line number, indented as they are nested."""
        lines = (f"{symbol.line}: {'  ' * symbol.depth}{visible(symbol.signature)}" for symbol in self.symbols(path))
        return "\n".join(lines)

    def imports(self, path: str) -> tuple[str, ...]:
        """Return the indexed files that a file imports (see :func:`~covey.workspace.codeindex_modules.resolve`)."""
        return resolve(path, self.facts(path).imports, self._keys) if path in self._keys else ()

    def definitions(self, name: str) -> tuple[tuple[str, Symbol], ...]:
        """Return where ``name``, plain or with the class in front (``Session.close``), is defined: path and symbol."""
        last = name.rpartition(".")[2]
        found = self._by_name.get(last, ())
        return tuple((path, symbol) for path, symbol in found if f".{symbol.name}".endswith(f".{name}") or last == name)

    def users(self, name: str) -> tuple[str, ...]:
        """Return the files that use the plain name ``name`` anywhere, in order."""
        users = self._users
        if users is None:
            users = {}
            for path, key in self._keys.items():
                for used in self._facts[key].names:
                    users.setdefault(used, []).append(path)
            self._users = users
        return tuple(users.get(name, ()))

    async def uses(self, paths: Sequence[str]) -> dict[str, dict[str, list[int]]]:
        """Return the lines of every name that each of ``paths`` uses. Raises RunError."""
        return await asyncio.to_thread(self._column, "uses", paths)

    async def docstrings(self, paths: Sequence[str]) -> dict[str, list[tuple[str, int, str]]]:
        """Return qualified name ('' for the module), line and text of every docstring of ``paths``. Raises RunError."""
        found = await asyncio.to_thread(self._column, "docs", paths)
        return {path: [(name, line, text) for name, line, text in rows] for path, rows in found.items()}

    def _column(self, name: str, paths: Sequence[str]) -> dict[str, Any]:
        keys = {path: self._keys[path] for path in paths if path in self._keys and self._keys[path] != _TOO_LARGE}
        found: dict[Key, Any] = {}
        try:
            for key, data in self._cache.column(name, sorted(set(keys.values()))).items():
                with suppress(ValueError):  # a damaged row is parsed again, like one that is gone
                    found[key] = unpacked(data)
            gone = {key: path for path, key in keys.items() if key not in found}
            work = [Work(*key, partial(self.read, path)) for key, path in gone.items()]
            for item, columns in self._parse(work, threading.Event()):
                found[item.digest, item.language] = unpacked(columns[_COLUMNS.index(name)])
        except sqlite3.Error as error:
            raise _unusable(self._cache.path, error) from error
        return {path: found[key] for path, key in keys.items()}


def _plan(
    sources: Mapping[str, bytes], edited: Mapping[str, bytes | None]
) -> tuple[dict[str, Key], dict[Key, Work], int]:
    """Return the key of each file, the work for each key, and the number of files left out."""
    keys: dict[str, Key] = {}
    work: dict[Key, Work] = {}
    wanted = [path for path in sorted({*sources, *edited}) if posixpath.splitext(path)[1] in LANGUAGES]
    wanted = [path for path in wanted if edited.get(path, b"") is not None]
    for path in wanted[:MAX_FILES]:
        data = edited.get(path)
        if data is None and isinstance(sources, SourceFiles):
            entry = sources.entry(path)
            digest, size, read = entry.sha256, entry.size, partial(sources.__getitem__, path)
        else:
            content = sources[path] if data is None else data
            digest, size, read = sha256(content), len(content), partial(bytes, content)
        language = LANGUAGES[posixpath.splitext(path)[1]]
        if size > MAX_FILE_BYTES:
            digest, language = _TOO_LARGE
        keys[path] = (digest, language)
        work.setdefault(keys[path], Work(digest, language, read))
    return keys, work, len(wanted) - len(keys)


def _by_name(keys: Mapping[str, Key], facts: Mapping[Key, FileFacts]) -> dict[str, list[tuple[str, Symbol]]]:
    found: dict[str, list[tuple[str, Symbol]]] = {}
    for path, key in keys.items():
        for symbol in facts[key].symbols:
            found.setdefault(symbol.name.rpartition(".")[2], []).append((path, symbol))
    return found


def _unusable(path: Path, error: Exception) -> RunError:
    return RunError(f"The code index {path} cannot be used; free its folder or remove it.", detail=str(error))
