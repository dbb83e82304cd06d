"""Which names a repository defines, and where: what a model may point at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from covey.models.schema import plain
from covey.repair.paths import is_test_path

BYTES = 24 << 20
"""Source read at most; what lies in files beyond it cannot be pointed at."""
_DEFINED = re.compile(
    rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w{0,99})|^([A-Za-z_]\w{0,99})[ \t]*=", re.M
)
_WORD = re.compile(r"[A-Za-z_]\w{1,99}")


def defined(sources: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """Functions, classes and names that modules set → the files that define them, files of tests last.

    Reads every Python file, so it belongs into a thread.
    """
    found: dict[str, dict[str, None]] = {}
    left = BYTES
    paths = [path for path in sources if path.endswith(".py") and plain(path) == path]
    for path in sorted(paths, key=lambda path: (is_test_path(path), path)):
        data = sources[path]
        left -= len(data)
        if left < 0:
            break
        for match in _DEFINED.finditer(data):
            found.setdefault((match[1] or match[2]).decode(), {})[path] = None
    return {name: tuple(places) for name, places in found.items()}


def words(text: str) -> tuple[str, ...]:
    """Everything in ``text`` that could be a name, in order of appearance."""
    return tuple(dict.fromkeys(_WORD.findall(text)))


def files_named(text: str, paths: Mapping[str, bytes]) -> tuple[str, ...]:
    """Python files that ``text`` names by path, by file name, or as a module, the closest match first."""
    said = frozenset(words(text))
    ranked = []
    for path in paths:
        pure = PurePosixPath(path)
        if pure.suffix != ".py" or plain(path) != path:
            continue
        module = ".".join(pure.with_suffix("").parts)
        if path in text or (module.count(".") and module in text):
            ranked.append((0, path))
        elif pure.name in text and pure.name != "__init__.py":
            ranked.append((1, path))
        elif pure.stem in said and pure.stem not in ("__init__", "test", "tests"):
            ranked.append((2, path))
    return tuple(path for _, path in sorted(ranked))
