"""Running the real command line, as a user would."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def environment(home: Path, **more: str) -> dict[str, str]:
    """A small environment of its own: PATH, COVEY_HOME and what a test adds."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "COVEY_HOME": str(home),
        "COVEY_CONFIG": str(home / "no-config.yaml"),
        "COVEY_PYTHON": sys.executable,
        **more,
    }


def covey(
    *arguments: str, home: Path, timeout: float = 120, stdin: str = "", env: Mapping[str, str] | None = None
) -> Answer:
    """Run ``python -m covey`` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "covey", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**environment(home), **(env or {})},
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def fingerprint(folder: Path) -> str:
    """Hash of every name, mode, time of change and byte below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        digest.update(f"{path.relative_to(folder)}\0{info.st_mode}\0{info.st_mtime_ns}\0{info.st_uid}\0".encode())
        if path.is_symlink():
            digest.update(str(path.readlink()).encode())
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def write_tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a new folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder
