"""Search the documentation of a repository: README and docs in Markdown, reStructuredText and text, and docstrings.

An index is made once for each content of the documentation, as one SQLite file (FTS5) in a folder given; the newest
few are kept. The words of a query are joined with OR and ranked by BM25. Where this SQLite has no FTS5, passages are
found by substring and ranked by the number of words that they hold.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from covey.core.canonical import Frozen, canonical_json, sha256
from covey.core.errors import RunError
from covey.workspace.codeindex import CodeIndex
from covey.workspace.sources import SourceFiles

MAX_FILES = 5_000
MAX_FILE_BYTES = 1 << 20
MAX_PASSAGES = 200_000
_PASSAGE = 1_500
_WORDS = 16
_KEPT = 4
_SCHEMA = 1
_SNIPPET = 300
_END = re.compile(r"\.(?:md|rst|txt)$", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:^|/)(?:docs?|documentation|guides?)/|(?:^|/)(?:readme|changelog|changes|history|news)[^/]*$", re.IGNORECASE
)
_WORD = re.compile(r"\w+")


class Passage(Frozen):
    """One place: a file's lines from ``line`` on, or the docstring of ``name``. ``text`` is the part that matches."""

    path: str
    line: int
    name: str
    text: str


class DocSearch:
    """The documentation of one tree of files."""

    def __init__(self, path: Path, *, full_text: bool) -> None:
        self._path = path
        self._full_text = full_text

    @classmethod
    async def open(
        cls, folder: Path, sources: Mapping[str, bytes], index: CodeIndex, *, full_text: bool = True
    ) -> DocSearch:
        """Index the documents of ``sources`` and the docstrings of ``index`` in ``folder``, or find that done.

        ``full_text`` False does without FTS5. Raises RunError when the folder cannot be used.
        """
        full_text = full_text and _has_fts5()
        try:
            documents = await asyncio.to_thread(_documents, sources)
            name = sha256(canonical_json([_SCHEMA, full_text, documents, index.digests()]))[:32]
            path = folder / f"docs-{name}.sqlite3"
            if not path.exists():
                docstrings = await index.docstrings(index.paths)
                await asyncio.to_thread(_make, path, sources, documents, docstrings, full_text)
        except (OSError, sqlite3.Error) as error:
            raise RunError(f"The documentation cannot be indexed in {folder}; free it.", detail=str(error)) from error
        return cls(path, full_text=full_text)

    async def search(self, query: str, limit: int = 10) -> tuple[Passage, ...]:
        """Return the best passages for the words of ``query`` (the first 16), best first. Raises RunError."""
        words = list(dict.fromkeys(word.lower()[:60] for word in _WORD.findall(query)))[:_WORDS]
        if not words:
            return ()
        try:
            return await asyncio.to_thread(self._search, words, limit)
        except sqlite3.Error as error:
            self._path.unlink(missing_ok=True)
            raise RunError(
                "The index of the documentation was damaged; it will be made anew.", detail=str(error)
            ) from error

    def _search(self, words: Sequence[str], limit: int) -> tuple[Passage, ...]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            if self._full_text:
                terms = " OR ".join(f'"{word}"' for word in words)
                rows = connection.execute(
                    "SELECT path, line, name, body FROM passages WHERE passages MATCH ? ORDER BY rank, rowid LIMIT ?",
                    (terms, limit),
                )
            else:
                held = " + ".join(["(instr(lower(name || ' ' || body), ?) > 0)"] * len(words))
                query = f"SELECT path, line, name, body, {held} AS held FROM passages WHERE held > 0"  # noqa: S608 - our words
                rows = connection.execute(f"{query} ORDER BY held DESC, rowid LIMIT ?", (*words, limit))
            return tuple(Passage(path=row[0], line=row[1], name=row[2], text=_snippet(row[3], words)) for row in rows)


def _has_fts5() -> bool:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE probe USING fts5(body)")
        except sqlite3.OperationalError:
            return False
        return True


def _documents(sources: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return path and SHA-256 of each document."""
    found = []
    for path in sorted(path for path in sources if _END.search(path) and _PLACE.search(path))[:MAX_FILES]:
        if isinstance(sources, SourceFiles):
            entry = sources.entry(path)
            size, digest = entry.size, entry.sha256
        else:
            size, digest = len(sources[path]), sha256(sources[path])
        if size <= MAX_FILE_BYTES:
            found.append((path, digest))
    return found


def _make(
    path: Path,
    sources: Mapping[str, bytes],
    documents: Sequence[tuple[str, str]],
    docstrings: Mapping[str, Sequence[tuple[str, int, str]]],
    full_text: bool,  # noqa: FBT001 - called through to_thread
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".docs-") as temporary:
        made = Path(temporary, path.name)
        with closing(sqlite3.connect(made)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            columns = "path UNINDEXED, line UNINDEXED, name, body"
            table = "VIRTUAL TABLE passages USING fts5" if full_text else "TABLE passages"
            connection.execute(f"CREATE {table}({columns if full_text else columns.replace(' UNINDEXED', '')})")
            with connection:
                rows = _rows(sources, documents, docstrings)
                connection.executemany("INSERT INTO passages VALUES (?, ?, ?, ?)", rows)
        made.rename(path)
    others = sorted(path.parent.glob("docs-*.sqlite3"), key=lambda other: other.stat().st_mtime_ns, reverse=True)
    for other in [other for other in others if other != path][_KEPT - 1 :]:
        other.unlink(missing_ok=True)


def _rows(
    sources: Mapping[str, bytes],
    documents: Sequence[tuple[str, str]],
    docstrings: Mapping[str, Sequence[tuple[str, int, str]]],
) -> Iterator[tuple[str, int, str, str]]:
    left = MAX_PASSAGES
    for path, _ in documents:
        data = sources[path]
        if b"\0" in data:
            continue
        for line, text in _passages(data.decode("utf-8", "replace")):
            yield path, line, "", text
            left -= 1
            if left <= 0:
                return
    for path in sorted(docstrings):
        for name, line, text in docstrings[path]:
            yield path, line, name, text
            left -= 1
            if left <= 0:
                return


def _passages(text: str) -> Iterator[tuple[int, str]]:
    """Cut a document at empty lines into passages of about 1,500 characters, each with its first line's number."""
    start, size, held = 1, 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        for at in range(0, max(1, len(line)), _PASSAGE):
            part = line[at : at + _PASSAGE]
            if held and (size + len(part) > _PASSAGE or (size > _PASSAGE // 2 and not part.strip())):
                yield start, "\n".join(held)
                start, size, held = number, 0, []
            held.append(part)
            size += len(part) + 1
    if any(part.strip() for part in held):
        yield start, "\n".join(held)


def _snippet(body: str, words: Sequence[str]) -> str:
    """Return the part of a passage around the first word that it holds."""
    lower = body.lower()
    places = [at for word in words if (at := lower.find(word)) >= 0]
    start = max(0, min(places, default=0) - _SNIPPET // 4)
    cut = body[start : start + _SNIPPET]
    return ("…" if start else "") + cut.strip() + ("…" if start + _SNIPPET < len(body) else "")
