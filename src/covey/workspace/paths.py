"""Paths that come from outside: what they may name."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from covey.core.errors import EditError

MAX_PATH_BYTES = 4096
MAX_NAME_BYTES = 255

# Code points that some file systems ignore when they compare names, so that ".g<U+200C>it" opens ".git".
_IGNORED = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF, 0xAD])


def show(path: str | os.PathLike[str]) -> str:
    """Return a path as plain text: bytes that are not UTF-8 and control characters are written as escapes."""
    name = os.fspath(path)
    try:
        text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # surrogates that stand for no byte: not from a file system
        text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def is_text_name(path: str) -> bool:
    """Say whether a name from the file system is valid Unicode (has no undecodable bytes)."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def is_git_name(name: str) -> bool:
    """Say whether some file system would take ``name`` for ``.git``: case, ignored characters, NTFS short names."""
    plain = name.translate(_IGNORED).split(":")[0].rstrip(". ").casefold()
    return plain in (".git", "git~1")


def safe_path(path: str) -> PurePosixPath:
    """Return a relative path in its normal form (no ``.``, no doubled slashes).

    Raises EditError for whatever could name something outside the tree or inside version control: absolute paths,
    ``..``, ``.git`` in any spelling anywhere, NUL and control characters, backslashes, names that are not Unicode,
    empty and over-long paths.
    """
    shown = repr(show(path[:200]))
    if not is_text_name(path):
        raise EditError(f"{shown} is not valid Unicode, so it cannot be edited; leave this file as it is.")
    if any(ord(char) < 0x20 or ord(char) == 0x7F for char in path):
        raise EditError(f"{shown} holds control characters; name a file of the repository.")
    if "\\" in path:
        raise EditError(f"{shown} holds a backslash; write the path with forward slashes.")
    if path.startswith("/"):
        raise EditError(f"{shown} is absolute; name the file relative to the root of the repository.")
    parts = PurePosixPath(path).parts
    if not parts:
        raise EditError("The path is empty; name a file of the repository.")
    if ".." in parts:
        raise EditError(f"{shown} leaves the repository; '..' is not allowed.")
    if any(is_git_name(part) for part in parts):
        raise EditError(f"{shown} is inside version control; Covey never touches '.git'.")
    if len(path.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise EditError(f"{shown}… is longer than a file system allows.")
    return PurePosixPath(*parts)


def resolve_beneath(root: Path, path: str) -> Path:
    """Return the real path of ``path`` below ``root``; raises EditError when links lead out of it or into ``.git``."""
    safe = safe_path(path)
    real_root = root.resolve()
    try:
        real = (real_root / safe).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links is RuntimeError before Python 3.13
        raise EditError(f"'{show(path)}' cannot be resolved: {error}.") from None
    if not real.is_relative_to(real_root) or any(is_git_name(part) for part in real.relative_to(real_root).parts):
        raise EditError(f"'{show(path)}' leads out of the repository by a symbolic link.")
    return real
