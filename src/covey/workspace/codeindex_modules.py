"""Which files of a repository an import leads to, by names alone; nothing is imported."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator

_ROOTS = ("", "src/", "lib/", "python/")
_SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts")


def resolve(path: str, imports: Iterable[str], files: Collection[str]) -> tuple[str, ...]:
    """Return the files among ``files`` that ``path`` imports, in order, itself left out.

    Python modules are looked for at the top, below ``src``, ``lib`` and ``python``, and next to the importing file;
    of JavaScript only relative paths are followed. What is installed elsewhere is not found.
    """
    candidates = _python if path.endswith((".py", ".pyi")) else _script
    found: set[str] = set()
    for name in imports:
        found.update(candidate for candidate in candidates(path, name) if candidate in files)
    found.discard(path)
    return tuple(sorted(found))


def _python(path: str, name: str) -> Iterator[str]:
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    inner = bare.replace(".", "/")
    folder = posixpath.dirname(path)
    if level:
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        yield from _modules(posixpath.join(folder, inner) if inner else folder)
        return
    for root in _ROOTS:
        yield from _modules(root + inner)
    if folder:
        yield from _modules(f"{folder}/{inner}")


def _modules(place: str) -> Iterator[str]:
    if place:
        yield f"{place}.py"
        yield f"{place}/__init__.py"
        yield f"{place}.pyi"
    else:
        yield "__init__.py"


def _script(path: str, name: str) -> Iterator[str]:
    if not name.startswith("."):
        return
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    yield place
    stem, end = posixpath.splitext(place)
    for start in (place, stem) if end in (".js", ".jsx", ".mjs", ".cjs") else (place,):
        for suffix in _SCRIPTS:
            yield start + suffix
    for suffix in _SCRIPTS:
        yield f"{place}/index{suffix}"
