"""Applying a patch to a few files by the real ``git apply``, away from every repository and configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from covey.core.errors import PatchDoesNotApply
from covey.settings import search_path

_SECONDS = 60


def apply_to_files(patch: bytes, before: Mapping[str, bytes]) -> dict[str, bytes] | None:
    """Return the files (relative path → bytes) that ``patch`` makes out of ``before``; None when there is no git.

    Raises PatchDoesNotApply with git's own first line.
    """
    path = search_path()
    git = shutil.which("git", path=path)
    if git is None:
        return None
    with tempfile.TemporaryDirectory(prefix="covey-check-") as name:
        folder = Path(name)
        tree = folder / "tree"
        tree.mkdir()
        for relative, data in before.items():
            file = tree / _inside(relative)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        (folder / "patch.diff").write_bytes(patch)
        _git(git, folder, path)
        return {
            file.relative_to(tree).as_posix(): _bytes(file) for file in sorted(tree.rglob("*")) if not file.is_dir()
        }


def _git(git: str, folder: Path, path: str) -> None:
    environment = {
        "PATH": path,
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(folder),
    }
    command = [git, "apply", "--whitespace=nowarn", "--", str(folder / "patch.diff")]
    try:
        done = subprocess.run(
            command, cwd=folder / "tree", env=environment, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PatchDoesNotApply(f"git apply took longer than {_SECONDS} s") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").splitlines() or ["git gave no reason"]
        raise PatchDoesNotApply(lines[0])


def _inside(relative: str) -> str:
    parts = PurePosixPath(relative).parts
    if not parts or relative.startswith("/") or ".." in parts or "\0" in relative or ".git" in parts:
        raise PatchDoesNotApply(f"{relative!r} is not a path inside a repository")
    return relative


def _bytes(file: Path) -> bytes:
    """Content of a file, or the target of a symbolic link that the patch made; never what a link points to."""
    return os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
