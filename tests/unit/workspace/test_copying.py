from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from covey.workspace.copying import Copied, Copier, Unreadable, copy_open_file
from covey.workspace.scan import LeftOut, Scanner, Why


@contextmanager
def opened(source: Path, target: Path) -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        read = stack.enter_context(source.open("rb"))
        write = stack.enter_context(target.open("wb"))
        yield read.fileno(), write.fileno()


class ChangingRead:
    """Rewrites the file right after the first ``times`` reads, as an editor or a log would."""

    def __init__(self, path: Path, times: int) -> None:
        self.path = path
        self.times = times
        self.calls = 0

    def __call__(self, handle: int, size: int) -> bytes:
        data = os.read(handle, size)
        self.calls += 1
        if self.calls <= self.times:
            with self.path.open("ab") as file:
                file.write(b"more")
        return data


def test_a_file_that_changes_while_it_is_copied_is_copied_again(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_bytes(b"first")
    read = ChangingRead(source, times=1)
    with opened(source, tmp_path / "copy") as (read_from, write_to):
        entry, steady = copy_open_file(read_from, write_to, None, read)
    assert steady
    assert (tmp_path / "copy").read_bytes() == b"firstmore"
    assert (entry.size, entry.sha256) == (9, hashlib.sha256(b"firstmore").hexdigest())


def test_a_file_that_never_holds_still_is_copied_and_said_so(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_bytes(b"first")
    read = ChangingRead(source, times=1000)
    with opened(source, tmp_path / "copy") as (read_from, write_to):
        entry, steady = copy_open_file(read_from, write_to, None, read)
    assert not steady
    copy = (tmp_path / "copy").read_bytes()
    assert (entry.size, entry.sha256) == (len(copy), hashlib.sha256(copy).hexdigest())


def test_a_file_that_shrinks_is_copied_again(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_bytes(b"long content")
    calls: list[int] = []

    def read(handle: int, size: int) -> bytes:
        if not calls:
            source.write_bytes(b"short")
        calls.append(size)
        return os.read(handle, size)

    with opened(source, tmp_path / "copy") as (read_from, write_to):
        _, steady = copy_open_file(read_from, write_to, None, read)
    assert steady
    assert (tmp_path / "copy").read_bytes() == b"short"


def test_a_failing_read_is_told_from_a_failing_write(tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"x")

    def broken(handle: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    with opened(source, tmp_path / "copy") as (read_from, write_to), pytest.raises(Unreadable):
        copy_open_file(read_from, write_to, None, broken)
    full = Path("/dev/full")
    with source.open("rb") as file, full.open("wb", buffering=0) as sink, pytest.raises(OSError, match="No space"):
        copy_open_file(file.fileno(), sink.fileno(), None)


def copy_after(root: Path, base: Path, change: str) -> Copied:
    """Scan, let something happen, then copy."""
    scan = Scanner(root, (), 1000, 100_000).scan()
    match change:
        case "removed":
            (root / "d/a").unlink()
        case "grown":
            (root / "d/a").write_bytes(b"x" * 2000)
        case "a link":
            (root / "d/a").unlink()
            (root / "d/a").symlink_to("/etc/passwd")
        case "folder removed":
            (root / "d/a").unlink()
            (root / "d").rmdir()
        case "folder a link":
            (root / "d").rename(root.parent / "away")
            (root / "d").symlink_to(root.parent / "away")
    base.mkdir()
    return Copier(root, base, owner=None, max_file_bytes=1000).copy(scan)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("removed", Why.changing),
        ("grown", Why.too_large),
        ("a link", Why.changing),
        ("folder removed", Why.changing),
        ("folder a link", Why.changing),
    ],
)
def test_what_changed_between_walk_and_copy_is_left_out(tmp_path: Path, change: str, why: Why) -> None:
    (tmp_path / "r/d").mkdir(parents=True)
    (tmp_path / "r/d/a").write_text("x")
    (tmp_path / "r/b").write_text("x")
    copied = copy_after(tmp_path / "r", tmp_path / "base", change)
    assert copied.left_out == LeftOut({why: ["d/a"]})
    assert "b" in copied.entries
    assert "d/a" not in copied.entries
    assert not os.path.lexists(tmp_path / "base/d/a")
