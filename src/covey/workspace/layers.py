"""Layers: the few files of a candidate that differ from the base, in a folder of their own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from covey.core.errors import EditError
from covey.core.execution import Tree
from covey.workspace.files import folder, remove_tree, storage_error, write_all
from covey.workspace.manifest import FILE, FOLDER, LINK, Manifest
from covey.workspace.paths import safe_path, show
from covey.workspace.snapshot import Snapshot

NEW_FILE_MODE = 0o644
NEW_FOLDER_MODE = 0o755


class Change(NamedTuple):
    """New content of a file and its permission bits; ``data`` None means that the file is removed."""

    data: bytes | None
    mode: int


def check_change(manifest: Manifest, path: str, *, removed: bool) -> str:
    """Return the normal form of a path that may be changed. Raises EditError.

    Only regular files are changed. A path may not go through a link, through a file, or replace a folder.
    """
    safe = safe_path(path)
    name = str(safe)
    entry = manifest.get(name)
    if entry is not None and entry.kind == LINK:
        raise EditError(f"{show(name)} is a symbolic link; name the file that it points at.")
    if entry is not None and entry.kind != FILE:
        raise EditError(f"{show(name)} is a folder; name a file.")
    if entry is None and removed:
        raise EditError(f"{show(name)} does not exist, so it cannot be removed.")
    for parent in safe.parents[:-1]:
        above = manifest.get(str(parent))
        if above is not None and above.kind != FOLDER:
            kind = "a symbolic link" if above.kind == LINK else "a file"
            raise EditError(f"{show(name)} cannot be written: {show(str(parent))} is {kind}.")
    return name


def as_changes(snapshot: Snapshot, changes: Mapping[str, bytes | None]) -> dict[str, Change]:
    """Check paths and give each file the permission bits of its base version. Raises EditError."""
    manifest = snapshot.manifest
    checked: dict[str, Change] = {}
    for path, data in sorted(changes.items()):
        name = check_change(manifest, path, removed=data is None)
        if name in checked:
            raise EditError(f"{show(name)} is changed twice; change it once.")
        entry = manifest.get(name)
        checked[name] = Change(data, entry.mode if entry else NEW_FILE_MODE)
    check_together(checked)
    return checked


def check_together(changes: Mapping[str, Change]) -> None:
    """Raise EditError when one new file would be a folder of another."""
    for name in changes:
        for parent in PurePosixPath(name).parents[:-1]:
            if str(parent) in changes:
                raise EditError(f"{show(name)} cannot be written: {show(str(parent))} is a file of the same change.")


async def write_layer(
    dest: Path, snapshot: Snapshot, changes: Mapping[str, bytes | None], owner: int | None = None
) -> Tree:
    """Write changed and new files into the fresh folder ``dest`` and describe the resulting tree.

    A content of None removes the file. Files keep the permission bits of their base version, new ones get 0644;
    folders are made as they are in the base. Raises EditError for a path that may not be changed, StoreFull or
    RunError when ``dest`` exists or cannot be written.
    """
    return await asyncio.to_thread(lay_down, dest.absolute(), snapshot, as_changes(snapshot, changes), owner)


def lay_down(dest: Path, snapshot: Snapshot, changes: Mapping[str, Change], owner: int | None) -> Tree:
    """Write checked changes, see :func:`write_layer`."""
    made = False
    try:
        dest.mkdir(mode=0o700, parents=True)
        made = True
        with folder(dest) as root:
            writer = _Writer(root, snapshot.manifest, owner)
            for path, change in changes.items():
                if change.data is not None:
                    writer.write(PurePosixPath(path), change.data, change.mode)
            writer.finish()
    except OSError as error:
        if made:
            remove_tree(dest)
        raise storage_error(error, f"writing a candidate to {show(dest)}") from error
    return snapshot.tree(dest, [path for path, change in changes.items() if change.data is None])


class _Writer:
    """Writes below one open folder that nobody else uses."""

    def __init__(self, root: int, manifest: Manifest, owner: int | None) -> None:
        self._root = root
        self._manifest = manifest
        self._owner = owner
        self._folders: list[PurePosixPath] = [PurePosixPath()]

    def write(self, path: PurePosixPath, data: bytes, mode: int) -> None:
        for parent in reversed(path.parents[:-1]):
            if parent not in self._folders:
                os.mkdir(parent, 0o700, dir_fd=self._root)
                self._folders.append(parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(path, flags, 0o600, dir_fd=self._root)
        try:
            write_all(handle, data)
            self._own(handle, mode)
        finally:
            os.close(handle)

    def finish(self) -> None:
        """Give folders their owner and permission bits, which may forbid writing."""
        for path in reversed(self._folders):
            entry = self._manifest.get(str(path))
            with folder(self._root, path) as handle:
                self._own(handle, entry.mode if entry else NEW_FOLDER_MODE)

    def _own(self, handle: int, mode: int) -> None:
        if self._owner is not None:
            os.fchown(handle, self._owner, -1)
        os.fchmod(handle, mode)
