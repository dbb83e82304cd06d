"""Where runs are killed: a repository with uncommitted work, a Covey of its own, and a look at what a kill left behind.

This process adopts every orphan below it, so no process that a killed run started can hide.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import covey
from covey.app.build import open_store
from covey.core.canonical import Frozen
from covey.core.errors import RunError
from covey.execution import cgroups
from covey.execution.launcher.groups import PREFIX
from covey.execution.launcher.syscalls import prctl
from covey.settings import home_folder, load_settings, search_path

_PR_SET_CHILD_SUBREAPER = 36
ORPHANS_S = 15.0
"""Seconds after a kill within which everything that the killed run had started must be gone."""
RUN_S = 600.0
"""Seconds after which a run that is left alone must be at its end."""
_KEPT = {"snapshot", "apply"}


class Told(Frozen):
    """What the store says of one run."""

    run_id: str
    status: str
    final: bool
    head: str
    steps: tuple[str, ...]
    faults: tuple[str, ...] = ()


class Ground:
    """A folder that holds the user's ``repo``, temporary files and any number of Coveys."""

    def __init__(self, root: Path, example: Path) -> None:
        self.root = root
        self.repo = root / example.name
        self.temporary = root / "tmp"
        self.temporary.mkdir()
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _make_repository(example, self.repo)
        self._untouched = fingerprint(self.repo)
        self._mounts = _mounts()

    @property
    def changed(self) -> bool:
        """True when a byte, mode, owner or time below the user's folder is not as it was."""
        return fingerprint(self.repo) != self._untouched

    def home(self, name: str) -> Path:
        """Folder of the Covey called ``name``."""
        return self.root / name

    def start(self, home: Path, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start ``python -m module``; what it says goes to ``said``."""
        environment = {
            "PATH": search_path(),
            "HOME": str(home_folder()),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(Path(covey.__file__).parents[1]),  # the very Covey that this process runs
            "COVEY_HOME": str(home),
            "COVEY_CONFIG": str(self.root / "no-config.yaml"),
            "COVEY_PYTHON": sys.executable,
        }
        with (self.root / "said").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=self.root, env=environment, stdout=said, stderr=said
            )

    @property
    def said(self) -> str:
        """The last words of the program started last."""
        return (self.root / "said").read_text(errors="replace")[-1500:]

    def leftovers(self, home: Path) -> list[str]:
        """Return what is still there although every run of ``home`` is at its end."""
        found = [str(path.relative_to(self.root)) for path in self.temporary.iterdir()]
        found += [f"{home.name}/scratch/{path.name}" for path in _inside(home / "scratch")]
        for run in _inside(home / "runs"):
            found += [f"{home.name}/runs/{run.name}/{path.name}" for path in _inside(run) if path.name not in _KEPT]
        temporaries = (path for name in (".new-*", ".tmp-*") for path in home.rglob(name))
        found += [str(path.relative_to(self.root)) for path in temporaries]
        found += [f"mount: {line}" for line in _mounts() - self._mounts if "covey" in line or str(self.root) in line]
        return sorted({*found, *_dead_groups()})

    def read(self, home: Path) -> Told | None:
        """Return the newest run of ``home``, with the faults of the whole store; None when there is no run yet."""
        return asyncio.run(_read(home))


def wait_for_orphans() -> list[str]:
    """Wait until no child of this process is left; end and name those that would not go."""
    until = time.monotonic() + ORPHANS_S
    while time.monotonic() < until:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return []
        if pid == 0:
            time.sleep(0.02)
    left = list(_children())
    for pid, _ in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid, _ in left:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    return [f"process {pid}: {name}" for pid, name in left]


def fingerprint(folder: Path) -> str:
    """Hash every name, mode, owner, time of change and byte below ``folder``."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        digest.update(f"{path.relative_to(folder)}\0{info.st_mode}\0{info.st_mtime_ns}\0{info.st_uid}\0".encode())
        if path.is_symlink():
            digest.update(os.fsencode(path.readlink()))
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


async def _read(home: Path) -> Told | None:
    if not (home / "covey.db").exists():
        return None
    async with open_store(load_settings(home=home)) as store:
        runs = await store.list()
        if not runs:
            return None
        run = runs[0]
        return Told(
            run_id=run.id,
            status=run.status.value,
            final=run.status.final,
            head=run.head,
            steps=tuple(step.name for step in await store.steps(run.id)),
            faults=tuple(await store.check()),
        )


def _make_repository(example: Path, dest: Path) -> None:
    """Copy an example, commit it, then leave a changed file and an untracked one."""
    shutil.copytree(example, dest, ignore=shutil.ignore_patterns("__pycache__"))
    author = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgSign=false"]
    for words in (["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "--message", "All of it"]):
        _git(dest, words)
    with (dest / "README.md").open("a") as file:
        file.write("\nNot committed yet.\n")
    (dest / "notes.bin").write_bytes(bytes(range(256)))


def _git(folder: Path, words: Sequence[str]) -> None:
    environment = {"PATH": search_path(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunError(f"git {words[0]} failed: {done.stderr.strip()}")


def _inside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.is_file()] if folder.is_dir() else []


def _mounts() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def _dead_groups() -> list[str]:
    """Control groups of executions whose supervisor is gone, and which are still there a moment later."""
    groups = cgroups.find()
    parents = {path for path in (groups["memory"], groups["pids"]) if path} if groups else set()

    def dead() -> set[str]:
        found = (path for parent in parents for path in Path(parent).glob(f"{PREFIX}*"))
        return {str(path) for path in found if not Path("/proc", path.name.split("-")[1]).exists()}

    first = dead()
    if first:
        time.sleep(1)
    return sorted(first & dead())


def _children() -> Iterator[tuple[int, str]]:
    """Yield the process id and name of every child of this process."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            if int(rest.split()[1]) == os.getpid():
                yield int(path.parent.name), name
