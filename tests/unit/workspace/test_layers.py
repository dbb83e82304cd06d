from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from covey.core.errors import EditError, RunError
from covey.workspace.layers import write_layer
from covey.workspace.snapshot import Snapshot, verify_snapshot
from support_workspace import fingerprint, read_files, snapshot_of, write_files


@pytest.fixture
async def snapshot(tmp_path: Path) -> Snapshot:
    root = write_files(tmp_path / "r", {"a.py": "x = 1\n", "pkg/b.py": "y = 1\n", "pkg/c.py": "z\n", "run.sh": "x"})
    (root / "run.sh").chmod(0o750)
    (root / "pkg").chmod(0o711)
    (root / "link.py").symlink_to("a.py")
    (root / "folder").symlink_to("pkg")
    return await snapshot_of(root, tmp_path / "s")


async def test_a_layer_holds_what_changed_with_the_modes_of_the_base(tmp_path: Path, snapshot: Snapshot) -> None:
    before = fingerprint(Path(snapshot.root))
    changes = {"./pkg/b.py": b"y = 2\r\n", "run.sh": b"\xff", "new/deep/n.py": b"n", "a.py": None}
    tree = await write_layer(tmp_path / "layer", snapshot, changes)
    assert tree.root == snapshot.root
    assert tree.base == snapshot.base
    assert tree.layer == str(tmp_path / "layer")
    assert tree.removed == ("a.py",)
    assert read_files(tmp_path / "layer") == {"pkg/b.py": b"y = 2\r\n", "run.sh": b"\xff", "new/deep/n.py": b"n"}
    modes = {path: stat.S_IMODE((tmp_path / "layer" / path).stat().st_mode) for path in ("run.sh", "pkg", "pkg/b.py")}
    base_modes = {path: snapshot.manifest[path].mode for path in modes}
    assert modes == base_modes
    assert stat.S_IMODE((tmp_path / "layer/new/deep/n.py").stat().st_mode) == 0o644
    assert fingerprint(Path(snapshot.root)) == before
    assert await verify_snapshot(snapshot) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
async def test_a_layer_belongs_to_the_uid_that_the_sandbox_runs_as(tmp_path: Path, snapshot: Snapshot) -> None:
    await write_layer(tmp_path / "layer", snapshot, {"pkg/b.py": b"x"}, 65534)
    found = {path.stat().st_uid for path in (tmp_path / "layer", *(tmp_path / "layer").rglob("*"))}
    assert found == {65534}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("link.py", "symbolic link"),
        ("folder/b.py", "symbolic link"),
        ("pkg", "is a folder"),
        ("a.py/b.py", "is a file"),
        ("../x", "leaves the repository"),
        ("/etc/passwd", "absolute"),
        (".git/hooks/pre-commit", "version control"),
        (".GIT/config", "version control"),
        ("pkg/\0", "control characters"),
    ],
)
async def test_paths_that_may_not_be_changed_are_refused(
    tmp_path: Path, snapshot: Snapshot, path: str, words: str
) -> None:
    with pytest.raises(EditError, match=words):
        await write_layer(tmp_path / "layer", snapshot, {path: b"x"})
    assert not (tmp_path / "layer").exists()


async def test_contradicting_changes_are_refused(tmp_path: Path, snapshot: Snapshot) -> None:
    for changes in (
        {"n": b"x", "n/m": b"x"},
        {"a.py": b"x", "./a.py": b"y"},
        {"missing.py": None},
        {"a.py": None, "a.py/x": b""},
    ):
        with pytest.raises(EditError):
            await write_layer(tmp_path / "layer", snapshot, changes)


async def test_a_layer_is_always_a_fresh_folder(tmp_path: Path, snapshot: Snapshot) -> None:
    write_files(tmp_path / "layer", {"old": "x"})
    with pytest.raises(RunError, match="writing a candidate"):
        await write_layer(tmp_path / "layer", snapshot, {"a.py": b"x"})
    assert read_files(tmp_path / "layer") == {"old": b"x"}


async def test_no_changes_make_an_empty_layer(tmp_path: Path, snapshot: Snapshot) -> None:
    tree = await write_layer(tmp_path / "layer", snapshot, {})
    assert list((tmp_path / "layer").iterdir()) == []
    assert tree.removed == ()
