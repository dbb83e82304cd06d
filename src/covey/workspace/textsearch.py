r"""Search the text of a snapshot: by ripgrep where it is installed, else by Python, with the same result.

Patterns are literal, or regular expressions of the dialect that both engines share: ASCII characters, ``.``, ``[…]``
classes, groups ``(…)`` and ``(?:…)``, ``|``, ``* + ? {m} {m,} {m,n}`` (also lazy), ``^ $`` and
``\w \W \d \D \s \S \b \B \t``. Classes are ASCII, lines end at a line feed, matching is by line. Python's engine
backtracks, so an expression runs in a child process with a time limit.

Searched are the regular files of :class:`~covey.workspace.sources.SourceFiles` up to 1 MB that hold no zero byte in
their first 8 kB, whatever ``.gitignore`` says; links are not followed and no configuration file is read.
"""

from __future__ import annotations

import asyncio
import base64
import fnmatch
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Container, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from covey.core.canonical import Frozen
from covey.core.errors import RunError
from covey.workspace.snapshot import Snapshot
from covey.workspace.sources import SourceFiles
from covey.workspace.textsearch_pattern import MAX_PATTERN, BadPattern, check_pattern
from covey.workspace.textsearch_worker import MAX_FILE_BYTES, PER_FILE, ZERO_WITHIN, order, shown

__all__ = ["MAX_PATTERN", "BadPattern", "Match", "Matches", "search_text"]

MAX_FOUND = 20_000
"""Matching lines after which a search stops."""
_LINE_BYTES = 16 << 20


class Match(Frozen):
    """One matching line and where its first match starts: line and column (in bytes) counted from 1."""

    path: str
    line: int
    column: int
    text: str


class Matches(Frozen):
    """The first matches by path and line. ``total`` counts all lines found; ``complete`` is False after a time limit.

    A file counts at most 200 lines, a search 20,000.
    """

    found: tuple[Match, ...]
    total: int
    files: int
    complete: bool


async def search_text(
    snapshot: Snapshot,
    pattern: str,
    *,
    regex: bool = False,
    ignore_case: bool = False,
    globs: Sequence[str] = (),
    limit: int = 50,
    timeout_s: float = 10.0,
    program: str | None = "rg",
) -> Matches:
    """Return the lines of ``snapshot`` that match ``pattern``, in files whose path matches one of ``globs`` (if any).

    ``program`` None always uses Python. Raises BadPattern for a pattern that cannot be searched for, RunError when the
    snapshot cannot be read.
    """
    check_pattern(pattern, regex=regex)
    sources = await asyncio.to_thread(SourceFiles, snapshot, MAX_FILE_BYTES)
    paths = {path for path in sources if not globs or any(fnmatch.fnmatchcase(path, glob) for glob in globs)}
    found = shutil.which(program) if program else None
    options = {"pattern": pattern, "regex": regex, "ignore_case": ignore_case}
    searches = [_python({**options, "base": snapshot.base, "paths": sorted(paths, key=order)})]
    if found:
        flags = _flags(pattern, regex=regex, ignore_case=ignore_case)
        command = [str(Path(found).absolute()), *flags]  # it runs in the snapshot, which may hold a program of its name
        searches.insert(0, _ripgrep(command, sources, paths, snapshot))
    for search in searches:
        kept, complete = await _collect(search, timeout_s)
        if complete is not None:
            break
    return Matches(
        found=tuple(kept[:limit]), total=len(kept), files=len({match.path for match in kept}), complete=bool(complete)
    )


class _NoRipgrep(Exception):
    """What is installed did not search: an expression too large for it, or another program of its name."""


async def _collect(search: AsyncGenerator[Match, None], timeout_s: float) -> tuple[list[Match], bool | None]:
    """Return the matches and whether they are all; None when the search could not be made in this way."""
    kept: list[Match] = []
    async with aclosing(search):
        try:
            async with asyncio.timeout(timeout_s):
                async for match in search:
                    kept.append(match)
                    if len(kept) >= MAX_FOUND:
                        break
        except TimeoutError:
            return kept, False
        except _NoRipgrep:
            return [], None
    return kept, True


def _bytewise(text: str) -> str:
    """Write a literal byte by byte: without Unicode classes ripgrep takes no other characters than ASCII."""
    return "".join(f"\\x{byte:02x}" for byte in text.encode("utf-8"))


def _flags(pattern: str, *, regex: bool, ignore_case: bool) -> list[str]:
    return [
        "--no-config",
        "--json",
        "--no-ignore",
        "--hidden",
        "--no-follow",
        "--no-messages",
        "--text",
        "--no-crlf",
        "--sort=path",
        "--encoding=none",
        "--engine=default",
        f"--max-count={PER_FILE}",
        f"--max-filesize={MAX_FILE_BYTES}",
        "--ignore-case" if ignore_case else "--case-sensitive",
        "--no-unicode",
        f"--regexp={pattern if regex else _bytewise(pattern)}",
        "./",
    ]


async def _ripgrep(
    command: Sequence[str], sources: SourceFiles, paths: Container[str], snapshot: Snapshot
) -> AsyncGenerator[Match, None]:
    binary: dict[str, bool] = {}
    finished = False
    async for line in _lines(command, None, snapshot.base, good=(0, 1, 2)):
        try:
            message = json.loads(line)
            kind, data = message["type"], message["data"]
        except (ValueError, KeyError, TypeError):
            raise _NoRipgrep from None
        finished = kind == "summary"
        if kind != "match" or "text" not in data["path"]:
            continue
        path = data["path"]["text"].removeprefix("./")
        if path not in paths:
            continue
        if path not in binary:
            binary[path] = b"\0" in (await asyncio.to_thread(sources.__getitem__, path))[:ZERO_WITHIN]
        if not binary[path]:
            text = data["lines"]
            whole = text["text"].encode() if "text" in text else base64.b64decode(text["bytes"])
            whole = whole.removesuffix(b"\n")
            # An empty match at the very end of a file is reported without its place.
            start = data["submatches"][0]["start"] if data["submatches"] else len(whole)
            yield Match(path=path, line=data["line_number"], column=start + 1, text=shown(whole, start))
    if not finished:  # a file that cannot be read is exit code 2 as well, but comes with a summary
        raise _NoRipgrep


async def _python(request: Mapping[str, object]) -> AsyncGenerator[Match, None]:
    command = [sys.executable, "-P", "-m", "covey.workspace.textsearch_worker"]
    async for line in _lines(command, json.dumps(request).encode(), None, good=(0,)):
        path, number, column, text = json.loads(line)
        yield Match(path=path, line=number, column=column, text=text)


async def _lines(
    command: Sequence[str], given: bytes | None, folder: str | None, good: Sequence[int]
) -> AsyncGenerator[bytes, None]:
    """Run a program and yield the lines of its output; end it when the caller has enough."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as said:
        stdin.write(given or b"")
        stdin.seek(0)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=said, cwd=folder, limit=_LINE_BYTES
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                yield line
            code = await process.wait()
            if code not in good:
                said.seek(0)
                detail = said.read()[-2_000:].decode("utf-8", "replace")
                raise RunError("The search through the snapshot failed; start the run again.", detail=detail)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
