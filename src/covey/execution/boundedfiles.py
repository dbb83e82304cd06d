"""Reading files of a tree that nobody trusts: regular files only, bounded, never outside the tree."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 1 << 20


def read_bytes(base: Path, relative: str | Path, limit: int = MAX_BYTES) -> bytes | None:
    """Return the first ``limit`` bytes of a regular file below ``base``.

    None when there is no such file, it cannot be read, or a symbolic link leads out of ``base``.
    """
    if "\0" in str(relative):
        return None
    real = os.path.realpath(base / relative)
    if not Path(real).is_relative_to(os.path.realpath(base)):
        return None
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_text(base: Path, relative: str | Path, limit: int = MAX_BYTES) -> str | None:
    """Like :func:`read_bytes`, as UTF-8 text without a byte order mark; other bytes become U+FFFD."""
    data = read_bytes(base, relative, limit)
    return None if data is None else data.decode("utf-8-sig", "replace")
