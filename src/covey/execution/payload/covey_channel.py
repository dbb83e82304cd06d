"""The way out of the sandbox: one JSON object a line on an inherited descriptor. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE
"""

import fcntl
import json
import os
import sys

FD_ENV = "COVEY_CHANNEL_FD"
TREE_ENV = "COVEY_TREE"
HIGH = 900  # tests that close "all" descriptors mostly stop at 255


def hide(fd):
    """Move a descriptor out of the way of tests, closed on exec. Returns its new number."""
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except (OSError, ValueError):
        os.set_inheritable(fd, False)
        return fd
    os.close(fd)
    return high


def write_all(fd, data):
    """Write every byte."""
    while data:
        data = data[os.write(fd, data) :]


class Channel(object):
    """Reports events from the process that opened it, and from no fork of it.

    Each event is one unbuffered write, so that what was reported survives whatever the process does next. When the
    descriptor was closed (and perhaps reused for a file of the tests) events are dropped: the report then lacks its
    end and counts as incomplete.
    """

    def __init__(self, fd):
        self.pid = os.getpid()
        self.fd = hide(fd)
        self.key = self._key()

    def _key(self):
        try:
            found = os.fstat(self.fd)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def emit(self, event):
        """Report one event."""
        if os.getpid() != self.pid or self.key is None or self._key() != self.key:
            return
        try:
            write_all(self.fd, (json.dumps(event) + "\n").encode("ascii"))
        except OSError:
            self.key = None


def open_channel():
    """Return the channel this process was given, once, or None. Programs started later do not see it."""
    text = os.environ.pop(FD_ENV, None)
    try:
        fd = int(text)
        os.fstat(fd)
    except (TypeError, ValueError, OSError):
        return None
    return Channel(fd)


def tree_root():
    """Real path of the tree under test."""
    return os.path.realpath(os.environ.get(TREE_ENV) or os.getcwd())


def inside(path, root):
    """Return ``path`` relative to the tree when it is the project's own file, else None."""
    if not path or path.startswith("<"):
        return None
    full = path if os.path.isabs(path) else os.path.abspath(path)
    if not full.startswith(root + os.sep):
        full = os.path.realpath(full)
        if not full.startswith(root + os.sep):
            return None
    relative = full[len(root) + 1 :].replace(os.sep, "/")
    parts = relative.split("/")
    if "site-packages" in parts or "dist-packages" in parts or full.startswith(_HERE + os.sep):
        return None
    if _PREFIX.startswith(root + os.sep) and full.startswith(_PREFIX + os.sep):
        return None
    return relative


_HERE = os.path.dirname(os.path.realpath(__file__))
_PREFIX = os.path.realpath(sys.prefix)
