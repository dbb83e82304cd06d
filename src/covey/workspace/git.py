"""Git as a tool on private folders: never in a user's tree, and with nobody's configuration.

Only :mod:`covey.workspace.diff` uses it, to write and to apply diffs of files that it put into a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from covey.core.errors import ConfigError, RunError
from covey.settings import search_path

_TIMEOUT_S = 120
_NOWHERE = "/nonexistent"

_CONFIGURATION = {
    "core.quotePath": "false",
    "core.fsync": "none",
    "core.autocrlf": "false",
    "core.attributesFile": "/dev/null",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "fastimport.unpackLimit": "0",
    "gc.auto": "0",
}


class GitResult(NamedTuple):
    """Exit status, standard output and the words of git on standard error."""

    status: int
    output: bytes
    words: str


def _program() -> str:
    """Find git in the absolute folders of PATH: a relative one could be the untrusted tree itself."""
    folders = os.pathsep.join(entry for entry in search_path().split(os.pathsep) if entry.startswith("/"))
    found = shutil.which("git", path=folders)
    if found is None:
        raise ConfigError("git is not on PATH; install it (Debian: apt install git) and start again.")
    return found


def environment(git_folder: Path | None) -> dict[str, str]:
    """Return the whole environment of a git process: no system, user or repository configuration, no pager, no home.

    Without ``git_folder`` git runs outside any repository.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "HOME": _NOWHERE,
        "XDG_CONFIG_HOME": _NOWHERE,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_DIR": os.fspath(git_folder) if git_folder else _NOWHERE,
    }


def run_git(arguments: list[str], *, cwd: Path, stdin: bytes = b"", git_folder: Path | None = None) -> GitResult:
    """Run git in a private folder and wait. Raises ConfigError without git, RunError when it does not end."""
    options = [part for name, value in _CONFIGURATION.items() for part in ("-c", f"{name}={value}")]
    try:
        done = subprocess.run(
            [_program(), *options, *arguments],
            cwd=cwd,
            env=environment(git_folder),
            input=stdin,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"git {arguments[0]} did not end within {_TIMEOUT_S} s; the files may be too large.") from None
    return GitResult(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip())


def make_git_folder(path: Path) -> None:
    """Lay out an empty private repository without running anything."""
    (path / "objects" / "pack").mkdir(parents=True)
    (path / "refs").mkdir()
    (path / "HEAD").write_text("ref: refs/heads/none\n")
