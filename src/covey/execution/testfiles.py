"""Which test files a tree has, and in which style they are written. Files are read, never imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from covey.execution.boundedfiles import read_text

_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", ".git", ".tox", ".nox", ".eggs"})
_NAME = re.compile(r"(tests?|tests?[_-].*|.*_tests?|test.*)\.py", re.IGNORECASE)
_MAX_FILES = 20_000
_MAX_READ = 4_000
_BYTES = 256 << 10

_PYTEST = re.compile(r"^\s*(import pytest\b|from pytest\b|from _pytest\b)", re.MULTILINE)
_BARE = re.compile(r"^(async )?def test\w*\(", re.MULTILINE)
_PLAIN_CLASS = re.compile(r"^class Test\w*(\((object)?\))?:", re.MULTILINE)
_CASE = re.compile(r"^\s*class \w+\(.*(Test|Case)\w*.*\)\s*:|\bunittest\b", re.MULTILINE)
_METHOD = re.compile(r"^\s+(async )?def test", re.MULTILINE)
_SECTIONS = {
    "pytest.ini": r"",
    ".pytest.ini": r"",
    "pytest.toml": r"",
    "tox.ini": r"^\[pytest\]",
    "setup.cfg": r"^\[tool:pytest\]",
    "pyproject.toml": r"^\[tool\.pytest\b",
}


@dataclass(frozen=True, slots=True)
class TestFiles:
    """What was found. Paths are relative to the tree.

    ``cases`` are files with ``unittest`` classes, ``bare`` files that only pytest can run. ``configured`` is True when
    pytest is configured or a ``conftest.py`` is there. ``any_python`` tells a Python project from any other.
    """

    __test__ = False

    cases: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    configured: bool = False
    django: bool = False
    any_python: bool = False


def find_test_files(base: Path) -> TestFiles:
    """Look through a tree; at most 20,000 files are listed and 4,000 read."""
    cases: list[str] = []
    bare: list[str] = []
    configured = any(
        re.search(section, text, re.MULTILINE)
        for name, section in _SECTIONS.items()
        if (text := read_text(base, name)) is not None
    )
    any_python, read = False, 0
    for path in _python_files(base):
        any_python = True
        name = path.rpartition("/")[2]
        configured = configured or name == "conftest.py"
        folders = path.split("/")[:-1]
        if not (_NAME.fullmatch(name) or any(part in ("test", "tests") for part in folders)) or read >= _MAX_READ:
            continue
        read += 1
        text = read_text(base, path, _BYTES) or ""
        if _BARE.search(text) or _PYTEST.search(text) or (_PLAIN_CLASS.search(text) and _METHOD.search(text)):
            if _NAME.fullmatch(name):
                bare.append(path)
        elif _CASE.search(text) and _METHOD.search(text):
            cases.append(path)
    manage = read_text(base, "manage.py", 64 << 10) or ""
    return TestFiles(tuple(cases), tuple(bare), configured, "django" in manage, any_python)


def _python_files(base: Path) -> Iterator[str]:
    count = 0
    for parent, folders, files in os.walk(base):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED and not name.startswith(".") and not (Path(parent) / name / "pyvenv.cfg").exists()
        )
        for name in sorted(files):
            if name.endswith(".py"):
                count += 1
                if count > _MAX_FILES:
                    return
                yield os.path.relpath(str(Path(parent) / name), base)
