from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from covey.core.errors import ConfigError, EditError, PatchDoesNotApply, RunError
from covey.core.patch import Patch
from covey.workspace import git as git_module
from covey.workspace.diff import apply_patch, make_patch
from covey.workspace.snapshot import Snapshot, verify_snapshot
from support_workspace import fingerprint, git, git_applied, read_files, snapshot_of, write_files

FILES: dict[str, bytes] = {
    "a.py": b"one\ntwo\nthree\n",
    "crlf.py": b"one\r\ntwo\r\nthree\r\n",
    "mixed.py": b"one\r\ntwo\nthree\rfour\x0cfive\x1c\xc2\x85six\xe2\x80\xa8seven\n",
    "bom.py": b"\xef\xbb\xbfx = 1\n",
    "latin.py": "# coding: latin-1\ns = 'é'\n".encode("latin-1"),
    "data.bin": bytes(range(256)) * 40,
    "open.py": b"no newline",
    "sp ace/é 'q\".py": b"x\n",
    "run.sh": b"#!/bin/sh\n",
    "empty": b"",
    "pkg/long.py": b"".join(b"# %d\n" % n for n in range(200)),
}


@pytest.fixture
async def snapshot(tmp_path: Path) -> Snapshot:
    root = write_files(tmp_path / "r", FILES)
    (root / "run.sh").chmod(0o750)
    (root / "link.py").symlink_to("a.py")
    (root / "folder").symlink_to("pkg")
    return await snapshot_of(root, tmp_path / "s")


async def patch_of(snapshot: Snapshot, changes: dict[str, bytes | None]) -> Patch:
    return await make_patch(snapshot, changes, origin="test")


