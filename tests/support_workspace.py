"""Shared by tests of the workspace: trees with every kind of file, fingerprints, real git."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from covey.workspace.snapshot import Snapshot, take_snapshot

GIT_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "LC_ALL": "C",
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", check: bool = True) -> str:
    """Run the real git, as a user would, and return what it prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=GIT_ENVIRONMENT, input=stdin, capture_output=True, check=False, timeout=60
    )
    if check:
        assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def write_files(root: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files below ``root``, making folders."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def read_files(root: Path) -> dict[str, bytes]:
    """Return every regular file below ``root``, ``.git`` left out."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and ".git" not in path.relative_to(root).parts
    }


def fingerprint(root: Path, *, times: bool = True) -> dict[str, tuple[object, ...]]:
    """Describe everything below ``root``, itself included: kind, mode, owner, times of change, content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        content = ""
        if stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        elif stat.S_ISLNK(status.st_mode):
            content = str(path.readlink())
        when = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino) if times else ()
        found[str(path.relative_to(root))] = (status.st_mode, status.st_uid, status.st_gid, content, *when)
    return found


async def snapshot_of(root: Path, dest: Path) -> Snapshot:
    """Take a snapshot owned by whoever runs the tests."""
    return await take_snapshot(root, dest, owner=None)


def git_applied(before: Mapping[str, bytes], diff: str, scratch: Path) -> dict[str, bytes]:
    """Apply a diff with plain ``git apply`` in a fresh folder that holds ``before``."""
    scratch.mkdir()
    write_files(scratch, before)
    environment = {**GIT_ENVIRONMENT, "GIT_DIR": "/nonexistent"}
    done = subprocess.run(
        ["git", "apply", "-"], cwd=scratch, env=environment, input=diff.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return read_files(scratch)
