from __future__ import annotations

import os
from pathlib import Path

import pytest

from covey.workspace.head import read_head
from support_workspace import git, write_files


def repository(root: Path) -> Path:
    write_files(root, {"a.py": "x = 1\n"})
    git(root, "init", "-q", "-b", "feature/one")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


def commit_of(root: Path) -> str:
    return git(root, "rev-parse", "HEAD").strip()


def test_branch_and_commit_are_those_that_git_says(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    assert read_head(root).commit == commit_of(root)
    assert read_head(root).branch == "feature/one"


def test_a_packed_reference_is_found(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    git(root, "pack-refs", "--all")
    assert not (root / ".git/refs/heads/feature/one").exists()
    assert read_head(root).commit == commit_of(root)


def test_a_detached_head_has_a_commit_and_no_branch(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    git(root, "checkout", "-q", "--detach")
    assert read_head(root).commit == commit_of(root)
    assert read_head(root).branch is None


@pytest.mark.parametrize("packed", [False, True])
def test_a_worktree_is_resolved_through_its_common_folder(tmp_path: Path, packed: bool) -> None:
    root = repository(tmp_path / "r")
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "w"))
    (tmp_path / "w" / "b.py").write_text("y = 2\n")
    git(tmp_path / "w", "add", ".")
    git(tmp_path / "w", "commit", "-qm", "two")
    if packed:
        git(root, "pack-refs", "--all")
    head = read_head(tmp_path / "w")
    assert head.branch == "side"
    assert head.commit == commit_of(tmp_path / "w") != commit_of(root)


def test_a_submodule_has_its_own_commit(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner")
    outer = repository(tmp_path / "outer")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "vendored")
    assert (outer / "vendored/.git").is_file()
    assert read_head(outer / "vendored").commit == commit_of(inner)


def test_a_repository_without_commits_has_a_branch_only(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    assert read_head(tmp_path).commit is None
    assert read_head(tmp_path).branch == "main"


def test_a_plain_folder_has_neither(tmp_path: Path) -> None:
    assert read_head(tmp_path).commit is None
    assert read_head(tmp_path).branch is None


@pytest.mark.parametrize(
    "head",
    [
        b"ref: refs/heads/../../../secret\n",
        b"ref: ../secret\n",
        b"ref: /etc/passwd\n",
        b"ref: refs/heads/a\0b\n",
        b"\xff\xfe",
        b"",
        b"x" * 200_000,
    ],
)
def test_a_hostile_head_is_read_as_nothing(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "secret").write_text("a" * 40)
    write_files(tmp_path / "r", {".git/HEAD": head, ".git/refs/heads/x": "y"})
    assert read_head(tmp_path / "r").commit is None


@pytest.mark.parametrize("text", ["gitdir: \0", "gitdir: ", "gitdir: " + "x" * 5000, "gitdir: .git", "nonsense"])
def test_a_hostile_git_file_is_read_as_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text)
    assert read_head(tmp_path).commit is None


def test_a_pipe_in_place_of_head_does_not_block(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git" / "HEAD")
    assert read_head(tmp_path).commit is None
