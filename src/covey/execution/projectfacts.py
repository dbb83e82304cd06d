"""What a repository says about the Python it needs, put together from all its files. Pure: files in, facts out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from covey.core.canonical import sha256
from covey.execution.boundedfiles import read_bytes, read_text
from covey.execution.declared import Declared, expand_self, read_pipfile, read_pyproject
from covey.execution.requirementfiles import (
    development_name,
    named,
    read_requirements,
    read_tox,
    requirement_files,
    testing_name,
)
from covey.execution.setupfiles import read_setup_cfg, read_setup_py

_FILES = (
    "pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", "Pipfile", ".python-version", "poetry.lock",
    "uv.lock", "hatch.toml",
)  # fmt: skip
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)\s*$")

# What asks for a pytest plug-in in pytest's own configuration, and the plug-in.
_PLUGINS = {
    r"--cov\b": "pytest-cov",
    r"^\s*asyncio_mode\s*=": "pytest-asyncio",
    r"(\s|[\"'])(-n[ =]?(\d|auto)|--numprocesses|--dist\b)": "pytest-xdist",
    r"(^\s*timeout\s*=|--timeout\b)": "pytest-timeout",
    r"^\s*DJANGO_SETTINGS_MODULE\s*=": "pytest-django",
    r"--benchmark-": "pytest-benchmark",
    r"--reruns\b": "pytest-rerunfailures",
    r"^\s*mock_use_standalone_module\s*=": "pytest-mock",
}


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What decides about an environment.

    ``dependencies`` are needed to import the project, ``test_dependencies`` to run its tests; ``plugins`` are
    pytest plug-ins that its configuration names. ``dynamic`` is True when only running the project's build can tell
    its dependencies. ``tested`` are the Python versions it says it supports, ``pinned`` the one it asks for.
    ``source_folders`` hold its top-level modules, relative to the root. ``fingerprint`` changes when a file that
    decides changes.
    """

    name: str = ""
    requires_python: str = ""
    tested: tuple[tuple[int, int], ...] = ()
    pinned: tuple[int, int] | None = None
    dependencies: tuple[str, ...] = ()
    test_dependencies: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    build_requires: tuple[str, ...] = ()
    installable: bool = False
    dynamic: bool = False
    source_folders: tuple[str, ...] = ("",)
    fingerprint: str = ""
    notes: tuple[str, ...] = ()

    @property
    def python_range(self) -> SpecifierSet:
        """The versions of Python that the project allows; everything when it says nothing understandable."""
        try:
            return SpecifierSet(self.requires_python)
        except InvalidSpecifier:
            return SpecifierSet()


def environment_facts(base: Path) -> ProjectFacts:
    """Read everything that decides about an environment from the files of ``base``. Nothing is run.

    Odd files (not TOML, not UTF-8, huge, symbolic links that lead outside) give a note, never an error.
    """
    notes: list[str] = []

    def follow(name: str) -> tuple[str, ...]:
        return read_requirements(base, [name], notes).items

    declared = (
        read_pyproject(base)
        .filled_from(read_setup_cfg(base, follow))
        .filled_from(read_setup_py(base))
        .filled_from(read_pipfile(base))
    )
    files = requirement_files(base)
    tox, tox_versions = read_tox(base, notes)
    listed = read_requirements(base, files["main"], notes)
    dependencies = declared.dependencies
    if not dependencies and (listed.items or dependencies is None):
        dependencies = listed.items
    tests, constraints, extra_names = _test_dependencies(base, declared, files, notes)
    if not tests and (tox.items or tox.extras):
        tests, constraints, extra_names = tox.items, tox.constraints, tox.extras
    wanted = {canonicalize_name(name) for name in (*extra_names, *listed.extras)}
    asked_extras = [item for extra in sorted(wanted) for item in declared.extras.get(extra, ())]
    if not tests and dependencies is not listed.items:
        tests = listed.items
    tests = expand_self(declared.name, (*tests, *asked_extras), declared.extras)
    dependencies = expand_self(declared.name, dependencies or (), declared.extras)
    have = named((*dependencies, *tests))
    return ProjectFacts(
        name=declared.name,
        requires_python=declared.requires_python,
        tested=_tested(declared.classifiers, tox_versions),
        pinned=_pinned(base),
        dependencies=dependencies,
        test_dependencies=tests,
        plugins=tuple(name for name in _plugins(base) if name not in have),
        constraints=(*constraints, *listed.constraints),
        build_requires=declared.build_requires,
        installable=declared.installable,
        dynamic=declared.dynamic,
        source_folders=source_folders(base),
        fingerprint=_fingerprint(base, files),
        notes=tuple(dict.fromkeys([*declared.notes, *notes])),
    )


