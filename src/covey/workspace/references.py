"""Where a name is used, the likeliest places first.

Names only: a reference is any use of the same last word, so two methods ``close`` of different classes are not told
apart, and what is reached by ``getattr``, strings or star imports is missed. The ranking makes up for some of that:
files that import a file which defines the name stand before those that do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from covey.core.canonical import Frozen
from covey.workspace.codeindex import CodeIndex

MAX_FILES = 400
"""Files whose lines are looked at; the nearest first."""
_TEXT = 160
SAME_FILE, IMPORTS, OTHER = "same file", "imports it", "other"
_CLOSENESS = (SAME_FILE, IMPORTS, OTHER)


class Reference(Frozen):
    """One line, counted from 1, that uses the name. ``closeness``: same file, imports it, other."""

    path: str
    line: int
    text: str
    closeness: str


class References(Frozen):
    """The first references, and how many ``files`` use the name and how many lines of those looked at (``total``)."""

    name: str
    found: tuple[Reference, ...]
    total: int
    files: int


async def find_references(index: CodeIndex, name: str, *, near: Sequence[str] = (), limit: int = 50) -> References:
    """Return the lines that use ``name`` (the last word of a dotted one counts), without its definitions.

    ``near`` are the files that are looked at anyway: they count as the same file as the definitions. Order: the files
    of the definitions and ``near``, files that import one of those, then others; by path and line in each.
    Raises RunError when the index or a file cannot be read.
    """
    last = name.rpartition(".")[2]
    definitions = index.definitions(name)
    home = {path for path, _ in definitions} | set(near)
    users = index.users(last)
    ranked = await asyncio.to_thread(_ranked, index, users, home)
    chosen = ranked[:MAX_FILES]
    uses = await index.uses([path for _, path in chosen])
    places = [(closeness, path, line) for closeness, path in chosen for line in uses[path].get(last, ())]
    found = await asyncio.to_thread(_quote, index, places[:limit])
    return References(name=name, found=found, total=len(places), files=len(users))


def _ranked(index: CodeIndex, users: Sequence[str], home: set[str]) -> list[tuple[int, str]]:
    def closeness(path: str) -> int:
        if path in home:
            return 0
        return 1 if home and not home.isdisjoint(index.imports(path)) else 2

    return sorted((closeness(path), path) for path in users)


def _quote(index: CodeIndex, places: Sequence[tuple[int, str, int]]) -> tuple[Reference, ...]:
    lines: dict[str, list[bytes]] = {}
    found = []
    for closeness, path, line in places:
        if path not in lines:
            lines[path] = index.read(path).split(b"\n")
        data = lines[path][line - 1] if line <= len(lines[path]) else b""
        text = data[: _TEXT * 4].decode("utf-8", "replace").strip()[:_TEXT]
        found.append(Reference(path=path, line=line, text=text, closeness=_CLOSENESS[closeness]))
    return tuple(found)
