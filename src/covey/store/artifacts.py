"""Bytes kept under their own SHA-256, one file each: ``artifacts/ab/cdef…``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from covey.core.canonical import sha256
from covey.core.errors import StoreCorrupt, StoreError
from covey.store.files import os_fault, remove_abandoned, sync_folder, write_all, write_whole

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ArtifactFiles:
    """A folder of content-addressed files. Every method blocks; equal bytes are kept once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where bytes with this digest are. Raises StoreError when it is not a SHA-256 in lower-case hexadecimal."""
        if not _DIGEST.fullmatch(digest):
            raise StoreError(f"{digest!r} is not the SHA-256 of an artifact.")
        return self.folder / digest[:2] / digest[2:]

    def put(self, data: bytes) -> str:
        """Keep ``data``, on the disk when this returns. A damaged copy is replaced."""
        digest = sha256(data)
        path = self.path(digest)
        try:
            if path.is_file() and path.read_bytes() == data:
                sync_folder(path.parent)  # whoever wrote it may have been killed before doing so
                return digest
            if path.parent.is_dir():
                remove_abandoned(path.parent)
        except OSError as error:
            raise os_fault(error, path) from error
        write_whole(path, lambda handle: write_all(handle, data))
        return digest

    def get(self, digest: str) -> bytes:
        """Return kept bytes. Raises StoreCorrupt when they are gone or changed."""
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise StoreCorrupt(f"Artifact {digest} is not in {self.folder}.") from None
        except OSError as error:
            raise os_fault(error, path) from error
        if sha256(data) != digest:
            raise StoreCorrupt(f"Artifact {digest} in {self.folder} was changed: its bytes have another SHA-256.")
        return data

    def size(self, digest: str) -> int:
        """Number of bytes kept under ``digest``. Raises StoreCorrupt when there are none."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise StoreCorrupt(f"Artifact {digest} is not in {self.folder}.") from None

    def digests(self) -> Iterator[str]:
        """All digests that have a file."""
        for path in sorted(self.folder.glob("??/*")):
            digest = path.parent.name + path.name
            if _DIGEST.fullmatch(digest):
                yield digest
