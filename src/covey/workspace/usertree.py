"""Single operations on files of the user's tree, below an open folder and following no link."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from covey.core.errors import PatchDoesNotApply, RunError
from covey.workspace.files import folder, open_folder, open_regular, read_all, write_all
from covey.workspace.journal import FileState
from covey.workspace.paths import show

_XATTR_REFUSED = (errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENODATA)


def umask() -> int:
    """Return the process's umask; asking the kernel in the usual way would change it for other threads."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022


class UserTree:
    """The user's folder, opened and locked against other Coveys."""

    def __init__(self, root: int) -> None:
        self.root = root

    def read(self, path: str) -> tuple[bytes, FileState] | None:
        """Return bytes and state of a regular file, None when there is nothing of that name.

        Raises PatchDoesNotApply when something else is there, or a link or file is in the way.
        """
        safe = PurePosixPath(path)
        try:
            with folder(self.root, safe.parent) as parent:
                handle = open_regular(safe.name, parent)
                try:
                    data, status = read_all(handle), os.fstat(handle)
                finally:
                    os.close(handle)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise _not_plain(path, error) from None
        return data, FileState(
            sha256=hashlib.sha256(data).hexdigest(),
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
        )

    def state(self, path: str) -> FileState | None:
        """Return the state of a file, None when there is nothing of that name. Raises PatchDoesNotApply."""
        found = self.read(path)
        return found[1] if found else None

    def stamp(self, path: str) -> tuple[int, ...] | None:
        """Return a cheap mark that changes when a file is written or replaced, None when there is none.

        Raises PatchDoesNotApply when a link or file is in the way.
        """
        safe = PurePosixPath(path)
        try:
            with folder(self.root, safe.parent) as parent:
                status = os.stat(safe.name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _not_plain(path, error) from None
        return (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def missing_folders(self, path: str) -> list[str]:
        """Return the folders of ``path`` that do not exist, outer ones first."""
        missing = []
        for parent in list(PurePosixPath(path).parents)[:-1]:
            try:
                os.close(open_folder(self.root, parent))
                break
            except FileNotFoundError:
                missing.append(str(parent))
            except OSError as error:
                raise PatchDoesNotApply(f"{show(str(parent))} is not a plain folder: {error}.") from None
        return missing[::-1]

    def make_folder(self, path: str) -> None:
        """Make one folder, belonging to whoever owns the folder around it."""
        safe = PurePosixPath(path)
        with folder(self.root, safe.parent) as parent, suppress(FileExistsError):
            os.mkdir(safe.name, 0o777, dir_fd=parent)
            with folder(parent, PurePosixPath(safe.name)) as made:
                _own_like(made, os.fstat(parent))

    def remove_folder(self, path: str) -> None:
        """Remove a folder if it is empty; a missing one is fine."""
        safe = PurePosixPath(path)
        try:
            with folder(self.root, safe.parent) as parent:
                os.rmdir(safe.name, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def prepare(self, path: str, temporary: str, data: bytes, like: FileState) -> None:
        """Write ``data`` durably to ``temporary``, a path beside ``path``, with the attributes of ``like``.

        Extended attributes come from the file at ``path``, if there is one.
        """
        safe = PurePosixPath(path)
        with folder(self.root, safe.parent) as parent:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            handle = os.open(PurePosixPath(temporary).name, flags, 0o600, dir_fd=parent)
            try:
                write_all(handle, data)
                if like.uid < 0:
                    _own_like(handle, os.fstat(parent))
                elif (like.uid, like.gid) != (os.fstat(handle).st_uid, os.fstat(handle).st_gid):
                    os.fchown(handle, like.uid, like.gid)
                _copy_xattrs(safe.name, parent, handle)
                os.fchmod(handle, like.mode)
                if like.mtime_ns:
                    os.utime(handle, ns=(like.mtime_ns, like.mtime_ns))
                os.fsync(handle)
            finally:
                os.close(handle)

    def put(self, path: str, temporary: str) -> None:
        """Give the prepared file its name, in one step."""
        safe = PurePosixPath(path)
        with folder(self.root, safe.parent) as parent:
            os.rename(PurePosixPath(temporary).name, safe.name, src_dir_fd=parent, dst_dir_fd=parent)

    def unlink(self, path: str) -> bool:
        """Remove a file and say whether it was there; a missing folder around it is fine."""
        safe = PurePosixPath(path)
        try:
            with folder(self.root, safe.parent) as parent:
                os.unlink(safe.name, dir_fd=parent)
        except FileNotFoundError:
            return False
        return True

    def sync(self, path: str) -> None:
        """Make the names in the folder of ``path`` durable."""
        with suppress(FileNotFoundError), folder(self.root, PurePosixPath(path).parent) as parent:
            os.fsync(parent)


def _not_plain(path: str, error: OSError) -> PatchDoesNotApply:
    return PatchDoesNotApply(f"{show(path)} is not a plain file that can be read: {error}.")


def _own_like(handle: int, around: os.stat_result) -> None:
    """Give what root makes in somebody's folder to that somebody."""
    if os.geteuid() == 0:
        os.fchown(handle, around.st_uid, around.st_gid)


def _copy_xattrs(name: str, parent: int, target: int) -> None:
    """Copy extended attributes (access lists among them) as far as the file system allows."""
    try:
        source = open_regular(name, parent)
    except FileNotFoundError:
        return
    try:
        for attribute in os.listxattr(source):
            try:
                os.setxattr(target, attribute, os.getxattr(source, attribute))
            except OSError as error:
                if error.errno not in _XATTR_REFUSED:
                    raise
    except OSError as error:
        if error.errno not in _XATTR_REFUSED:
            raise
    finally:
        os.close(source)


@contextmanager
def locked_tree(repository: Path) -> Iterator[UserTree]:
    """Open the user's folder and hold a lock on it, which writes nothing. Raises RunError."""
    try:
        root = open_folder(repository)
    except OSError as error:
        raise RunError(f"{show(repository)} cannot be opened: {error.strerror}.") from None
    try:
        fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(root)
        raise RunError(
            f"{show(repository)} is locked ({error.strerror}): another Covey is writing there; try again."
        ) from None
    try:
        yield UserTree(root)
    finally:
        os.close(root)
