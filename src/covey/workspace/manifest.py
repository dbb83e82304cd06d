"""What a snapshot holds, path by path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from covey.core.canonical import canonical_json, sha256
from covey.core.errors import RunError

FILE = "file"
LINK = "link"
FOLDER = "folder"


class Entry(NamedTuple):
    """One path: permission bits, kind, size in bytes and SHA-256 of the content (of a link: of its target)."""

    mode: int
    kind: str
    size: int
    sha256: str


Manifest = Mapping[str, Entry]
"""Entries by relative POSIX path. Undecodable bytes of a name are lone surrogates, which JSON keeps as escapes."""


def manifest_bytes(manifest: Manifest) -> bytes:
    """Serialise in one way only, ASCII."""
    return canonical_json(manifest).encode("ascii")


def manifest_id(data: bytes) -> str:
    """Name a snapshot by its serialised manifest."""
    return sha256(data)


def read_manifest(folder: Path, expected: str) -> Manifest:
    """Read ``manifest.json`` in ``folder`` and check that it is the one named ``expected``.

    Raises RunError when it is missing or differs.
    """
    path = folder / "manifest.json"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"The snapshot in {folder} has no manifest ({error.strerror}); start the run again.") from None
    if manifest_id(data) != expected:
        raise RunError(f"{path} does not match its snapshot; start the run again.")
    return MappingProxyType({name: Entry(*fields) for name, fields in json.loads(data).items()})


@lru_cache(maxsize=8)
def known_manifest(folder: Path, expected: str) -> Manifest:
    """Return what :func:`read_manifest` does, from memory after the first time."""
    return read_manifest(folder, expected)
