"""Notices what tests do to the tree they run in. Python 3.6 and later, alone. PYTEST_DONT_REWRITE

Files that were there at the start are *tracked*: when one changes, the tree is damaged and the server must start
again from a clean one. Files that appear are removed between candidates.
"""

import os
import shutil
import stat
import struct

IGNORED = frozenset(
    (".git", ".hg", ".svn", "__pycache__", ".pytest_cache", ".hypothesis", ".benchmarks", "node_modules")
)
ENTRIES = 50000
MASK = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400  # modify, attrib, moved from/to, create, delete, delete self
OVERFLOW = 0x4000
IGNORED_EVENT = 0x8000


class Watch(object):
    """Follows a tree by inotify; by looking at every file where that does not work."""

    def __init__(self, root):
        self.root = root
        self.tracked = {}
        self.known = set()
        self.folders = {}
        self.fd = None
        self.limited = False
        self._scan(self.tracked.__setitem__)
        self._open()

    def _scan(self, found):
        count = 0
        for folder, names, files in os.walk(self.root):
            names[:] = [
                name
                for name in names
                if name not in IGNORED and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
            ]
            for name in files + names:
                count += 1
                if count > ENTRIES:
                    self.limited = True
                    return
                path = os.path.join(folder, name)
                found(path, self._state(path))

    @staticmethod
    def _state(path):
        try:
            info = os.lstat(path)
        except OSError:
            return None
        if stat.S_ISDIR(info.st_mode):
            return ("folder", stat.S_IMODE(info.st_mode))
        return (info.st_size, info.st_mtime_ns, info.st_mode)

    def _open(self):
        try:
            import ctypes

            libc = ctypes.CDLL(None, use_errno=True)
            fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if fd < 0:
                return
            folders = [self.root] + [path for path, state in self.tracked.items() if state and state[0] == "folder"]
            for path in folders:
                number = libc.inotify_add_watch(fd, os.fsencode(path), MASK)
                if number < 0:
                    os.close(fd)
                    return
                self.folders[number] = path
            self.fd = fd
        except (ImportError, OSError, AttributeError):
            return

    def settle(self):
        """Whatever was added so far (by importing the project) belongs to the tree from now on."""
        created, _ = self.changes()
        self.known.update(created)

    def changes(self):
        """Return created paths and damaged paths since the last call."""
        touched = self._touched() if self.fd is not None else self._every()
        created, damaged = [], []
        for path in sorted(touched):
            if path in self.known or any(path.startswith(known + os.sep) for known in self.known):
                continue
            if path in self.tracked:
                if self._state(path) != self.tracked[path]:
                    damaged.append(path)
            elif os.path.lexists(path):
                created.append(path)
        return created, damaged

    def _every(self):
        touched = set(self.tracked)
        self._scan(lambda path, state: touched.add(path))
        return touched

    def _touched(self):
        touched = set()
        while True:
            try:
                data = os.read(self.fd, 1 << 16)
            except BlockingIOError:
                return touched
            at = 0
            while at < len(data):
                number, mask, _, length = struct.unpack_from("iIII", data, at)
                name = os.fsdecode(data[at + 16 : at + 16 + length].rstrip(b"\0"))
                at += 16 + length
                if mask & OVERFLOW:
                    return self._every()
                folder = self.folders.get(number)
                if folder is None or mask & IGNORED_EVENT:
                    continue
                if name not in IGNORED:
                    touched.add(os.path.join(folder, name) if name else folder)

    def undo(self, created):
        """Remove what appeared."""
        for path in created:
            try:
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
            except OSError:
                continue
        self.changes()
