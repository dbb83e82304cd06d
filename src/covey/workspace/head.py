"""The commit a folder stands at, read as plain files.

Git itself is never run in the user's tree: its configuration may name programs to start.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from covey.core.canonical import Frozen
from covey.workspace.files import read_all

_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REF = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]{1,1000}")
_SMALL = 64 << 10
_PACKED = 64 << 20


class Head(Frozen):
    """Commit and branch; both None when the folder is no git repository, or has no commit yet, or cannot be read."""

    commit: str | None = None
    branch: str | None = None


def _read(path: Path, limit: int = _SMALL) -> str:
    """Read a small regular file, "" for anything else. Never waits, never follows into a device."""
    try:
        if not path.is_file():
            return ""
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    try:
        return read_all(handle, limit).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(handle)


def _git_folder(repository: Path) -> Path | None:
    dot_git = repository / ".git"
    if dot_git.is_dir():
        return dot_git
    text = _read(dot_git).strip()
    if not text.startswith("gitdir:"):
        return None
    return repository / text.removeprefix("gitdir:").strip()


def _resolve_ref(ref: str, folders: tuple[Path, ...]) -> str | None:
    for folder in folders:
        loose = _read(folder / ref).strip()
        if _HASH.fullmatch(loose):
            return loose
    for folder in folders:
        for line in _read(folder / "packed-refs", _PACKED).splitlines():
            value, _, name = line.partition(" ")
            if name == ref and _HASH.fullmatch(value):
                return value
    return None


def read_head(repository: Path) -> Head:
    """Return commit and branch of ``repository``; a folder, a worktree's or a submodule's ``.git`` file all count."""
    try:
        git = _git_folder(repository)
        if git is None:
            return Head()
        common = _read(git / "commondir").strip()
        folders = (git, git / common) if common else (git,)
        text = _read(git / "HEAD").strip()
        if _HASH.fullmatch(text):
            return Head(commit=text)
        ref = text.removeprefix("ref:").strip()
        if not text.startswith("ref:") or not _REF.fullmatch(ref) or ".." in PurePosixPath(ref).parts:
            return Head()
        branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
        return Head(commit=_resolve_ref(ref, folders), branch=branch)
    except (OSError, ValueError):  # ValueError: a NUL in a path taken from the files
        return Head()
