"""Which files belong to the tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_FILE = re.compile(r"(test_.*|.*_test|tests?|conftest)\.py\Z")


def is_test_path(path: str, others: Iterable[str] = ()) -> bool:
    """True for test modules, ``conftest.py`` and whatever lies in a folder of tests.

    A folder ``tests`` is one anywhere; a folder ``test`` is one at the root, or when test modules lie below it
    (``others`` are the paths of the repository): some packages ship code in a folder of that name.
    """
    pure = PurePosixPath(path)
    if _FILE.match(pure.name):
        return True
    for depth, part in enumerate(pure.parts[:-1]):
        if part in {"tests", "testing_tests"} or (part == "test" and depth == 0):
            return True
        if part == "test":
            folder = "/".join(pure.parts[: depth + 1]) + "/"
            if any(other.startswith(folder) and _FILE.match(PurePosixPath(other).name) for other in others):
                return True
    return False
