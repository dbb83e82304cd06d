"""A version for projects that ask their version-control system for one: the tree that is built has no history."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.version import InvalidVersion, Version

from covey.execution.boundedfiles import read_text

_VARIABLES = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",  # setuptools-scm and hatch-vcs
    "PBR_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
)


def version_settings(root: Path) -> dict[str, str]:
    """Variables that tell build back ends the version.

    That of the highest tag, else the one in a source distribution's ``PKG-INFO``, else ``0.0.0``.
    """
    unpacked = re.search(r"^Version: (\S+)$", read_text(root, "PKG-INFO", 64 << 10) or "", re.MULTILINE)
    version = highest_tag(root) or (unpacked and _version(unpacked[1])) or "0.0.0"
    return dict.fromkeys(_VARIABLES, str(version))


def highest_tag(root: Path) -> str | None:
    """The highest final version among the tags of the repository, read from files; git is not run."""
    names = re.findall(r"refs/tags/(\S+)$", read_text(root, ".git/packed-refs") or "", re.MULTILINE)
    folder = root / ".git" / "refs" / "tags"
    if folder.is_dir() and not (root / ".git").is_symlink():
        names += sorted(path.name for path in folder.iterdir())[:5000]
    versions = [version for name in names if (version := _version(name)) is not None and not version.is_prerelease]
    return str(max(versions)) if versions else None


def _version(tag: str) -> Version | None:
    found = re.search(r"\d+(?:\.\d+)+\S*$", tag)
    try:
        return Version(found.group()) if found else None
    except InvalidVersion:
        return None
