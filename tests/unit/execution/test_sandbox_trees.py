from __future__ import annotations

import os
from pathlib import Path

import pytest

from covey.execution.launcher import trees


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("x")
    (root / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    return root


def test_removing_takes_files_folders_and_links_but_follows_none(tree: Path, tmp_path: Path) -> None:
    root = trees.folder(str(tree))
    for path in ("link/kept", "a/b", "never/there", "a/b/file/below", "link"):
        trees.remove(root, path)
    os.close(root)
    assert sorted(str(path.relative_to(tree)) for path in tree.rglob("*")) == ["a"]
    assert (tmp_path / "outside" / "kept").exists()


@pytest.mark.parametrize("path", ["/a", "../a", "a/../../b", "", ".", "a\0b"])
def test_a_path_that_could_leave_the_tree_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="inside the tree"):
        trees.parts(path)


def test_mount_points_are_made_and_never_through_a_link(tree: Path, tmp_path: Path) -> None:
    root = trees.folder(str(tree))
    try:
        trees.make_point(root, "new/deep", folder=True)
        trees.make_point(root, "new/file", folder=False)
        trees.make_point(root, "a/b/file", folder=False)
        for path, folder in (("link/x", True), ("link", True), ("a", False), ("a/b/file", True)):
            with pytest.raises(NotADirectoryError):
                trees.make_point(root, path, folder=folder)
    finally:
        os.close(root)
    assert (tree / "new" / "deep").is_dir()
    assert (tree / "new" / "file").is_file()
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["kept"]


def test_a_link_takes_the_place_of_what_is_there(tree: Path) -> None:
    root = trees.folder(str(tree))
    trees.make_link(root, "a/b", "/somewhere")
    trees.make_link(root, "c/d", "/elsewhere")
    os.close(root)
    assert [str((tree / name).readlink()) for name in ("a/b", "c/d")] == ["/somewhere", "/elsewhere"]


def test_a_copy_keeps_content_modes_times_and_links_and_replaces_what_is_there(tree: Path, tmp_path: Path) -> None:
    script = tree / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    os.utime(script, ns=(1_000, 2_000))
    os.mkfifo(tree / "fifo")
    target = tmp_path / "copy"
    (target / "run.sh").mkdir(parents=True)
    (target / "a").write_text("a file where a folder comes")
    source, copied = trees.folder(str(tree)), trees.folder(str(target))
    trees.copy(source, copied, None)
    os.close(source)
    os.close(copied)
    assert (target / "a" / "b" / "file").read_text() == "x"
    assert ((target / "run.sh").stat().st_mode & 0o777, (target / "run.sh").stat().st_mtime_ns) == (0o755, 2_000)
    assert (target / "link").is_symlink()
    assert not (target / "fifo").exists()
    (target / "a" / "b" / "file").write_text("changed")
    assert (tree / "a" / "b" / "file").read_text() == "x"