CHANGES: dict[str, dict[str, bytes | None]] = {
    "a line": {"a.py": b"one\n2\nthree\n"},
    "carriage returns": {"crlf.py": b"one\r\n2\r\nthree\r\n"},
    "carriage returns taken away": {"crlf.py": b"one\ntwo\nthree\n"},
    "odd line ends": {"mixed.py": FILES["mixed.py"].replace(b"five", b"5")},
    "byte order mark": {"bom.py": b"\xef\xbb\xbfx = 2\n"},
    "latin-1": {"latin.py": "# coding: latin-1\ns = 'ü'\n".encode("latin-1")},
    "becomes latin-1": {"a.py": b"\xe9"},
    "binary": {"data.bin": bytes(range(255, -1, -1)) * 40},
    "text with NUL": {"a.py": b"one\0\n"},
    "newline added at the end": {"open.py": b"no newline\n"},
    "newline taken from the end": {"a.py": b"one\ntwo\nthree"},
    "no newline on either side": {"open.py": b"none"},
    "quoted name": {"sp ace/é 'q\".py": b"y\n"},
    "executable": {"run.sh": b"#!/bin/bash\n"},
    "emptied": {"a.py": b""},
    "filled": {"empty": b"x\n"},
    "new": {"new/deep/m.py": b"n\r\n", "also.bin": b"\xff\0"},
    "new and empty": {"hollow.py": b""},
    "removed": {"a.py": None, "data.bin": None, "empty": None},
    "two hunks": {"pkg/long.py": FILES["pkg/long.py"].replace(b"# 3\n", b"# three\n").replace(b"# 150\n", b"")},
    "attributes": {".gitattributes": b"* text eol=crlf working-tree-encoding=UTF-16\n", "a.py": b"1\n"},
    "looks like a diff": {"a.py": b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\ndiff --git a/x b/x\n"},
    "everything": {
        "a.py": b"A",
        "crlf.py": None,
        "latin.py": b"\xff",
        "data.bin": b"now text\n",
        "new.py": b"x\n",
        "run.sh": b"",
    },
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_diff_gives_exactly_the_changed_bytes_here_and_by_plain_git(
    tmp_path: Path, snapshot: Snapshot, name: str
) -> None:
    changes = CHANGES[name]
    expected = {path: data for path, data in {**FILES, **changes}.items() if data is not None}
    patch = await patch_of(snapshot, changes)
    assert patch.files == tuple(sorted(changes))
    assert patch.base == snapshot.id
    assert patch.id == Patch.make_id(patch.diff)
    patch.model_dump_json()
    tree = await apply_patch(snapshot, patch.diff, tmp_path / "layer")
    assert read_files(tmp_path / "layer") == {path: data for path, data in changes.items() if data is not None}
    assert tree.removed == tuple(sorted(path for path, data in changes.items() if data is None))
    assert git_applied(FILES, patch.diff, tmp_path / "scratch") == expected
    assert await verify_snapshot(snapshot) == ()


async def test_the_text_is_what_people_expect_of_a_diff(snapshot: Snapshot) -> None:
    patch = await patch_of(snapshot, {"a.py": b"one\n2\nthree", "new.py": b"x\n"})
    lines = [line for line in patch.diff.splitlines() if not line.startswith("index ")]
    assert lines == [
        "diff --git a/a.py b/a.py",
        "--- a/a.py",
        "+++ b/a.py",
        "@@ -1,3 +1,3 @@",
        " one",
        "-two",
        "-three",
        "+2",
        "+three",
        "\\ No newline at end of file",
        "diff --git a/new.py b/new.py",
        "new file mode 100644",
        "--- /dev/null",
        "+++ b/new.py",
        "@@ -0,0 +1 @@",
        "+x",
    ]


async def test_a_hunk_header_cut_within_a_character_stays_valid_text(tmp_path: Path) -> None:
    before = f"def f_{'é' * 60}():\n".encode() + b"".join(b"    x%d\n" % n for n in range(20))
    snapshot = await snapshot_of(write_files(tmp_path / "r", {"a.py": before}), tmp_path / "s")
    patch = await patch_of(snapshot, {"a.py": before.replace(b"x15", b"y")})
    assert "@@ def f_é" in patch.diff
    tree = await apply_patch(snapshot, patch.diff, tmp_path / "layer")
    assert tree.layer is not None
    assert (Path(tree.layer) / "a.py").read_bytes() == before.replace(b"x15", b"y")


async def test_modes_come_from_the_base_or_from_the_mode_lines(tmp_path: Path, snapshot: Snapshot) -> None:
    def mode(layer: str, path: str) -> int:
        return stat.S_IMODE((tmp_path / layer / path).stat().st_mode)

    kept = await patch_of(snapshot, {"run.sh": b"x\n"})
    await apply_patch(snapshot, kept.diff, tmp_path / "kept")
    assert mode("kept", "run.sh") == 0o750
    diff = (
        "diff --git a/run.sh b/run.sh\nold mode 100755\nnew mode 100644\n"
        "diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\n"
        "diff --git a/tool b/tool\nnew file mode 100755\n--- /dev/null\n+++ b/tool\n@@ -0,0 +1 @@\n+x\n"
    )
    await apply_patch(snapshot, diff, tmp_path / "changed")
    base = snapshot.manifest["a.py"].mode
    assert mode("changed", "run.sh") == 0o640
    assert mode("changed", "a.py") == base | (base & 0o444) >> 2
    assert mode("changed", "tool") == 0o755


async def test_a_rename_is_a_removal_and_a_new_file(tmp_path: Path, snapshot: Snapshot) -> None:
    diff = "diff --git a/a.py b/pkg/z.py\nsimilarity index 100%\nrename from a.py\nrename to pkg/z.py\n"
    tree = await apply_patch(snapshot, diff, tmp_path / "layer")
    assert read_files(tmp_path / "layer") == {"pkg/z.py": FILES["a.py"]}
    assert tree.removed == ("a.py",)


async def test_a_diff_written_by_hand_applies_with_shifted_line_numbers(tmp_path: Path, snapshot: Snapshot) -> None:
    diff = "--- a/pkg/long.py\n+++ b/pkg/long.py\n@@ -90,3 +90,3 @@\n # 99\n-# 100\n+# hundred\n # 101\n"
    await apply_patch(snapshot, diff, tmp_path / "layer")
    assert read_files(tmp_path / "layer") == {"pkg/long.py": FILES["pkg/long.py"].replace(b"# 100\n", b"# hundred\n")}


def new_file(path: str, mode: str = "100644") -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize(
    ("diff", "words"),
    [
        ("--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n one\n-zwei\n+2\n", "patch failed: a.py:1"),
        ("--- a/missing.py\n+++ b/missing.py\n@@ -1 +1 @@\n-x\n+y\n", "No such file"),
        ("--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n one\n-two\n", "corrupt patch"),
        (new_file("a.py"), "already exists"),
        (new_file("../evil.py"), "leaves the repository"),
        (new_file("x/../../evil.py"), "leaves the repository"),
        (new_file("/tmp/evil.py"), "absolute"),
        (new_file(".git/hooks/post-checkout"), "version control"),
        (new_file("sub/.GIT/config"), "version control"),
        (new_file("link", "120000"), "mode 120000"),
        (new_file("sub", "160000"), "mode 160000"),
        (new_file("tool", "104755"), "mode 104755"),
        (new_file("./x.py"), "shortest form"),
        (new_file("folder/x.py"), "symbolic link"),
        ("--- a/link.py\n+++ b/link.py\n@@ -1 +1 @@\n-a.py\n+/etc/passwd\n", "symbolic link"),
        (new_file("l", "120000") + new_file("l/x"), "mode 120000"),
        ('diff --git "a/x\\000y" "b/x\\000y"\nnew file mode 100644\n', "control characters"),
        ("diff --git a/a.py b/a.py\nold mode 100644\nnew mode 104755\n", "mode 104755"),
        ("diff --git a/a.py b/.git/a\nsimilarity index 100%\nrename from a.py\nrename to .git/a\n", "version control"),
        ("diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100644\n", "does not apply|changes nothing"),
        ("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-one\n+\ud800\n", "not valid Unicode"),
        ("please change a.py", "no diff"),
    ],
)
async def test_what_no_patch_may_do_is_refused_with_the_reason(
    tmp_path: Path, snapshot: Snapshot, diff: str, words: str
) -> None:
    before = fingerprint(tmp_path)
    with pytest.raises(PatchDoesNotApply, match=words):
        await apply_patch(snapshot, diff, tmp_path / "layer")
    after = fingerprint(tmp_path)
    assert after | {".": before["."]} == before  # git's own scratch folder came and went beside the layer


async def test_one_bad_file_spoils_the_whole_patch(tmp_path: Path, snapshot: Snapshot) -> None:
    good = (await patch_of(snapshot, {"a.py": b"one\n"})).diff
    with pytest.raises(PatchDoesNotApply, match="crlf"):
        await apply_patch(snapshot, good + "--- a/crlf.py\n+++ b/crlf.py\n@@ -1 +1 @@\n-x\n+y\n", tmp_path / "layer")
    assert not (tmp_path / "layer").exists()
    await apply_patch(snapshot, good, tmp_path / "layer")


@pytest.mark.parametrize("changes", [{}, {"a.py": FILES["a.py"]}])
async def test_edits_that_change_nothing_are_no_patch(snapshot: Snapshot, changes: dict[str, bytes | None]) -> None:
    with pytest.raises(EditError, match="change nothing"):
        await patch_of(snapshot, changes)


@pytest.mark.parametrize("path", ["link.py", "folder/long.py", "../x", ".git/config", "pkg", "a\\b"])
async def test_a_patch_is_never_made_for_a_path_that_may_not_be_changed(snapshot: Snapshot, path: str) -> None:
    with pytest.raises(EditError):
        await patch_of(snapshot, {path: b"x"})


async def test_a_patch_keeps_where_it_comes_from_and_is_the_same_each_time(snapshot: Snapshot) -> None:
    first = await make_patch(snapshot, {"a.py": b"x\n"}, origin="swap", explanation="because")
    assert (first.origin, first.explanation, first.label) == ("swap", "because", None)
    assert await make_patch(snapshot, {"./a.py": b"x\n"}, origin="swap", explanation="because") == first


async def test_scratch_folders_are_removed(tmp_path: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    patch = await patch_of(snapshot, {"a.py": b"x\n"})
    await apply_patch(snapshot, patch.diff, tmp_path / "layer")
    with pytest.raises(PatchDoesNotApply):
        await apply_patch(snapshot, patch.diff.replace("-one", "-eins"), tmp_path / "other")
    assert list(scratch.iterdir()) == []


async def test_a_base_file_that_vanished_is_told(tmp_path: Path, snapshot: Snapshot) -> None:
    patch = await patch_of(snapshot, {"a.py": b"x\n"})
    (Path(snapshot.base) / "a.py").unlink()
    for attempt in (patch_of(snapshot, {"a.py": b"x\n"}), apply_patch(snapshot, patch.diff, tmp_path / "layer")):
        with pytest.raises(RunError, match="missing from the snapshot"):
            await attempt


async def test_without_git_the_user_is_told_what_to_install(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt install git"):
        await patch_of(snapshot, {"a.py": b"x\n"})


async def test_a_git_found_by_a_relative_path_entry_is_not_run(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planted = write_files(tmp_path / "here", {"bin/git": f"#!/bin/sh\ntouch {tmp_path}/planted\n"})
    (planted / "bin/git").chmod(0o755)
    monkeypatch.chdir(planted)
    monkeypatch.setenv("PATH", "bin:" + os.environ["PATH"])
    await asyncio.to_thread(os.spawnlp, os.P_WAIT, "git", "git", "version")
    assert (tmp_path / "planted").exists()  # the user's own shell would run it
    (tmp_path / "planted").unlink()
    await patch_of(snapshot, {"a.py": b"x\n"})
    assert not (tmp_path / "planted").exists()


def test_git_sees_no_configuration_but_ours(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "planted")
    listed = git_module.run_git(["config", "--list", "--show-origin"], cwd=tmp_path)
    origins = {line.split(":")[0] for line in listed.output.decode().splitlines()}
    assert origins == {"command line"}
    assert "planted" in git(tmp_path, "config", "--list")


async def test_temporary_files_stay_in_the_scratch_folder_given_and_go(
    tmp_path: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    scratch = tmp_path / "own" / "scratch"
    patch = await make_patch(snapshot, {"a.py": b"one\n"}, origin="test", scratch=scratch)
    await apply_patch(snapshot, patch.diff, scratch / "layer")
    assert [path.name for path in scratch.iterdir()] == ["layer"]
    with pytest.raises(RunError):
        await make_patch(snapshot, {"a.py": b"one\n"}, origin="test")
