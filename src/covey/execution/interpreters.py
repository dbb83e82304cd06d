"""Which Python interpreters this machine has. Each is really asked, once, for its version and prefixes."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from covey.core.canonical import Frozen
from covey.core.execution import Mount
from covey.execution.tools import run_tool

OLDEST = (3, 6)
"""Older interpreters cannot run the payload that reports test results."""

_PYTHON = re.compile(r"python3(\.\d+)?")
_ALWAYS_THERE = (Path("/usr"), Path("/bin"), Path("/sbin"), Path("/lib"), Path("/lib64"))
_MARK = "COVEY-PYTHON "

# Runs on Python 2.7 too, so that an old interpreter can be named instead of crashing.
QUESTION = """
import sys, json, sysconfig
b = getattr(sys, "base_prefix", sys.prefix)
e = getattr(sys, "base_exec_prefix", sys.exec_prefix)
try:
    import importlib.util
    p = importlib.util.find_spec("pytest") is not None
except Exception:
    p = False
sys.stdout.write("\\n" + %r + json.dumps({
    "version": list(sys.version_info[:3]), "prefix": sys.prefix, "base_prefix": b,
    "folders": [b, e, sysconfig.get_path("stdlib") or b, sysconfig.get_path("platstdlib") or b],
    "path": [x for x in sys.path if x], "pytest": p}) + "\\n")
""" % (_MARK,)  # noqa: UP031 - braces of the JSON object would all need escapes


class Answer(Frozen):
    """What an interpreter says of itself; ``folders`` hold its binary and standard library."""

    version: tuple[int, int, int]
    prefix: str
    base_prefix: str
    folders: tuple[str, ...]
    path: tuple[str, ...]
    pytest: bool


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A base interpreter (not a virtual environment).

    ``path`` is the real executable, ``prefixes`` the folders it needs, read-only, to run inside a sandbox, without
    those that every sandbox shows anyway (below ``/usr``).
    """

    path: Path
    version: tuple[int, int, int]
    prefixes: tuple[Path, ...] = ()

    @property
    def minor(self) -> tuple[int, int]:
        """Version without the patch level, for instance ``(3, 11)``."""
        return self.version[:2]

    def mounts(self) -> tuple[Mount, ...]:
        """Read-only mounts of ``prefixes`` at their own places."""
        return tuple(Mount(source=str(prefix), target=str(prefix)) for prefix in self.prefixes)


def parse_answer(output: bytes | str) -> Answer | None:
    """Find the answer to ``QUESTION`` in what an interpreter printed; None when there is no valid one."""
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    for line in reversed(text.splitlines()):
        if line.startswith(_MARK):
            try:
                return Answer.model_validate_json(line.removeprefix(_MARK))
            except ValidationError:
                return None
    return None


def always_there(path: Path) -> bool:
    """True for places that every sandbox shows at their own path."""
    return any(path.is_relative_to(place) for place in _ALWAYS_THERE)


def holds_a_home(folder: Path, homes: Iterable[str] | None = None) -> bool:
    """True for the root folder, and for one that is or holds somebody's home folder: never to be shown whole."""
    houses = _homes() if homes is None else homes
    return len(folder.parts) < 2 or any(Path(house).is_relative_to(folder) for house in houses)


def needed_prefixes(folders: Iterable[str], executable: Path, homes: Iterable[str] | None = None) -> tuple[Path, ...]:
    """Real places that must be mounted: none that is always there, none below another, never the root folder.

    A prefix that holds somebody's home folder (``--prefix=$HOME``) is narrowed to the interpreter and its library.
    """
    houses = tuple(_homes() if homes is None else homes)
    kept: list[Path] = []
    for folder in sorted({Path(os.path.realpath(folder)) for folder in folders}):
        narrow = (*sorted(folder.glob("lib/python3*")), executable)
        for place in narrow if holds_a_home(folder, houses) else (folder,):
            covered = any(place.is_relative_to(other) for other in kept)
            if not covered and not always_there(place) and place.exists():
                kept.append(place)
    return tuple(kept)


def _homes() -> set[str]:
    return {
        os.path.realpath(entry.pw_dir) for entry in pwd.getpwall() if entry.pw_dir.count("/") and entry.pw_dir != "/"
    }


_asked: dict[tuple[str, int, int], Interpreter | None] = {}


async def ask_interpreter(path: Path) -> Interpreter | None:
    """Run a trusted interpreter, isolated and without ``site``, and ask it who it is.

    None when it does not run, or is a virtual environment's own copy. The answer is kept for this process, by path,
    size and time of change. ``path`` must not lie in a repository that is worked on.
    """
    real = Path(os.path.realpath(path))
    try:
        info = real.stat()
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode) or not os.access(real, os.X_OK):
        return None
    key = (str(real), info.st_mtime_ns, info.st_size)
    if key not in _asked:
        env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        result = await run_tool([str(real), "-E", "-S", "-B", "-c", QUESTION], env=env, cwd=Path("/"), timeout_s=10)
        answer = parse_answer(result.output) if result.ok else None
        if answer is None or answer.prefix != answer.base_prefix:
            _asked[key] = None
        else:
            _asked[key] = Interpreter(real, answer.version, needed_prefixes(answer.folders, real))
    return _asked[key]


async def find_interpreters(search_path: str, home: Path, *, exclude: Sequence[Path] = ()) -> tuple[Interpreter, ...]:
    """Find the interpreters of this machine (3.6 and newer), newest first, each real executable once.

    Looks at ``search_path``, pyenv, the interpreters that uv manages, and ``/usr/bin``. Shims are not run: the
    versions that they stand for are found in their own folders. Nothing below the folders in ``exclude`` is run.
    """
    barred = tuple(Path(os.path.realpath(folder)) for folder in exclude)
    real = await asyncio.to_thread(_executables, search_path, home, barred)
    found = await asyncio.gather(*(ask_interpreter(path) for path in real))
    usable = [one for one in found if one is not None and one.version >= OLDEST]
    return tuple(sorted(usable, key=lambda one: (tuple(-part for part in one.version), str(one.path))))


def _executables(search_path: str, home: Path, barred: Sequence[Path]) -> list[Path]:
    folders = [Path(entry) for entry in search_path.split(os.pathsep) if entry.startswith("/")]
    folders += [*_version_folders(home), Path("/usr/local/bin"), Path("/usr/bin")]
    seen: dict[Path, None] = {}
    for folder in folders:
        try:
            names = sorted(path.name for path in folder.iterdir() if _PYTHON.fullmatch(path.name))
        except OSError:
            continue
        for name in names:
            real = Path(os.path.realpath(folder / name))
            inside = any(path.is_relative_to(place) for path in (real, folder / name) for place in barred)
            if not inside and not _is_script(real):
                seen.setdefault(real)
    return list(seen)


def _version_folders(home: Path) -> list[Path]:
    managed = home / ".local" / "share" / "uv" / "python"
    return [
        folder / "bin"
        for parent in (home / ".pyenv" / "versions", managed)
        if parent.is_dir()
        for folder in sorted(parent.iterdir())
    ]


def _is_script(path: Path) -> bool:
    """True for pyenv shims and other wrapper scripts, which may run anything."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True
