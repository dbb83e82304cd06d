"""What kind of file a path is, as far as a reviewer of patches must know."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import PurePosixPath


class FileKind(StrEnum):
    """Kinds, from the one a repair should touch to those it should not."""

    source = "source"  # Python code that ships
    other = "other"  # data, documentation, other languages
    tests = "tests"  # test modules and whatever lies beside them
    conftest = "conftest"  # decides how pytest runs and collects
    configuration = "configuration"  # decides how anything is built, run, checked or opened


_TEST_NAMES = ("test_*.py", "*_test.py", "test.py", "tests.py")
_CONFIGURATION_NAMES = (
    "pytest.ini", "tox.ini", "setup.cfg", "setup.py", "pyproject.toml", "noxfile.py",
    "manage.py", "pyvenv.cfg", "pip.conf", "*.pth", "sitecustomize.py", "usercustomize.py", "manifest.in",
    "requirements*.txt", "requirements*.in", "constraints*.txt", "pipfile", "pipfile.lock", "poetry.lock", "pdm.lock",
    "uv.lock", "environment.yml", "environment.yaml", "makefile", "gnumakefile", "*.mk", "justfile", "dockerfile*",
    "docker-compose*.yml", "docker-compose*.yaml", "compose.yml", "compose.yaml", "meson.build", "cmakelists.txt",
    "jenkinsfile", "appveyor.yml", "azure-pipelines.yml",
)  # fmt: skip


def classify_path(path: str) -> FileKind:
    """Classify a relative path by its names alone.

    Whatever is, or lies in, a dot file or dot folder is configuration: editors, continuous integration and version
    control read them. A top-level ``test`` folder holds tests; deeper ones may be shipped packages, so there only
    the file's own name counts.
    """
    parts = PurePosixPath(path).parts
    name = parts[-1].casefold()
    if name == "conftest.py":
        return FileKind.conftest
    if any(part.startswith(".") for part in parts) or any(fnmatchcase(name, known) for known in _CONFIGURATION_NAMES):
        return FileKind.configuration
    in_tests = "tests" in parts[:-1] or (len(parts) > 1 and parts[0] == "test")
    if in_tests or any(fnmatchcase(name, known) for known in _TEST_NAMES):
        return FileKind.tests
    return FileKind.source if name.endswith((".py", ".pyi", ".pyx")) else FileKind.other


def by_kind(paths: Iterable[str]) -> dict[FileKind, tuple[str, ...]]:
    """Group paths; kinds that do not occur are absent."""
    found: dict[FileKind, list[str]] = {}
    for path in paths:
        found.setdefault(classify_path(path), []).append(path)
    return {kind: tuple(sorted(found[kind])) for kind in FileKind if kind in found}
