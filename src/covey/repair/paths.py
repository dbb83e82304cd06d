"""Which files belong to the tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from covey.repair.view import View

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


def imported(views: Mapping[str, View], paths: Iterable[str]) -> list[str]:
    """Paths that the files of ``views`` import, those files left out, in order.

    A module belongs to a path that ends with its dotted name; relative imports are followed from the importing file.
    """
    by_tail: dict[str, list[str]] = {}
    for path in paths:
        module = path.removesuffix(".py").removesuffix("/__init__")
        by_tail.setdefault(module.rpartition("/")[2], []).append(path)
    found: dict[str, None] = {}
    for where, view in views.items():
        for node in view.statements:
            if isinstance(node, ast.ImportFrom):
                names = (
                    [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
                    if node.module
                    else [a.name for a in node.names]
                )
            elif isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            else:
                continue
            for name in filter(None, names):
                tail = name.replace(".", "/")
                for path in by_tail.get(tail.rpartition("/")[2], ()):
                    module = path.removesuffix(".py").removesuffix("/__init__")
                    if path not in views and (module == tail or module.endswith(f"/{tail}")) and path != where:
                        found[path] = None
    return list(found)
