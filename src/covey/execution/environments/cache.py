"""Built environments kept on disk: one folder for each key, one builder at a time, complete or rebuilt."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from covey.core.budget import Deadline
from covey.core.errors import EnvironmentBuildError
from covey.core.execution import Environment

FORMAT = 1
"""Raised when the layout or the way of building changes, so that older environments are built anew."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one built environment.

    ``venv`` is its final path (environments cannot be moved); ``private`` is scratch space for untrusted builds;
    ``tools`` holds what builds need; ``lists`` holds the requirement lists. The record is written last: without it
    the environment counts as half built.
    """

    folder: Path

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.folder / "venv"

    @property
    def python(self) -> str:
        """The environment's interpreter."""
        return str(self.venv / "bin" / "python")

    @property
    def private(self) -> Path:
        """Scratch space that untrusted builds may write."""
        return self.folder / "private"

    @property
    def tools(self) -> Path:
        """Build back ends, importable by ``PYTHONPATH``."""
        return self.folder / "tools"

    @property
    def lists(self) -> Path:
        """Requirement lists, written by Covey."""
        return self.folder / "lists"

    def load(self) -> Environment | None:
        """The finished environment, or None when it is absent, half built or damaged."""
        try:
            environment = Environment.model_validate_json((self.folder / "complete.json").read_bytes())
        except (OSError, ValidationError):
            return None
        return environment if Path(environment.python).exists() else None

    def save(self, environment: Environment) -> None:
        """Mark the environment complete, atomically and durably."""
        draft = self.folder / "complete.json.new"
        with draft.open("wb") as file:
            file.write(environment.model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / "complete.json")

    def clear(self) -> None:
        """Remove what an earlier attempt left and make the empty folders of a new one."""
        (self.folder / "complete.json").unlink(missing_ok=True)
        for folder in (self.venv, self.private, self.lists):
            remove(folder)
        self.private.mkdir(parents=True)
        self.lists.mkdir()

    def tidy(self) -> None:
        """Remove what only building needed."""
        for folder in (self.private, self.tools, self.lists):
            remove(folder)


def remove(folder: Path) -> None:
    """Delete a folder that untrusted code may have filled; nothing outside it is touched."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        _walk(folder)
        shutil.rmtree(folder)


def hand_over(folder: Path, owner: int | None) -> None:
    """Give a folder to the uid under which sandboxed programs run, so that they may write it."""
    if owner is not None and os.geteuid() == 0:
        for path in _walk(folder):
            os.lchown(path, owner, owner)


def take_back(folder: Path) -> None:
    """Make the caller the owner again: everybody may read and nobody else may write.

    Set-uid, set-gid and sticky bits go. Symbolic links are not followed.
    """
    uid, gid = os.geteuid(), os.getegid()
    for path in _walk(folder):
        info = path.lstat()
        if info.st_uid != uid:
            os.lchown(path, uid, gid)
        if not stat.S_ISLNK(info.st_mode):
            executable = stat.S_ISDIR(info.st_mode) or bool(info.st_mode & 0o111)
            mode = 0o755 if executable else 0o644
            if stat.S_IMODE(info.st_mode) != mode:
                path.chmod(mode)


def _walk(folder: Path) -> list[Path]:
    """Everything below ``folder``, links not followed; folders that were closed to us are opened on the way."""
    found = [folder]
    for parent, folders, files in os.walk(folder):
        for name in folders:
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
                path.chmod(0o700)
        found += [Path(parent, name) for name in (*folders, *files)]
    return found


@contextlib.asynccontextmanager
async def held(slot: Slot, deadline: Deadline) -> AsyncIterator[None]:
    """Hold the right to build ``slot``; another process that builds the same environment is waited for.

    Raises EnvironmentBuildError when the deadline comes first. The lock ends with the block, or with the process.
    """
    slot.folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(slot.folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.over:
                    raise EnvironmentBuildError(
                        f"Another run has been building the same environment for {deadline.seconds:.0f} s. "
                        "Wait for it, or raise COVEY_INSTALL_TIMEOUT."
                    ) from None
                await asyncio.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
