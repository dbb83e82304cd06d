"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from covey.core.canonical import sha256
from covey.core.errors import StoreCorrupt, StoreError, StoreFull
from covey.store.artifacts import ArtifactFiles
from covey.store.files import make_folder, os_fault, probe_space, write_all, write_whole


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_artifact_lies_under_its_digest(tmp_path: Path) -> None:
    digest = ArtifactFiles(tmp_path / "artifacts").put(b"data")
    assert names(tmp_path) == [f"artifacts/{digest[:2]}/{digest[2:]}"]


def test_a_damaged_artifact_is_found_and_mended_when_it_is_put_again(tmp_path: Path) -> None:
    files = ArtifactFiles(tmp_path)
    digest = files.put(b"data")
    files.path(digest).write_bytes(b"dat")
    with pytest.raises(StoreCorrupt, match="changed"):
        files.get(digest)
    assert files.put(b"data") == digest
    assert files.get(digest) == b"data"


def test_a_temporary_file_of_a_killed_process_is_removed_when_old(tmp_path: Path) -> None:
    files = ArtifactFiles(tmp_path)
    folder = files.path(sha256(b"data")).parent
    folder.mkdir()
    old, new = folder / ".tmp-old", folder / ".tmp-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1.0, 1.0))
    digest = files.put(b"data")
    assert not old.exists()
    assert new.exists()
    assert list(files.digests()) == [digest]


@pytest.mark.parametrize("failing", ["fsync", "replace", "write"])
def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "file"
    write_whole(path, lambda handle: write_all(handle, b"old"))

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, refuse)
        with pytest.raises(StoreError, match="Check the disk") as found:
            write_whole(path, lambda handle: write_all(handle, b"new"))
    assert type(found.value) is StoreError
    assert (names(tmp_path), path.read_bytes()) == (["file"], b"old")
    write_whole(path, lambda handle: write_all(handle, b"new"))
    assert path.read_bytes() == b"new"


def test_the_bytes_reach_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        calls.append("folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        fsync(handle)

    def watched_replace(source: Path, target: Path) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write_whole(tmp_path / "file", lambda handle: write_all(handle, b"x"))
    assert calls == ["file", "rename", "folder"]
    calls.clear()
    make_folder(tmp_path / "a" / "b")
    assert calls == ["folder", "folder"]


def test_a_short_write_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[:3])))
    write_all(write, b"0123456789")
    monkeypatch.undo()
    os.close(write)
    assert os.read(read, 100) == b"0123456789"
    os.close(read)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EFBIG, StoreFull),
        (errno.EROFS, StoreError),
        (errno.EACCES, StoreError),
        (errno.EIO, StoreError),
    ],
)
def test_refusals_of_the_system_have_types(number: int, kind: type[StoreError]) -> None:
    assert type(os_fault(OSError(number, os.strerror(number)), Path("x"))) is kind


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    assert probe_space(tmp_path, 1 << 20) is None
    assert names(tmp_path) == []
    assert probe_space(tmp_path / "nowhere", 0) is not None


def test_the_same_bytes_may_be_put_by_many_at_once(tmp_path: Path) -> None:
    for number in range(8):
        files = ArtifactFiles(tmp_path / str(number))
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(files.put, [b"same"] * 8)) == {sha256(b"same")}
