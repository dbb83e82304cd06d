"""Whatever a tree and a change look like: copies, edits, diffs and applications lose or invent no byte."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from covey.core.errors import EditError, PatchDoesNotApply
from covey.core.patch import Edit
from covey.workspace.apply import apply_to_user_tree, rollback_apply
from covey.workspace.diff import apply_patch, make_patch, patch_files
from covey.workspace.edits import apply_edits
from covey.workspace.paths import safe_path
from covey.workspace.snapshot import load_snapshot, verify_snapshot
from support_workspace import fingerprint, git_applied, read_files, snapshot_of, write_files

quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

NAMES = st.text(st.sampled_from("abcé \"'*?[]{}$#~-_.@"), min_size=1, max_size=6).filter(
    lambda name: name.strip(". ") != "" and not name.endswith(".pyc")
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PIECES = st.sampled_from(
    [
        b"one\n", b"two\r\n", b"three\r", b"x", b"", b"\n", b" \t\n", b"\xff\xfe", b"\0", b"\xef\xbb\xbf",
        b"--- a/x\n", b"+++ b/x\n", b"@@ -1 +1 @@\n", b"\\ No newline\n", b"diff --git a/x b/x\n",
        "é\u2028\x85\x0c\x1c\n".encode(), "# coding: latin-1 é\n".encode("latin-1"),
    ]
)  # fmt: skip
CONTENTS = st.lists(PIECES, max_size=8).map(b"".join)
TREES = st.dictionaries(PATHS, CONTENTS, min_size=1, max_size=6)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="covey-test-") as name:
        yield Path(name)


def nested(paths: set[str]) -> bool:
    """Say whether one path would be a folder of another."""
    return any(str(parent) in paths for path in paths for parent in list(PurePosixPath(path).parents)[:-1])


RAW_NAMES = st.binary(min_size=1, max_size=8).filter(
    lambda raw: not set(raw) & {0, ord("/")} and raw not in (b".", b"..") and not raw.endswith(b".pyc")
)


@quick
@given(st.dictionaries(RAW_NAMES, st.tuples(st.binary(max_size=50), st.integers(0, 0o7777)), min_size=1, max_size=5))
@example({b"\xff\xfe": (b"x", 0o4755), b"\n": (b"", 0o644), b"%ff": (b"y", 0o600)})
def test_any_tree_is_copied_byte_for_byte_and_left_alone(files: dict[bytes, tuple[bytes, int]]) -> None:
    with folder() as here:
        root = here / "r"
        root.mkdir()
        for name, (data, mode) in files.items():
            path = root / os.fsdecode(name)
            path.write_bytes(data)
            path.chmod(mode | 0o400)
        before = fingerprint(root)
        snapshot = asyncio.run(snapshot_of(root, here / "s"))
        assert fingerprint(root) == before
        copied = fingerprint(Path(snapshot.base), times=False)
        for relative, (kind_and_mode, uid, gid, content, *_) in before.items():
            assert isinstance(kind_and_mode, int)
            assert copied[relative] == (kind_and_mode & ~0o7000, uid, gid, content)
        assert copied.keys() == before.keys()
        assert asyncio.run(verify_snapshot(snapshot)) == ()
        assert load_snapshot(here / "s") == snapshot


@quick
@given(
    TREES,
    st.dictionaries(PATHS, CONTENTS, max_size=3),
    st.dictionaries(st.integers(0, 5), st.none() | CONTENTS, max_size=4),
)
def test_any_change_survives_diff_and_application(
    files: dict[str, bytes], new: dict[str, bytes], changed: dict[int, bytes | None]
) -> None:
    names = sorted(files)
    changes: dict[str, bytes | None] = {path: data for path, data in new.items() if path not in files}
    changes.update({names[number]: data for number, data in changed.items() if number < len(names)})
    assume(not nested({*files, *changes}))
    after = {path: data for path, data in {**files, **changes}.items() if data is not None}
    with folder() as here:
        root = write_files(here / "r", files)
        snapshot = asyncio.run(snapshot_of(root, here / "s"))
        before = fingerprint(root)
        if after == files:
            with pytest.raises(EditError):
                asyncio.run(make_patch(snapshot, changes, origin="test"))
            return
        patch = asyncio.run(make_patch(snapshot, changes, origin="test"))
        tree = asyncio.run(apply_patch(snapshot, patch.diff, here / "layer"))
        layered = {path: data for path, data in files.items() if path not in tree.removed}
        assert {**layered, **read_files(here / "layer")} == after
        assert git_applied(files, patch.diff, here / "scratch") == after
        assert fingerprint(root) == before
        assert asyncio.run(apply_to_user_tree(root, snapshot, patch, here / "state")) == patch.files
        assert read_files(root) == after
        asyncio.run(rollback_apply(here / "state"))
        assert fingerprint(root, times=False) == {path: value[:4] for path, value in before.items()}


@given(
    st.binary(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.text(max_size=5)), max_size=4)
)
@settings(deadline=None, derandomize=True)
def test_edits_replace_exactly_their_spans(data: bytes, spans: list[tuple[int, int, str]]) -> None:
    edits = [Edit(path="a", start=min(a, b), end=max(a, b), text=text) for a, b, text in spans]
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    apart = all(first.end <= second.start for first, second in pairwise(ordered))
    inside = all(edit.end <= len(data) for edit in edits)
    if not (apart and inside):
        with pytest.raises(EditError):
            apply_edits(data, edits)
        return
    result = apply_edits(data, edits)
    for edit in reversed(ordered):  # undo from the end, where offsets do not move
        shift = sum(len(e.text.encode()) - (e.end - e.start) for e in ordered[: ordered.index(edit)])
        start, new = edit.start + shift, edit.text.encode()
        assert result[start : start + len(new)] == new
        result = result[:start] + data[edit.start : edit.end] + result[start + len(new) :]
    assert result == data


@given(st.text(st.sampled_from("ab./\\:~ \0\n\u200cgitGIT"), max_size=20))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_a_path_that_is_accepted_stays_inside_and_out_of_version_control(path: str) -> None:
    try:
        safe = safe_path(path)
    except EditError:
        return
    assert not safe.is_absolute()
    assert safe.parts
    assert ".." not in safe.parts
    plain = [part.replace("\u200c", "").rstrip(". ").casefold() for part in safe.parts]
    assert ".git" not in plain
    assert safe_path(str(safe)) == safe


LINES = st.sampled_from(
    [
        "diff --git a/{0} b/{1}", "--- a/{0}", "+++ b/{1}", "--- /dev/null", "+++ /dev/null", "new file mode 100644",
        "new file mode 120000", "deleted file mode 100644", "old mode 100644", "new mode 104755", "rename from {0}",
        "rename to {1}", "copy from {0}", "copy to {1}", "similarity index 100%", "GIT binary patch", "@@ -1 +1 @@",
        "@@ -0,0 +1 @@", "-one", "+two", " one", "", "\\ No newline at end of file",
    ]
)  # fmt: skip
SECTIONS = st.sampled_from(
    [
        "--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-one\n+two",
        "diff --git a/{0} b/{0}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x",
        "diff --git a/{0} b/{0}\nnew file mode 120000\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+/etc",
        "diff --git a/{0} b/{0}\ndeleted file mode 100644\n--- a/{0}\n+++ /dev/null\n@@ -1 +0,0 @@\n-one",
        "diff --git a/{0} b/{1}\nsimilarity index 100%\nrename from {0}\nrename to {1}",
        "diff --git a/{0} b/{1}\nsimilarity index 100%\ncopy from {0}\ncopy to {1}",
        "diff --git a/{0} b/{0}\nold mode 100644\nnew mode 100755",
        "diff --git a/{0} b/{1}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x",
    ]
)
TARGETS = st.sampled_from(
    [
        "a.py",
        "link/x",
        "link",
        "../out",
        "/etc/x",
        ".git/config",
        "sub/.GIT/x",
        "new",
        "d/b.py",
        '"a.py"',
        "d",
        "a.py/x",
    ]
    + ["a.py", "d/b.py", "new", "d/new", "new/x"] * 3
)
HOSTILE_DIFFS = st.lists(st.tuples(SECTIONS, TARGETS, TARGETS), min_size=1, max_size=3) | st.lists(
    st.tuples(LINES, TARGETS, TARGETS), min_size=1, max_size=12
)


@settings(quick, max_examples=100)
@given(HOSTILE_DIFFS)
def test_no_text_of_a_diff_makes_anything_outside_the_layer(parts: list[tuple[str, str, str]]) -> None:
    diff = "".join(part.format(old, new) + "\n" for part, old, new in parts)
    with folder() as here:
        write_files(here, {"r/a.py": b"one\n", "r/d/b.py": b"one\n", "outside/x": b"x"})
        (here / "r/link").symlink_to(here / "outside")
        snapshot = asyncio.run(snapshot_of(here / "r", here / "s"))
        before = {path: value for path, value in fingerprint(here).items() if path != "."}
        try:
            tree = asyncio.run(apply_patch(snapshot, diff, here / "layer"))
        except PatchDoesNotApply:
            assert not (here / "layer").exists()
        else:
            changed = {path.relative_to(here / "layer").as_posix(): path for path in (here / "layer").rglob("*")}
            assert changed or tree.removed
            for relative, path in changed.items():
                assert str(safe_path(relative)) == relative
                assert path.is_dir() or path.is_file()
                assert not path.is_symlink()
                assert relative.partition("/")[0] != "link"
            files = {relative for relative, path in changed.items() if path.is_file()}
            assert files | set(tree.removed) <= set(patch_files(diff))
        left = {path: value for path, value in fingerprint(here).items() if path.split("/")[0] not in (".", "layer")}
        assert left == before
