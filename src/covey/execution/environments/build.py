"""Building an environment: wheels by a trusted installer on the host, everything that builds inside the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from covey.core.budget import Deadline
from covey.core.errors import EnvironmentBuildError
from covey.core.execution import TREE_TOKEN, Environment, ExecSpec, Limits, Mount, Tree
from covey.core.progress import Observer, Progress
from covey.core.protocols import Sandbox
from covey.execution.environments.cache import Slot, hand_over, remove, take_back
from covey.execution.environments.existing import Examined, examine_venv
from covey.execution.environments.installers import (
    Installer,
    build_requirements,
    local_mounts,
    looks_offline,
    without_secrets,
)
from covey.execution.environments.inventory import missing, own_requirements, site_folders, take_inventory
from covey.execution.environments.plan import Rung, rungs, tries
from covey.execution.environments.vcsversion import version_settings
from covey.execution.interpreters import Interpreter
from covey.execution.projectfacts import ProjectFacts
from covey.execution.tools import last_lines, run_tool

_BUILD_MEMORY = 4 << 30
_BUILD_DISK = 8 << 30

# Old setup.py files know no other way: metadata beside the other distributions, the sources found by PYTHONPATH.
_EGG_INFO = (
    "import sys; sys.argv = ['setup.py', 'egg_info', '--egg-base', sys.argv[1]]; sys.path.insert(0, '.'); "
    "import setuptools, tokenize; exec(compile(tokenize.open('setup.py').read(), 'setup.py', 'exec'), "
    "{'__file__': 'setup.py', '__name__': '__main__'})"
)


@dataclass(slots=True)
class Builder:
    """Builds one environment into ``slot``. ``settings`` are the installer's variables, with the user's secrets."""

    slot: Slot
    base: Path
    root: str
    facts: ProjectFacts
    sandbox: Sandbox
    installer: Installer
    settings: Mapping[str, str]
    shared_cache: Path
    search_path: str
    home: Path
    deadline: Deadline
    observer: Observer
    offline: bool = False
    words: str = ""  # what the last failing installer printed
    learned: tuple[str, ...] = ()  # dependencies that only the project's own build told
    notes: list[str] = field(default_factory=list)

    async def build(self, interpreters: Sequence[Interpreter], *, needs_pytest: bool) -> Environment:
        """Try sets of requirements and interpreters until one works, and return the finished environment.

        Raises EnvironmentBuildError with the installer's last lines.
        """
        for rung in rungs(self.facts, needs_pytest=needs_pytest):
            for interpreter in tries(interpreters):
                if not rung.has_links and await self._wheels(interpreter, rung):
                    return await self._finish(interpreter, rung)
            if not self.offline and await self._sources(interpreters[0], rung):
                return await self._finish(interpreters[0], rung)
        raise self._failure()

    def _failure(self) -> EnvironmentBuildError:
        why = "the time for it is over" if self.deadline.over else "the package index cannot be reached"
        reason = f" because {why}" if self.deadline.over or self.offline else ""
        return EnvironmentBuildError(
            f"The Python environment of {self.root} could not be built{reason}. The last lines of "
            f"{self.installer.name} follow. Install what is missing into a virtual environment of the project "
            "(.venv) and run again, or name one with --python.",
            detail=last_lines(self.words),
        )

    def _say(self, message: str) -> None:
        self.observer(Progress(stage="environment", message=message))

    async def _run(self, argv: list[str], *, retries: str = "1", quiet: bool = False) -> bool:
        env = {
            "UV_HTTP_RETRIES": retries,
            "PIP_RETRIES": retries,
            **self.settings,
            "PATH": self.search_path,
            "HOME": str(self.home),
            "UV_CACHE_DIR": str(self.shared_cache),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
        }
        if self.deadline.over:
            return False
        result = await run_tool(argv, env=env, cwd=self.slot.folder, timeout_s=self.deadline.left)
        if not result.ok and not quiet:
            self.words = result.output
        return result.ok

    async def _empty(self, interpreter: Interpreter) -> bool:
        self.slot.clear()
        return await self._run(self.installer.create(self.slot.venv, interpreter))

    def _list(self, name: str, requirements: Sequence[str], constraints: Sequence[str] = ()) -> list[str]:
        listed: list[str] = []
        for option, kind, items in (("-r", "requirements", requirements), ("-c", "constraints", constraints)):
            if items:
                path = self.slot.lists / f"{name}-{kind}.txt"
                path.write_text("\n".join(items) + "\n", encoding="utf-8")
                listed += [option, str(path)]
        return listed

    async def _fetch(self, name: str, rung: Rung, target: Path | None = None) -> bool:
        """Install from wheels on the host.

        When the index cannot be reached, the cache alone is tried, and then the index once more with patience; from
        then on the build is offline.
        """
        if not rung.requirements:
            return True
        listed = self._list(name, rung.requirements, rung.constraints)
        online = self.installer.wheels(self.slot.python, listed, target=target, offline=False)
        if not self.offline:
            if await self._run(online):
                return True
            if not looks_offline(self.words):
                return False
        cached = self.installer.wheels(self.slot.python, listed, target=target, offline=True)
        known, self.offline = self.offline, True
        if await self._run(cached, quiet=True):
            return True
        if not known and await self._run(online, retries="4"):
            self.offline = False
            return True
        return False

    async def _wheels(self, interpreter: Interpreter, rung: Rung) -> bool:
        version = ".".join(map(str, interpreter.version))
        self._say(f"installing {len(rung.requirements)} requirements for Python {version}")
        return (
            await self._empty(interpreter)
            and await self._tools()
            and await self._fetch("project", replace(rung, requirements=(*rung.requirements, *self.learned)))
        )

    async def _tools(self) -> bool:
        """Put build back ends into a folder of their own, while the environment is still empty.

        Without them the project is built with isolation and network, so that a failure here is not one.
        """
        if self.facts.installable:
            remove(self.slot.tools)
            words = self.words
            await self._fetch("tools", Rung(build_requirements(self.facts.build_requires)), self.slot.tools)
            self.words = words or self.words
        return not self.deadline.over

    async def _sources(self, interpreter: Interpreter, rung: Rung) -> bool:
        """Install with builds from source, inside the sandbox, from a private cache."""
        self._say("building packages from source")
        if not await self._empty(interpreter) or not await self._tools():
            return False
        rung = replace(rung, requirements=(*rung.requirements, *self.learned))
        return await self._inside(
            self.installer.anything(self.slot.python, self._list("project", rung.requirements, rung.constraints)),
            interpreter,
            network=True,
        )

    async def _inside(
        self, argv: Sequence[str], interpreter: Interpreter, *, network: bool, tools: bool = False
    ) -> bool:
        """Run untrusted code with the environment writable. Credentials of an index never get here."""
        if self.deadline.over:
            return False
        open_settings = without_secrets(self.settings) if network else {}
        own = (Mount(source=str(path), target=str(path), mode="rw") for path in (self.slot.venv, self.slot.private))
        shown = [self.slot.lists, *([self.slot.tools] if tools and self.slot.tools.exists() else [])]
        env = {
            **open_settings,
            **version_settings(Path(self.root)),
            "PATH": f"{self.slot.venv}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.slot.private),
            "VIRTUAL_ENV": str(self.slot.venv),
            "UV_CACHE_DIR": str(self.slot.private / "uv"),
            "PIP_CACHE_DIR": str(self.slot.private / "pip"),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
        }
        if tools:
            env["PYTHONPATH"] = str(self.slot.tools)
        for folder in (self.slot.venv, self.slot.private):
            hand_over(folder, self.sandbox.owner)
        try:
            result = await self.sandbox.exec(
                ExecSpec(
                    argv=tuple(argv),
                    tree=Tree(base=str(self.base), root=self.root),
                    env=env,
                    mounts=(
                        *interpreter.mounts(),
                        *self.installer.mounts(),
                        *local_mounts(open_settings),
                        *(Mount(source=str(path), target=str(path)) for path in shown),
                        *own,
                    ),
                    limits=Limits(
                        wall_s=self.deadline.left,
                        memory_bytes=_BUILD_MEMORY,
                        disk_bytes=_BUILD_DISK,
                        file_bytes=2 << 30,
                        processes=512,
                        output_bytes=64 << 10,
                    ),
                    network=network,
                )
            )
        finally:
            for folder in (self.slot.venv, self.slot.private):
                take_back(folder)
        if result.exit_code != 0:
            self.words = (result.stdout + b"\n" + result.stderr).decode("utf-8", "replace")
        return result.exit_code == 0

    async def _project(self, interpreter: Interpreter) -> None:
        """Install the project itself, editable; where that fails, PYTHONPATH takes its place and a note says so."""
        if not self.facts.installable:
            return
        self._say("installing the project itself")
        python = self.slot.python
        if await self._inside(
            self.installer.project(python, TREE_TOKEN, isolated=False), interpreter, network=False, tools=True
        ):
            return
        hopeless = "no attribute 'build_editable'" in self.words  # setuptools for Python 3.6 never learnt it
        if not (self.offline or hopeless) and await self._inside(
            self.installer.project(python, TREE_TOKEN, isolated=True), interpreter, network=True
        ):
            return
        words = last_lines(self.words, 3).replace("\n", " ")
        site = next(iter(site_folders(self.slot.venv)), None)
        if site is not None and (self.base / "setup.py").is_file():
            argv = [python, "-c", _EGG_INFO, str(site)]
            if await self._inside(argv, interpreter, network=False, tools=True):
                self.notes.append("The project was not installed; its metadata was made and its sources are imported.")
                return
        self.notes.append(f"The project itself could not be installed ({words}); its sources are imported as they are.")

    async def _finish(self, interpreter: Interpreter, rung: Rung) -> Environment:
        self.notes = [*self.facts.notes, *([rung.note] if rung.note else [])]
        await self._project(interpreter)
        unknown = self._unknown_dependencies(interpreter)
        if unknown and not self.learned:
            self.learned = unknown
            if await self._wheels(interpreter, rung) or (not self.offline and await self._sources(interpreter, rung)):
                return await self._finish(interpreter, rung)
            raise self._failure()
        python = self.slot.python
        sites = [str(site) for site in site_folders(self.slot.venv)]
        await self._inside([python, "-m", "compileall", "-q", *sites], interpreter, network=False)
        examined = await examine_venv(self.slot.venv, sandbox=self.sandbox, interpreters=[interpreter], trusted=False)
        if not isinstance(examined, Examined):
            raise EnvironmentBuildError(f"The environment that was built does not work: {examined}", detail=self.words)
        return examined.environment("built", self.facts, self.root, self.notes)

    def _unknown_dependencies(self, interpreter: Interpreter) -> tuple[str, ...]:
        """What the project's freshly built metadata asks for and nobody could read before."""
        if not self.facts.dynamic:
            return ()
        sites = site_folders(self.slot.venv)
        return missing(own_requirements(sites, self.facts.name), take_inventory(sites), interpreter.version)
