"""What an environment holds, read from its files: nothing of it is run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from covey.core.execution import TREE_TOKEN
from covey.execution.boundedfiles import read_text
from covey.execution.declared import plain

_METADATA = (".dist-info", ".egg-info")
_MAX_ENTRIES = 20_000
_EDITABLE = re.compile(r"\"editable\"\s*:\s*true")


@dataclass(frozen=True, slots=True)
class Inventory:
    """The distributions found in some ``site-packages`` folders.

    ``versions`` maps canonical names to versions; ``linked`` are folders that ``.pth`` and ``.egg-link`` files add to
    the module search path; ``editable`` are names of distributions installed in editable mode.
    """

    versions: dict[str, str] = field(default_factory=dict)
    linked: tuple[str, ...] = ()
    editable: frozenset[str] = frozenset()

    @property
    def lock(self) -> tuple[str, ...]:
        """Sorted ``name==version``."""
        return tuple(sorted(f"{name}=={version}" for name, version in self.versions.items()))

    @property
    def has_pytest(self) -> bool:
        """True when pytest is installed."""
        return "pytest" in self.versions


def take_inventory(folders: Iterable[Path]) -> Inventory:
    """Read the distributions of ``folders``; an earlier folder wins, as on ``sys.path``."""
    versions: dict[str, str] = {}
    linked: list[str] = []
    editable: set[str] = set()
    for folder in folders:
        for name in _entries(folder):
            if name.endswith(_METADATA):
                found = _distribution(folder, name)
                if found is not None:
                    versions.setdefault(*found)
                    if _EDITABLE.search(read_text(folder, f"{name}/direct_url.json", 64 << 10) or ""):
                        editable.add(found[0])
            elif name.endswith((".pth", ".egg-link")):
                linked += _paths(read_text(folder, name, 64 << 10) or "")
                if name.endswith(".egg-link"):
                    editable.add(canonicalize_name(name.removesuffix(".egg-link")))
    return Inventory(versions, tuple(dict.fromkeys(linked)), frozenset(editable))


def site_folders(venv: Path) -> tuple[Path, ...]:
    """``site-packages`` folders of a virtual environment on a POSIX system."""
    found = [*venv.glob("lib/python3*/site-packages"), *venv.glob("lib64/python3*/site-packages")]
    return tuple(sorted({Path(os.path.realpath(folder)) for folder in found if folder.is_dir()}))


def missing(
    requirements: Sequence[str], inventory: Inventory, version: tuple[int, int, int], *, any_version: bool = False
) -> tuple[str, ...]:
    """Return the requirements that apply to this Python and are absent, or present in a version that does not fit."""
    environment = marker_environment(version)
    return tuple(
        text for text in requirements if _lacks(text, inventory.versions, environment, any_version=any_version)
    )


def marker_environment(version: tuple[int, int, int]) -> dict[str, str]:
    """Values of the environment markers that differ between interpreters of one machine."""
    return {
        "python_version": f"{version[0]}.{version[1]}",
        "python_full_version": ".".join(map(str, version)),
        "implementation_version": ".".join(map(str, version)),
        "extra": "",
    }


def import_path(inventory: Inventory, name: str, root: str, source_folders: Sequence[str]) -> tuple[str, ...]:
    """Folders for ``PYTHONPATH``, with the tree's token, so that tests import the tree and not an installed copy.

    An editable install lists its own folders; without one, these are the project's source folders.
    """
    inside = [os.path.normpath(path) for path in inventory.linked]
    relative = [os.path.relpath(path, root) for path in inside if path == root or path.startswith(root + os.sep)]
    if not relative:
        relative = (
            [folder for folder in source_folders if folder] if is_editable(inventory, name) else [*source_folders]
        )
    return tuple(dict.fromkeys(TREE_TOKEN if part in ("", ".") else f"{TREE_TOKEN}/{part}" for part in relative))


def is_editable(inventory: Inventory, name: str) -> bool:
    """True when the project is installed in editable mode."""
    return bool(name) and canonicalize_name(name) in inventory.editable


def own_requirements(sites: Iterable[Path], name: str) -> tuple[str, ...]:
    """What an installed project's metadata asks for without extras; found by its name, or by being editable."""
    for site in sites:
        for folder in _entries(site):
            stem = canonicalize_name(re.split(r"-\d|\.(?:egg|dist)-info", folder)[0])
            direct = read_text(site, f"{folder}/direct_url.json", 64 << 10) or ""
            if folder.endswith(_METADATA) and ((name and stem == canonicalize_name(name)) or _EDITABLE.search(direct)):
                metadata = read_text(site, f"{folder}/METADATA", 256 << 10) or ""
                lines = re.findall(r"^Requires-Dist:\s*(.+?)\s*$", metadata.split("\n\n", 1)[0], re.MULTILINE)
                lines += (read_text(site, f"{folder}/requires.txt", 64 << 10) or "").split("[", 1)[0].split("\n")
                return plain([line for line in lines if not re.search(r"\bextra\s*==", line)], folder, [])
    return ()


def _entries(folder: Path) -> Iterator[str]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return
    yield from names[:_MAX_ENTRIES]


def _distribution(folder: Path, name: str) -> tuple[str, str] | None:
    for candidate in (f"{name}/METADATA", f"{name}/PKG-INFO", name):
        text = read_text(folder, candidate, 256 << 10)
        if text is not None:
            headers = HeaderParser().parsestr(text.split("\n\n", 1)[0], headersonly=True)
            found, version = str(headers["Name"] or ""), str(headers["Version"] or "")
            return (canonicalize_name(found), version.strip()) if found and version else None
    return None


def _paths(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.startswith("/")]


def _lacks(text: str, versions: Mapping[str, str], environment: dict[str, str], *, any_version: bool) -> bool:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return True
    if requirement.marker is not None and not requirement.marker.evaluate(environment):
        return False
    have = versions.get(canonicalize_name(requirement.name))
    if have is None or any_version:
        return have is None
    try:
        return not requirement.specifier.contains(Version(have), prereleases=True)
    except InvalidVersion:
        return False
