"""Which environment a run uses: given, the repository's own, the active one, built and kept, or what else fits."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from covey.core.budget import Deadline
from covey.core.errors import ConfigError, EnvironmentBuildError
from covey.core.execution import Environment
from covey.core.progress import Observer, Progress, nobody
from covey.core.protocols import Sandbox
from covey.execution.environments.build import Builder
from covey.execution.environments.cache import Slot, held
from covey.execution.environments.existing import (
    Examined,
    examine_interpreter,
    examine_venv,
    find_given,
    repository_venvs,
)
from covey.execution.environments.installers import choose_installer, index_settings
from covey.execution.environments.plan import cache_key, choose_interpreters
from covey.execution.interpreters import Interpreter, find_interpreters
from covey.execution.projectfacts import ProjectFacts, environment_facts


async def prepare_environment(
    base: Path,
    root: str,
    *,
    sandbox: Sandbox,
    cache: Path,
    python: str | None,
    search_path: str,
    home: Path,
    active_virtualenv: str | None,
    install_env: Mapping[str, str],
    needs_pytest: bool,
    timeout_s: float,
    observer: Observer = nobody,
) -> Environment:
    """Return the environment with which the tests of the project in ``base`` run.

    ``base`` is a snapshot of the repository, ``root`` the user's own path of it, at which the sandbox presents trees.
    In this order: ``python`` if given; the repository's own virtual environment; the active one, if it holds what
    the project declares; one built from what the project declares and kept below ``cache``; without a way to build,
    any interpreter that holds what is declared. Nothing of the repository runs outside ``sandbox``, and
    ``install_env`` (which may hold credentials) is given to trusted installers only.

    Raises ConfigError when ``python`` cannot be used, EnvironmentBuildError when nothing works within ``timeout_s``.
    """
    facts = await asyncio.to_thread(environment_facts, base)
    interpreters = await find_interpreters(search_path, home, exclude=(Path(root), base))
    search = _Search(Path(root), facts, sandbox, interpreters, needs_pytest=needs_pytest)
    only: tuple[Interpreter, ...] | None = None
    if python is not None:
        examined = await find_given(
            python, root=Path(root), sandbox=sandbox, interpreters=interpreters, search_path=search_path
        )
        if usable := search.given(examined):
            return usable
        only = (_as_interpreter(examined),)
    elif found := await search.repository() or await search.active(active_virtualenv):
        return found
    observer(Progress(stage="environment", message="preparing"))
    deadline = Deadline(timeout_s)
    try:
        suitable = only or choose_interpreters(facts, interpreters)
        settings = await asyncio.to_thread(index_settings, install_env, home)
        installer = await choose_installer(search_path, settings)
        key = cache_key(facts, suitable, installer=installer.name, root=root, needs_pytest=needs_pytest)
        slot = Slot(cache / "built" / key)
        builder = Builder(
            slot=slot,
            base=base,
            root=root,
            facts=facts,
            sandbox=sandbox,
            installer=installer,
            settings=settings,
            shared_cache=cache / "installer",
            search_path=search_path,
            home=home,
            deadline=deadline,
            observer=observer,
        )
        return await _kept_or_built(builder, suitable, search.notes, needs_pytest=needs_pytest)
    except EnvironmentBuildError as error:
        if only is None and (found := await search.anything(active_virtualenv)):
            return found
        raise error from None


async def _kept_or_built(
    builder: Builder, interpreters: Sequence[Interpreter], notes: Sequence[str], *, needs_pytest: bool
) -> Environment:
    slot = builder.slot
    environment = slot.load()
    if environment is None:
        try:
            async with held(slot, builder.deadline):
                environment = slot.load()  # another run may have built it meanwhile
                if environment is None:
                    slot.clear()
                    environment = await builder.build(interpreters, needs_pytest=needs_pytest)
                    slot.save(environment)
                    slot.tidy()
        except OSError as error:
            raise EnvironmentBuildError(
                f"The environment cannot be kept in {slot.folder}: {error.strerror or error}. Make room there, or "
                "choose another place with COVEY_HOME."
            ) from None
    return environment.model_copy(update={"notes": (*notes, *environment.notes)})


def _as_interpreter(examined: Examined) -> Interpreter:
    prefixes = tuple(Path(mount.source) for mount in examined.mounts)
    return Interpreter(Path(examined.python), examined.answer.version, prefixes)


@dataclass(slots=True)
class _Search:
    """The environments that need no building. ``notes`` collects why one was passed over."""

    root: Path
    facts: ProjectFacts
    sandbox: Sandbox
    interpreters: tuple[Interpreter, ...]
    needs_pytest: bool = field(kw_only=True)
    notes: list[str] = field(default_factory=list)

    def given(self, examined: Examined) -> Environment | None:
        """The environment that the user named; None for a bare interpreter that serves to build one."""
        lacks = examined.lacks(self.facts, needs_pytest=self.needs_pytest)
        if examined.is_venv and "pytest" in lacks:
            raise ConfigError(
                f"{examined.prefix} has no pytest, and the tests need it. Install it there "
                f"({examined.python} -m pip install pytest), or leave --python out."
            )
        if lacks and not examined.is_venv:
            self.notes.append(f"{examined.python} lacks {_few(lacks)}: an environment was built with it.")
            return None
        notes = [f"The given environment lacks {_few(lacks)}."] if lacks else []
        return examined.environment("given", self.facts, str(self.root), notes)

    async def repository(self) -> Environment | None:
        """The repository's own virtual environment, if one runs and has what is needed."""
        for venv in await asyncio.to_thread(repository_venvs, self.root):
            examined = await examine_venv(venv, sandbox=self.sandbox, interpreters=self.interpreters, trusted=False)
            if isinstance(examined, str):
                self.notes.append(examined)
                continue
            lacks = examined.lacks(self.facts, needs_pytest=self.needs_pytest)
            if not lacks:
                return examined.environment("repository", self.facts, str(self.root), self.notes)
            self.notes.append(f"{venv} lacks {_few(lacks)} and was passed over.")
        return None

    async def active(self, folder: str | None) -> Environment | None:
        """The virtual environment that the user has activated, if it holds what the project declares.

        Covey's own environment counts only when the project is installed there: what else it holds would get in
        the way.
        """
        if not folder or not Path(folder).is_dir():
            return None
        venv = Path(os.path.normpath(folder))
        if venv.parent == self.root:
            return None  # looked at already
        inside = Path(os.path.realpath(venv)).is_relative_to(os.path.realpath(self.root))
        examined = await examine_venv(venv, sandbox=self.sandbox, interpreters=self.interpreters, trusted=not inside)
        if isinstance(examined, str) or examined.lacks(self.facts, needs_pytest=self.needs_pytest, strict=True):
            return None
        own = os.path.realpath(venv) == os.path.realpath(sys.prefix)
        if own and not examined.holds(self.facts):
            return None
        return examined.environment("active", self.facts, str(self.root), self.notes)

    async def anything(self, active: str | None) -> Environment | None:
        """Any interpreter or environment that holds what is declared, when none could be built."""
        note = "No environment could be built; {} holds what the project declares and is used instead."
        if active and Path(active).is_dir():
            venv = Path(os.path.normpath(active))
            inside = Path(os.path.realpath(venv)).is_relative_to(os.path.realpath(self.root))
            examined = await examine_venv(
                venv, sandbox=self.sandbox, interpreters=self.interpreters, trusted=not inside
            )
            if isinstance(examined, Examined) and self._serves(examined):
                notes = [*self.notes, note.format(venv)]
                return examined.environment("active", self.facts, str(self.root), notes)
        for one in self.interpreters:
            bare = await examine_interpreter(one, self.sandbox)
            if bare is not None and self._serves(bare):
                notes = [*self.notes, note.format(one.path)]
                return bare.environment("interpreter", self.facts, str(self.root), notes)
        return None

    def _serves(self, examined: Examined) -> bool:
        version = ".".join(map(str, examined.answer.version))
        fits = self.facts.python_range.contains(version, prereleases=True)
        return fits and not examined.lacks(self.facts, needs_pytest=self.needs_pytest)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
