"""What the tests of environments share: tiny wheels, sources with their own build back end, a project in pieces."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# A build back end without any requirement. ACTION is run when it builds; LINK makes an editable install.
BACKEND = """
import os, zipfile
NAME, VERSION, REQUIRES, ACTION = {name!r}, "1.0", {requires!r}, {action!r}

def _wheel(folder, files):
    exec(ACTION)
    info = NAME + "-" + VERSION + ".dist-info/"
    files[info + "METADATA"] = "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: " + VERSION + "\\n" + "".join(
        "Requires-Dist: " + item + "\\n" for item in REQUIRES)
    files[info + "WHEEL"] = "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[info + "RECORD"] = "".join(name + ",,\\n" for name in [*files, info + "RECORD"])
    name = NAME + "-" + VERSION + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {{NAME + ".py": "VALUE = 'from source'\\n"}})

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, {{NAME + ".pth": os.path.join(os.getcwd(), "src") + "\\n"}})
"""

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "demo"
version = "1.0"
"""


def backend(name: str, *, requires: Sequence[str] = (), action: str = "") -> str:
    """Source of a build back end that runs ``action`` whenever it builds."""
    return BACKEND.format(name=name, requires=list(requires), action=action)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write text files below ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def make_wheel(links: Path, name: str, files: Mapping[str, str] | None = None, requires: Sequence[str] = ()) -> Path:
    """Write a wheel of version 1.0 that holds ``files``; by default one module of its name."""
    files = dict(files or {f"{name}.py": "VALUE = 'from wheel'\n"})
    info = f"{name}-1.0.dist-info"
    lines = [f"Requires-Dist: {item}\n" for item in requires]
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{''.join(lines)}"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    links.mkdir(parents=True, exist_ok=True)
    path = links / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


def make_sdist(links: Path, name: str, *, action: str = "") -> Path:
    """Write a source distribution of version 1.0 with its own back end."""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": PROJECT.replace('"demo"', f'"{name}"'),
        "backend.py": backend(name, action=action),
    }
    links.mkdir(parents=True, exist_ok=True)
    path = links / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for inner, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{inner}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def search_path() -> str:
    """A search path that leads to the interpreter that runs the tests."""
    return os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin"))
