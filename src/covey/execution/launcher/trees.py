"""Making, copying and removing file trees without ever following a link that the tree contains."""

# Importing pathlib would cost milliseconds in every execution.
# ruff: noqa: PTH208
from __future__ import annotations

import os

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def parts(path: str) -> list[str]:
    """Split a relative path; raises ValueError when it could leave its tree."""
    found = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in found or not found or "\0" in path:
        raise ValueError(f"not a path inside the tree: {path!r}")
    return found


def open_parent(root: int, names: list[str], *, make: bool = False) -> int | None:
    """Open the folder that holds ``names``, link by link never followed; None when it is not there.

    With ``make`` missing folders are made. Raises NotADirectoryError when a link or file is in the way.
    """
    here = os.dup(root)
    for name in names[:-1]:
        try:
            below = os.open(name, _FOLDER, dir_fd=here)
        except FileNotFoundError:
            if not make:
                os.close(here)
                return None
            os.mkdir(name, 0o755, dir_fd=here)
            below = os.open(name, _FOLDER, dir_fd=here)
        except OSError:
            os.close(here)
            raise
        os.close(here)
        here = below
    return here


def remove(root: int, path: str) -> None:
    """Remove a file or a whole folder from the tree that ``root`` is open on; nothing happens when it is not there."""
    names = parts(path)
    try:
        parent = open_parent(root, names)
    except NotADirectoryError:
        return  # below a file or a link there is nothing of this tree
    if parent is None:
        return
    try:
        remove_entry(parent, names[-1])
    finally:
        os.close(parent)


def remove_entry(parent: int, name: str) -> None:
    """Remove one entry of an open folder, with everything below it."""
    try:
        os.unlink(name, dir_fd=parent)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        pass  # unlink of a folder: EISDIR, or EPERM by POSIX
    try:
        here = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        here = os.open(name, _FOLDER, dir_fd=parent)
    try:
        if os.fstat(here).st_mode & 0o700 != 0o700 and os.geteuid() != 0:
            os.fchmod(here, 0o700)
        for entry in os.listdir(here):
            remove_entry(here, entry)
    finally:
        os.close(here)
    os.rmdir(name, dir_fd=parent)


def make_point(root: int, path: str, *, folder: bool) -> None:
    """Make sure that something can be mounted at ``path`` of the tree, and that no link leads elsewhere."""
    names = parts(path)
    parent = open_parent(root, names, make=True)
    assert parent is not None
    try:
        try:
            found = os.stat(names[-1], dir_fd=parent, follow_symlinks=False).st_mode & 0o170000
        except FileNotFoundError:
            if folder:
                os.mkdir(names[-1], 0o755, dir_fd=parent)
            else:
                os.close(os.open(names[-1], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=parent))
            return
        if (found == 0o040000) != folder or found not in (0o040000, 0o100000):
            raise NotADirectoryError(f"{path} in the tree cannot carry a mount: it is a link or another kind of file")
    finally:
        os.close(parent)


def make_link(root: int, path: str, target: str) -> None:
    """Put a symbolic link at ``path`` of the tree, in place of whatever is there."""
    names = parts(path)
    parent = open_parent(root, names, make=True)
    assert parent is not None
    try:
        remove_entry(parent, names[-1])
        os.symlink(target, names[-1], dir_fd=parent)
    finally:
        os.close(parent)


def copy(source: int, target: int, owner: int | None) -> None:
    """Copy an open folder over another: files, links and folders; other kinds of file are left out.

    What the target already has is replaced. Modes and modification times are kept, so that caches stay valid.
    """
    for entry in os.listdir(source):
        info = os.stat(entry, dir_fd=source, follow_symlinks=False)
        kind = info.st_mode & 0o170000
        if kind == 0o040000:
            _copy_folder(source, target, entry, info, owner)
            continue
        if kind not in (0o100000, 0o120000):
            continue
        remove_entry(target, entry)
        if kind == 0o120000:
            os.symlink(os.readlink(entry, dir_fd=source), entry, dir_fd=target)
        else:
            _copy_file(source, target, entry, info)
        if owner is not None:
            os.chown(entry, owner, owner, dir_fd=target, follow_symlinks=False)


def _copy_folder(source: int, target: int, entry: str, info: os.stat_result, owner: int | None) -> None:
    try:
        os.mkdir(entry, 0o700, dir_fd=target)
    except FileExistsError:
        if os.stat(entry, dir_fd=target, follow_symlinks=False).st_mode & 0o170000 != 0o040000:
            remove_entry(target, entry)
            os.mkdir(entry, 0o700, dir_fd=target)
    below, copied = os.open(entry, _FOLDER, dir_fd=source), os.open(entry, _FOLDER, dir_fd=target)
    try:
        os.fchmod(copied, 0o700)
        copy(below, copied, owner)
        if owner is not None:
            os.fchown(copied, owner, owner)
        os.fchmod(copied, info.st_mode & 0o777 | 0o700)
        os.utime(copied, ns=(info.st_atime_ns, info.st_mtime_ns))
    finally:
        os.close(below)
        os.close(copied)


def _copy_file(source: int, target: int, entry: str, info: os.stat_result) -> None:
    read = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        written = os.open(entry, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            left = info.st_size
            while left > 0:
                sent = os.sendfile(written, read, None, min(left, 1 << 30))
                if sent == 0:
                    break
                left -= sent
            os.fchmod(written, info.st_mode & 0o777)
            os.utime(written, ns=(info.st_atime_ns, info.st_mtime_ns))
        finally:
            os.close(written)
    finally:
        os.close(read)


def folder(path: str, *, follow: bool = True) -> int:
    """Open a folder, for use with the functions above."""
    return os.open(path, _FOLDER if not follow else _FOLDER & ~os.O_NOFOLLOW)