def source_folders(base: Path) -> tuple[str, ...]:
    """Folders that hold the top-level modules: ``src`` or ``lib`` where modules lie there, then the root itself."""
    found = [name for name in ("src", "lib") if (base / name).is_dir() and _holds_modules(base / name)]
    return (*found, "")


def _holds_modules(folder: Path) -> bool:
    if (folder / "__init__.py").exists():
        return False  # a package named src, imported from the root
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)[:200]:
        if entry.is_file() and entry.name.endswith(".py"):
            return True
        if entry.is_dir() and entry.name.isidentifier() and any(Path(entry.path).glob("*.py")):
            return True
    return False


def _test_dependencies(
    base: Path, declared: Declared, files: dict[str, tuple[str, ...]], notes: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Requirements, constraints and extras for tests: the places named after tests first, developers' places else."""
    for fits, purpose in ((testing_name, "test"), (development_name, "dev")):
        lists = {**declared.groups, **declared.extras}
        items = [item for name in sorted(lists) if fits(name) for item in lists[name]]
        if items:
            return tuple(dict.fromkeys(items)), (), ()
        if files[purpose]:
            listed = read_requirements(base, files[purpose], notes)
            if listed.items or listed.extras:
                return listed.items, listed.constraints, listed.extras
    return (), (), ()


def _tested(classifiers: Sequence[str], tox_versions: Sequence[str]) -> tuple[tuple[int, int], ...]:
    versions = [found[1] for line in classifiers if (found := _CLASSIFIER.search(line))] or list(tox_versions)
    pairs = {(int(major), int(minor)) for major, minor in (version.split(".") for version in versions)}
    return tuple(sorted(pairs))


def _pinned(base: Path) -> tuple[int, int] | None:
    for name in (".python-version", "runtime.txt"):
        found = re.match(r"\s*(?:python-|cpython-?)?(3)\.(\d{1,2})\b", read_text(base, name, 4096) or "")
        if found:
            return int(found[1]), int(found[2])
    return None


def _plugins(base: Path) -> tuple[str, ...]:
    """Plug-ins without which pytest would refuse the configuration, in every file that may hold it."""
    sections = {
        "pytest.ini": r"\[pytest\]",
        "pyproject.toml": r"\[tool\.pytest(?:\.ini_options)?\]",
        "tox.ini": r"\[pytest\]",
        "setup.cfg": r"\[tool:pytest\]",
    }
    found: dict[str, None] = {}
    for name, header in sections.items():
        section = re.search(rf"^{header}[^\n]*\n(.*?)(?=^\[|\Z)", read_text(base, name) or "", re.MULTILINE | re.DOTALL)
        for pattern, plugin in _PLUGINS.items():
            if section and re.search(pattern, section[1], re.MULTILINE):
                found.setdefault(plugin)
    return tuple(found)


def _fingerprint(base: Path, files: dict[str, tuple[str, ...]]) -> str:
    names = sorted({*_FILES, *(name for group in files.values() for name in group)})
    names += sorted(path.relative_to(base).as_posix() for path in base.glob("requirements/**/*") if path.is_file())
    layout = ",".join(source_folders(base))
    return sha256("\n".join([layout, *(f"{name}:{_digest(base, name)}" for name in names)]))


def _digest(base: Path, name: str) -> str:
    data = read_bytes(base, name)
    return "absent" if data is None else sha256(data)
