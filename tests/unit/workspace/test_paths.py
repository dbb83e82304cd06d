from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from covey.core.errors import EditError
from covey.workspace.files import folder, open_regular, read_regular
from covey.workspace.paths import resolve_beneath, safe_path, show


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("a.py", "a.py"),
        ("./src//pkg/./m.py", "src/pkg/m.py"),
        ("sp ace/é.py", "sp ace/é.py"),
        (".github/x.yml", ".github/x.yml"),
        (".gitignore", ".gitignore"),
        ("..a/b..", "..a/b.."),
        ("x.git/y", "x.git/y"),
    ],
)
def test_ordinary_paths_come_back_in_normal_form(given: str, normal: str) -> None:
    assert safe_path(given) == PurePosixPath(normal)


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        ".",
        "./",
        "/etc/passwd",
        "//etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "..\\x",
        "C:\\x",
        ".git",
        ".git/config",
        ".GIT/hooks/x",
        "sub/.Git/config",
        ".git /config",
        ".git./config",
        ".git::$INDEX_ALLOCATION/config",
        "GIT~1/config",
        ".g\u200cit/config",
        ".gi\ufefft/config",
        "a\udcff.py",
        "x" * 256,
        "é" * 128,
        "/".join(["a"] * 2100),
    ],
)
def test_paths_that_could_leave_the_tree_or_touch_version_control_are_denied(hostile: str) -> None:
    with pytest.raises(EditError):
        safe_path(hostile)


def test_resolution_follows_links_inside_the_tree_and_denies_those_that_leave_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "inside").symlink_to("real")
    (root / "outside").symlink_to(tmp_path)
    (root / "history").symlink_to(".git")
    (root / "loop").symlink_to("loop")
    assert resolve_beneath(root, "inside/new.py") == root / "real" / "new.py"
    for hostile in ("outside/x", "history/config", "loop/x"):
        with pytest.raises(EditError):
            resolve_beneath(root, hostile)


def test_a_folder_swapped_for_a_link_is_not_entered(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "m.py").write_text("mine")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "m.py").write_text("secret")
    assert read_regular(root, PurePosixPath("pkg/m.py"))[0] == b"mine"
    (root / "pkg").rename(tmp_path / "away")
    (root / "pkg").symlink_to(secret)
    assert (root / "pkg" / "m.py").read_text() == "secret"  # the swap would work on an ordinary read
    with pytest.raises(OSError, match="pkg"):
        read_regular(root, PurePosixPath("pkg/m.py"))


def test_neither_links_nor_pipes_nor_folders_count_as_regular_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with folder(tmp_path) as handle:
        os.close(open_regular("file", handle))
        for name in ("link", "pipe", "folder"):
            with pytest.raises(OSError, match=name):
                open_regular(name, handle)


def test_names_are_shown_without_control_characters_or_broken_text() -> None:
    assert show("a\x1b[31m\udcffé") == "a\\x1b[31m\\xffé"
    assert show("a\ud800é") == "a\\ud800é"
