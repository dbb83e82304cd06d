"""Environments that are there already. A virtual environment is asked inside the sandbox only.

A virtual environment in the repository is whatever its author made it: its interpreter, ``.pth`` files and
``sitecustomize`` are not run on the host, and only interpreters that this machine's own search knows are shown to it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.utils import canonicalize_name

from covey.core.errors import ConfigError
from covey.core.execution import Environment, ExecSpec, Limits, Mount
from covey.core.protocols import Sandbox
from covey.execution.boundedfiles import read_text
from covey.execution.environments.inventory import Inventory, import_path, is_editable, missing, take_inventory
from covey.execution.interpreters import (
    OLDEST,
    QUESTION,
    Answer,
    Interpreter,
    always_there,
    ask_interpreter,
    parse_answer,
)
from covey.execution.projectfacts import ProjectFacts

_ASK_SECONDS = 30.0
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
Kind = Literal["given", "repository", "active", "built", "interpreter"]


@dataclass(frozen=True, slots=True)
class Examined:
    """An interpreter, or virtual environment, that really ran inside the sandbox, and what it holds.

    ``prefix`` is the folder it was found in (a virtual environment's own folder).
    """

    python: str
    prefix: Path
    answer: Answer
    mounts: tuple[Mount, ...]
    inventory: Inventory
    is_venv: bool

    def lacks(self, facts: ProjectFacts, *, needs_pytest: bool, strict: bool = False) -> tuple[str, ...]:
        """What the project declares, and pytest where needed, that is not installed.

        With ``strict``, what its tests declare counts too, and a version outside the declared range is a lack.
        """
        wanted = (*facts.dependencies, *(facts.test_dependencies if strict else ()))
        absent = missing(wanted, self.inventory, self.answer.version, any_version=not strict)
        return (*absent, *(("pytest",) if needs_pytest and not self.answer.pytest else ()))

    def environment(self, kind: Kind, facts: ProjectFacts, root: str, notes: Sequence[str] = ()) -> Environment:
        """Describe it as the environment of a project."""
        folders = import_path(self.inventory, facts.name, root, facts.source_folders)
        env = {"PATH": os.pathsep.join((str(Path(self.python).parent), *_SYSTEM_PATH))}
        if self.is_venv:
            env["VIRTUAL_ENV"] = str(self.prefix)
        if folders:
            env["PYTHONPATH"] = os.pathsep.join(folders)
        return Environment(
            kind=kind,
            python=self.python,
            version=self.answer.version,
            mounts=self.mounts,
            env=env,
            has_pytest=self.answer.pytest,
            lock=self.inventory.lock,
            notes=tuple(dict.fromkeys(notes)),
        )

    def holds(self, facts: ProjectFacts) -> bool:
        """True when the project itself is installed here."""
        name = canonicalize_name(facts.name) if facts.name else ""
        return is_editable(self.inventory, facts.name) or name in self.inventory.versions


async def ask_inside(python: str, mounts: Sequence[Mount], sandbox: Sandbox) -> Answer | None:
    """Ask an interpreter who it is, inside the sandbox."""
    spec = ExecSpec(
        argv=(python, "-B", "-c", QUESTION),
        cwd="/",
        env={"LC_ALL": "C.UTF-8"},
        mounts=tuple(mounts),
        limits=Limits(wall_s=_ASK_SECONDS),
    )
    return parse_answer((await sandbox.exec(spec)).stdout)


async def examine_venv(
    venv: Path, *, sandbox: Sandbox, interpreters: Sequence[Interpreter], trusted: bool
) -> Examined | str:
    """Examine a virtual environment; a sentence about why it cannot be used otherwise.

    ``trusted``: the user named or activated it and it lies outside the repository, so its base interpreter may be
    any that lies outside; else it must be one of ``interpreters``.
    """
    if venv.is_symlink() and not trusted:
        return f"{venv} is a symbolic link; name its target with --python to use it."
    settings = read_text(venv, "pyvenv.cfg", 64 << 10)
    if settings is None:
        return f"{venv} has no pyvenv.cfg, so it is not a virtual environment."
    python = venv / "bin" / "python"
    if not os.path.lexists(python):
        python = venv / "bin" / "python3"
    base = await _base_interpreter(venv, python, settings, interpreters, trusted=trusted)
    if base is None:
        return f"The base interpreter of {venv} was not found on this machine."
    mounts = (Mount(source=str(venv), target=str(venv)), *_link_mounts(python, venv, base), *base.mounts())
    examined = await _examine(str(python), venv, mounts, base, sandbox, is_venv=True)
    return examined or f"The interpreter of {venv} does not run."


async def examine_interpreter(interpreter: Interpreter, sandbox: Sandbox) -> Examined | None:
    """Examine a bare interpreter with what is installed beside it."""
    prefix = interpreter.path.parent.parent
    return await _examine(str(interpreter.path), prefix, interpreter.mounts(), interpreter, sandbox, is_venv=False)


async def _examine(
    python: str, prefix: Path, mounts: tuple[Mount, ...], base: Interpreter, sandbox: Sandbox, *, is_venv: bool
) -> Examined | None:
    answer = await ask_inside(python, mounts, sandbox)
    if answer is None or answer.version < OLDEST:
        return None
    places = (prefix, *base.prefixes)
    folders = [
        Path(os.path.realpath(folder))
        for folder in answer.path
        if Path(folder).is_absolute() and Path(folder).name in ("site-packages", "dist-packages")
    ]
    shown = [f for f in folders if always_there(f) or any(f.is_relative_to(os.path.realpath(p)) for p in places)]
    return Examined(python, prefix, answer, tuple(dict.fromkeys(mounts)), take_inventory(shown), is_venv)


async def _base_interpreter(
    venv: Path, python: Path, settings: str, interpreters: Sequence[Interpreter], *, trusted: bool
) -> Interpreter | None:
    real = Path(os.path.realpath(python))
    inside = real.is_relative_to(os.path.realpath(venv))
    if not inside:
        for one in interpreters:
            if one.path == real:
                return one
        return await ask_interpreter(real) if trusted else None
    lines = (line.partition("=") for line in settings.splitlines())
    home = next((value.strip() for key, _, value in lines if key.strip().lower() == "home"), "")
    same_folder = [one for one in interpreters if home and one.path.parent == Path(os.path.realpath(home))]
    names = {python.name, real.name, f"python{real.name.removeprefix('python')}"}
    fitting = [one for one in same_folder if one.path.name in names]
    return next(iter(fitting or same_folder), None)


def _link_mounts(python: Path, venv: Path, base: Interpreter) -> tuple[Mount, ...]:
    """Mounts that make a chain of symbolic links from ``python`` to ``base`` resolve inside the sandbox.

    Each link outside the environment is shown as what it leads to: the whole prefix where it stands for one, else
    the executable alone. Nothing but ``base`` and its prefixes is ever a source.
    """
    out: list[Mount] = []
    hop = python
    for _ in range(20):
        if not hop.is_symlink():
            break
        hop = Path(os.path.normpath(hop.parent / hop.readlink()))
        if hop.is_relative_to(venv) or always_there(hop) or hop == base.path:
            continue
        prefix = hop.parent.parent
        source = Path(os.path.realpath(prefix))
        if hop.parent.name == "bin" and source in base.prefixes:
            out.append(Mount(source=str(source), target=str(prefix)))
        elif not any(hop.is_relative_to(known) for known in base.prefixes):
            out.append(Mount(source=str(base.path), target=str(hop)))
    return tuple(mount for mount in out if mount.source != mount.target)


def repository_venvs(root: Path) -> tuple[Path, ...]:
    """Virtual environments directly below ``root``, the usual names first."""
    usual = [".venv", "venv", "env"]
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    except OSError:
        return ()
    ordered = [name for name in usual if name in names] + [name for name in names if name not in usual]
    return tuple(root / name for name in ordered if (root / name / "pyvenv.cfg").is_file())


async def find_given(
    given: str, *, root: Path, sandbox: Sandbox, interpreters: Sequence[Interpreter], search_path: str
) -> Examined:
    """Examine the interpreter or virtual environment that the user named: a path, a command or a version.

    Raises ConfigError when there is no such thing or it does not run.
    """
    for one in interpreters:
        if given in (".".join(map(str, one.minor)), ".".join(map(str, one.version))):
            examined = await examine_interpreter(one, sandbox)
            if examined is not None:
                return examined
    path = Path(given).expanduser() if "/" in given or Path(given).exists() else None
    if path is None:
        found = shutil.which(given, path=search_path)
        path = Path(found) if found else None
    if path is None or not path.exists():
        known = ", ".join(".".join(map(str, one.version)) for one in interpreters) or "none"
        raise ConfigError(
            f"There is no Python {given!r}. Give --python the path of an interpreter or of a virtual environment. "
            f"Found on this machine: {known}."
        )
    path = Path(os.path.normpath(Path.cwd() / path))
    venv = path if path.is_dir() else path.parent.parent
    inside = any(Path(os.path.realpath(one)).is_relative_to(os.path.realpath(root)) for one in (path, venv))
    if (venv / "pyvenv.cfg").is_file():
        examined_or_reason = await examine_venv(venv, sandbox=sandbox, interpreters=interpreters, trusted=not inside)
        if isinstance(examined_or_reason, str):
            raise ConfigError(f"{examined_or_reason} Give --python another interpreter.")
        return examined_or_reason
    if path.is_dir():
        path = path / "bin" / "python"
    examined = await _given_interpreter(path, Path(os.path.realpath(root)), sandbox)
    if examined is None:
        raise ConfigError(
            f"{path} is not a Python interpreter of version {'.'.join(map(str, OLDEST))} or newer that runs here. "
            "Give --python the path of an interpreter or of a virtual environment."
        )
    return examined


async def _given_interpreter(path: Path, root: Path, sandbox: Sandbox) -> Examined | None:
    """Ask an interpreter; one that is part of the repository is asked inside the sandbox only."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(root):
        interpreter = await ask_interpreter(real)
        return None if interpreter is None else await examine_interpreter(interpreter, sandbox)
    prefix = real.parent.parent
    if prefix == root or not prefix.is_relative_to(root):
        return None
    return await examine_interpreter(Interpreter(real, (0, 0, 0), (prefix,)), sandbox)
