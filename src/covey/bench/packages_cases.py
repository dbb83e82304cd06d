"""Source distributions on this machine: fetched once, unpacked, given an environment of their own, broken, tested.

Everything is kept below one folder, so that a second run needs no network. The packages are pinned by SHA-256, so
their build and their tests are known code and run in plain subprocesses; they judge Covey's work and do not use it.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from covey.bench.packages_faults import Fault, Package
from covey.core.errors import RunError, UnusableInput
from covey.execution.tools import ToolResult, last_lines, run_tool
from covey.settings import home_folder, install_environment, search_path

INSTALL_TIMEOUT_S = 300.0
SUITE_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Case:
    """One package, ready: ``original`` is its unpacked source, ``python`` the interpreter that can run its tests."""

    package: Package
    original: Path
    python: Path


async def get_case(package: Package, cache: Path) -> Case:
    """Fetch, unpack and install ``package`` below ``cache``, or find it there. Raises RunError with pip's words."""
    place = cache / f"{package.name}-{package.version}"
    python = place / "venv" / "bin" / "python"
    case = Case(package, place / "source", python)
    if (place / "ready").exists():
        return case
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    await _must([sys.executable, "-m", "venv", str(place / "venv")], place)
    archive = await _fetch(package, place, python)
    await asyncio.to_thread(unpack, archive, case.original)
    await pip_install(python, [str(case.original), *package.tests], place)
    (place / "ready").touch()
    return case


async def _fetch(package: Package, place: Path, python: Path) -> Path:
    wanted = place / "wanted.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    options = ["--quiet", "--no-deps", "--require-hashes", "--no-binary", package.name, "--dest", str(place / "sdist")]
    await _must([str(python), "-m", "pip", "download", *options, "--requirement", str(wanted)], place)
    (archive,) = (place / "sdist").iterdir()
    if hashlib.sha256(archive.read_bytes()).hexdigest() != package.sha256:
        raise RunError(f"{archive} is not the source distribution that was asked for. Remove {place} and try again.")
    return archive


def unpack(archive: Path, dest: Path) -> None:
    """Unpack the one folder of a source distribution as ``dest``: its regular files, nothing outside, no links.

    Written out here because the extraction filters of ``tarfile`` are younger than Python 3.11.2. Raises RunError for
    a name that leaves the folder.
    """
    with tempfile.TemporaryDirectory(dir=dest.parent) as temporary, tarfile.open(archive) as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise RunError(f"{archive} holds {member.name!r}, which leaves its folder; it is not unpacked.")
            if not member.isreg() or (data := tar.extractfile(member)) is None:
                continue
            path = Path(temporary, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as target:
                shutil.copyfileobj(data, target)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)
        (folder,) = Path(temporary).iterdir()
        folder.rename(dest)


def broken_copy(case: Case, fault: Fault, dest: Path) -> Path:
    """Copy the package to ``dest``, afresh, with ``fault`` in it. Raises UnusableInput when it does not fit."""
    shutil.rmtree(dest, ignore_errors=True)
    shutil.copytree(case.original, dest, symlinks=True)
    path = dest / fault.file
    text = path.read_bytes()
    if text.count(fault.before.encode()) != 1:
        raise UnusableInput(f"{fault.name}: its lines are not exactly once in {fault.file} of {case.package.name}.")
    path.write_bytes(text.replace(fault.before.encode(), fault.after.encode()))
    return dest


async def run_tests(case: Case, project: Path) -> ToolResult:
    """Run the package's whole suite on ``project``: exit code 0 is green, 1 red, anything else no verdict."""
    return await suite_process(case, project)


async def suite_process(case: Case, project: Path, options: Sequence[str] = ()) -> ToolResult:
    """Run pytest with ``options`` on ``project``, whose own source comes first, in a plain process."""
    environment = {
        "PATH": search_path(),
        "HOME": str(project.parent),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(project / case.package.source),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    argv = [str(case.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "--color=no", *options]
    return await run_tool(argv, env=environment, cwd=project, timeout_s=SUITE_TIMEOUT_S)


async def apply_diff(project: Path, diff: str) -> bool:
    """Apply a unified diff to ``project`` with git; False when it does not apply."""
    with tempfile.NamedTemporaryFile(suffix=".diff") as file:
        file.write(diff.encode())
        file.flush()
        environment = {
            "PATH": search_path(),
            "GIT_CEILING_DIRECTORIES": str(project.parent),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        return (await run_tool(["git", "apply", file.name], env=environment, cwd=project, timeout_s=30)).ok


def restore_tests(case: Case, project: Path) -> None:
    """Put the pristine test files back, whatever a patch did to them."""
    for path in case.original.rglob("*.py"):
        name = path.relative_to(case.original)
        if is_test(name):
            shutil.copyfile(path, project / name)


def is_test(name: Path) -> bool:
    """True for files that belong to the tests of a package."""
    return name.name.startswith("test_") or name.name == "conftest.py" or bool({"test", "tests"} & {*name.parts[:-1]})


def same_program(original: Path, project: Path) -> bool:
    """True when every Python file of ``project`` has the text, or at least the syntax tree, of the original's."""
    names = {path.relative_to(root) for root in (original, project) for path in root.rglob("*.py")}
    return all(_same_file(original / name, project / name) for name in names)


def _same_file(one: Path, other: Path) -> bool:
    if not (one.is_file() and other.is_file()):
        return False
    before, after = one.read_bytes(), other.read_bytes()
    if before == after:
        return True
    try:
        return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
    except SyntaxError:
        return False


async def pip_install(python: Path, requirements: Sequence[str], folder: Path) -> None:
    """Install from the package index with the user's own pip settings. Raises RunError."""
    await _must([str(python), "-m", "pip", "install", "--quiet", *requirements], folder)


async def _must(argv: Sequence[str], folder: Path) -> None:
    environment: Mapping[str, str] = {**install_environment(), "PATH": search_path(), "HOME": str(home_folder())}
    result = await run_tool(argv, env=environment, cwd=folder, timeout_s=INSTALL_TIMEOUT_S)
    if not result.ok:
        words = " ".join(argv[1:5])
        raise RunError(f"{words} failed; is the package index within reach?\n{last_lines(result.output, 8)}")
