from __future__ import annotations

import asyncio
import fcntl
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from covey.core.errors import PatchDoesNotApply, RunError, UnusableInput
from covey.core.patch import Patch
from covey.workspace.apply import Recovery, apply_to_user_tree, recover_apply, rollback_apply
from covey.workspace.diff import make_patch
from covey.workspace.journal import JournalFolder
from covey.workspace.snapshot import Snapshot
from support_workspace import fingerprint, git, read_files, snapshot_of, write_files

pytestmark = pytest.mark.requirement("E3")

FILES = {"a.py": b"one\r\n", "pkg/b.py": b"two\n", "gone.py": b"bye", "data.bin": b"\x00\xff", "idle.py": b"idle\n"}
CHANGES: dict[str, bytes | None] = {
    "a.py": b"1\r\n",
    "pkg/b.py": b"2",
    "gone.py": None,
    "data.bin": b"\xff\x00",
    "new/deep/n.py": b"n\n",
    "pkg/m.py": b"m\n",
}
AFTER = {path: data for path, data in {**FILES, **CHANGES}.items() if data is not None}


def no_hook(phrase: str) -> None:
    """Do nothing."""


@dataclass
class Scene:
    """A user's repository, its snapshot, and a patch for it."""

    root: Path
    snapshot: Snapshot
    patch: Patch
    state: Path

    async def apply(self, hook: Callable[[str], None] = no_hook) -> tuple[str, ...]:
        return await apply_to_user_tree(self.root, self.snapshot, self.patch, self.state, hook=hook)

    def contents(self) -> dict[str, bytes]:
        return read_files(self.root)


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    root = write_files(tmp_path / "r", FILES)
    (root / "a.py").chmod(0o640)
    (root / "link.py").symlink_to("a.py")
    snapshot = await snapshot_of(root, tmp_path / "s")
    patch = await make_patch(snapshot, CHANGES, origin="test")
    return Scene(root, snapshot, patch, tmp_path / "state")


class Trouble(Exception):
    """Injected."""


def failing_at(phrase: str) -> Callable[[str], None]:
    def hook(now: str) -> None:
        if now == phrase:
            raise Trouble(now)

    return hook


async def test_the_patch_is_written_and_nothing_else_is_touched(scene: Scene) -> None:
    before = fingerprint(scene.root)
    assert await scene.apply() == tuple(sorted(CHANGES))
    assert scene.contents() == AFTER
    after = fingerprint(scene.root)
    assert {path for path in before if after.get(path) != before[path]} == {
        ".", "pkg", "a.py", "pkg/b.py", "gone.py", "data.bin",
    }  # fmt: skip
    assert after["idle.py"] == before["idle.py"]
    assert stat.S_IMODE((scene.root / "a.py").stat().st_mode) == 0o640


async def test_rolling_back_gives_every_byte_and_time_back(scene: Scene) -> None:
    def look() -> dict[str, tuple[object, ...]]:
        files = [path for path in scene.root.rglob("*") if not path.is_dir()]
        times = {str(path): (path.lstat().st_mtime_ns,) for path in files}
        return {**fingerprint(scene.root, times=False), **times}

    before = look()
    await scene.apply()
    assert await rollback_apply(scene.state) == tuple(sorted(CHANGES))
    assert look() == before
    with pytest.raises(UnusableInput, match="nothing to roll back"):
        await rollback_apply(scene.state)
    await scene.apply()
    assert scene.contents() == AFTER


async def test_applying_twice_is_applying_once(scene: Scene) -> None:
    await scene.apply()
    before = fingerprint(scene.root)
    assert await scene.apply() == tuple(sorted(CHANGES))
    assert fingerprint(scene.root) == before
    assert await recover_apply(scene.state) == Recovery(outcome="applied", files=tuple(sorted(CHANGES)))


async def test_a_second_patch_waits_until_the_first_is_rolled_back(scene: Scene) -> None:
    other = await make_patch(scene.snapshot, {"idle.py": b"busy\n"}, origin="test")
    await scene.apply()
    with pytest.raises(PatchDoesNotApply, match="roll it back"):
        await apply_to_user_tree(scene.root, scene.snapshot, other, scene.state)


# ------------------------------------------------------------------------------------ files the user changed meanwhile


def edit_file(root: Path) -> None:
    (root / "pkg/b.py").write_bytes(b"edited\n")


def remove_file(root: Path) -> None:
    (root / "pkg/b.py").unlink()


def link_file(root: Path) -> None:
    (root / "pkg/b.py").rename(root / "pkg/real.py")
    (root / "pkg/b.py").symlink_to("real.py")


def link_folder(root: Path) -> None:
    (root / "pkg").rename(root / "real")
    (root / "pkg").symlink_to("real")


def create_file(root: Path) -> None:
    write_files(root, {"new/deep/n.py": b"mine"})


def create_folder(root: Path) -> None:
    (root / "pkg/m.py").mkdir()


def create_pipe(root: Path) -> None:
    os.mkfifo(root / "pkg/m.py")


def block_folder(root: Path) -> None:
    (root / "new").write_text("mine")


def link_outside(root: Path) -> None:
    (root.parent / "outside").mkdir()
    (root / "new").symlink_to(root.parent / "outside")


def recreate_gone(root: Path) -> None:
    (root / "gone.py").write_bytes(b"bye!")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (edit_file, "pkg/b.py was edited"),
        (remove_file, "pkg/b.py was removed"),
        (link_file, "pkg/b.py is not a plain file"),
        (link_folder, "pkg/b.py is not a plain file"),
        (create_file, "new/deep/n.py is there already"),
        (create_folder, "pkg/m.py is not a plain file"),
        (create_pipe, "pkg/m.py is not a plain file"),
        (block_folder, "new/deep/n.py is not a plain file"),
        (link_outside, "new/deep/n.py is not a plain file"),
        (recreate_gone, "gone.py was edited"),
    ],
)
async def test_nothing_is_written_when_a_touched_file_changed(
    scene: Scene, change: Callable[[Path], None], named: str
) -> None:
    change(scene.root)
    before = fingerprint(scene.root.parent)
    with pytest.raises(PatchDoesNotApply, match=named):
        await scene.apply()
    after = fingerprint(scene.root.parent)
    after = {path: value for path, value in after.items() if not path.startswith("state")}
    assert {path for path in before if after[path] != before[path]} <= {"."}
    assert after.keys() == before.keys()
    assert await recover_apply(scene.state) == Recovery(outcome="nothing")


async def test_edits_elsewhere_do_not_stand_in_the_way(scene: Scene) -> None:
    write_files(scene.root, {"idle.py": b"edited\n", "other.py": b"mine\n"})
    (scene.root / "a.py").chmod(0o755)
    await scene.apply()
    assert scene.contents() == {**AFTER, "idle.py": b"edited\n", "other.py": b"mine\n"}
    assert stat.S_IMODE((scene.root / "a.py").stat().st_mode) == 0o755


async def test_an_edit_in_the_last_moment_is_kept_and_everything_else_undone(scene: Scene) -> None:
    def hook(phrase: str) -> None:
        if phrase == "replace pkg/b.py":
            (scene.root / "pkg/b.py").write_bytes(b"edited in the last moment\n")

    with pytest.raises(PatchDoesNotApply, match=r"pkg/b\.py was edited just now"):
        await scene.apply(hook)
    assert scene.contents() == {**FILES, "pkg/b.py": b"edited in the last moment\n"}
    assert await recover_apply(scene.state) == Recovery(outcome="nothing")


async def test_a_patch_for_another_version_or_folder_is_refused(scene: Scene, tmp_path: Path) -> None:
    other_root = write_files(tmp_path / "other", FILES)
    stranger = scene.patch.model_copy(update={"base": "0" * 64})
    for root, patch in ((other_root, scene.patch), (scene.root, stranger)):
        with pytest.raises(PatchDoesNotApply, match="another version"):
            await apply_to_user_tree(root, scene.snapshot, patch, scene.state)
    assert read_files(other_root) == FILES


async def test_a_hostile_patch_never_reaches_the_user_tree(scene: Scene) -> None:
    hook = ".git/hooks/x"
    diff = f"diff --git a/{hook} b/{hook}\nnew file mode 100755\n--- /dev/null\n+++ b/{hook}\n@@ -0,0 +1 @@\n+x\n"
    before = fingerprint(scene.root)
    for text in (diff, diff.replace(hook, "../x"), diff.replace(hook, "link.py/x")):
        with pytest.raises(PatchDoesNotApply):
            await apply_to_user_tree(
                scene.root, scene.snapshot, scene.patch.model_copy(update={"diff": text}), scene.state
            )
    assert fingerprint(scene.root) == before


# ---------------------------------------------------------------------------------------------- trouble on the way


async def phrases_of(scene: Scene) -> list[str]:
    phrases: list[str] = []
    await scene.apply(phrases.append)
    await rollback_apply(scene.state)
    return phrases


async def test_trouble_at_any_point_leaves_the_tree_as_it_was(scene: Scene) -> None:
    phrases = await phrases_of(scene)
    assert len(phrases) > 15
    for phrase in phrases:
        with pytest.raises(Trouble):
            await scene.apply(failing_at(phrase))
        assert scene.contents() == FILES, phrase
        assert await recover_apply(scene.state) == Recovery(outcome="nothing"), phrase


async def test_a_write_error_is_told_with_nothing_changed(scene: Scene) -> None:
    def hook(phrase: str) -> None:
        if phrase == "prepare pkg/b.py":
            raise OSError(28, "No space left on device")

    before = fingerprint(scene.root, times=False)
    with pytest.raises(RunError, match=r"No space left.*Nothing was changed"):
        await scene.apply(hook)
    assert fingerprint(scene.root, times=False) == before


async def test_a_place_for_the_journal_that_cannot_be_written_is_told_before_anything_is_touched(scene: Scene) -> None:
    before = fingerprint(scene.root)
    scene.state.write_text("in the way")
    with pytest.raises(RunError):
        await scene.apply()
    assert fingerprint(scene.root) == before


async def test_a_cancelled_application_still_comes_to_its_end(scene: Scene) -> None:
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hook(_: str) -> None:
        loop.call_soon_threadsafe(started.set)

    task = asyncio.ensure_future(scene.apply(hook))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.contents() == AFTER
    assert (await recover_apply(scene.state)).outcome == "applied"


async def test_two_coveys_do_not_write_at_once(scene: Scene) -> None:
    before = fingerprint(scene.root)
    handle = os.open(scene.root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(RunError, match="another Covey"):
            await scene.apply()
    finally:
        os.close(handle)
    assert fingerprint(scene.root) == before
    await scene.apply()


# ---------------------------------------------------------------------------------------------- rollback and recovery


async def test_a_file_edited_after_the_patch_is_not_rolled_back(scene: Scene) -> None:
    await scene.apply()
    (scene.root / "a.py").write_bytes(b"edited\n")
    before = fingerprint(scene.root)
    with pytest.raises(PatchDoesNotApply, match=r"a\.py was edited since"):
        await rollback_apply(scene.state)
    assert fingerprint(scene.root) == before
    (scene.root / "a.py").write_bytes(CHANGES["a.py"] or b"")
    await rollback_apply(scene.state)
    assert scene.contents() == FILES


async def test_recovery_leaves_a_file_that_was_edited_since_and_says_where_the_old_bytes_are(scene: Scene) -> None:
    journals = JournalFolder(scene.state)
    await scene.apply()
    journal = journals.load()
    assert journal is not None
    journals.save(journal.model_copy(update={"phase": "applying"}))  # as if killed right before the end
    (scene.root / "a.py").write_bytes(b"edited\n")
    recovery = await recover_apply(scene.state)
    assert recovery.outcome == "restored"
    assert len(recovery.conflicts) == 1
    assert recovery.conflicts[0].startswith("a.py was edited since and left alone")
    kept = Path(recovery.conflicts[0].rpartition(" ")[2].rstrip("."))
    assert kept.read_bytes() == FILES["a.py"]
    assert scene.contents() == {**FILES, "a.py": b"edited\n"}
    assert await recover_apply(scene.state) == recovery
    with pytest.raises(PatchDoesNotApply, match="cannot be undone"):
        await scene.apply()
    (scene.root / "a.py").write_bytes(FILES["a.py"])
    (scene.root / "a.py").chmod(0o640)
    assert (await recover_apply(scene.state)).conflicts == ()
    await scene.apply()


async def test_damaged_bytes_are_not_written_back(scene: Scene) -> None:
    await scene.apply()
    for kept in (scene.state / "before").iterdir():
        kept.write_bytes(b"damaged")
    with pytest.raises(RunError, match="damaged"):
        await rollback_apply(scene.state)
    assert b"damaged" not in scene.contents().values()


async def test_an_unreadable_journal_is_told_and_nothing_is_guessed(scene: Scene) -> None:
    await scene.apply()
    (scene.state / "journal.json").write_text("{")
    before = fingerprint(scene.root)
    for attempt in (recover_apply(scene.state), rollback_apply(scene.state), scene.apply()):
        with pytest.raises(RunError, match="cannot be read"):
            await attempt
    assert fingerprint(scene.root) == before


async def test_recovery_without_an_application_does_nothing(tmp_path: Path) -> None:
    assert await recover_apply(tmp_path / "none") == Recovery(outcome="nothing")
    assert not (tmp_path / "none").exists()


# ------------------------------------------------------------------------------------------------ modes, owners, links


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
async def test_owner_group_and_attributes_of_the_user_are_kept(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": b"one\n", "pkg/b.py": b"two\n"})
    os.chown(root / "a.py", 1234, 2345)
    os.chown(root / "pkg", 3456, 4567)
    (root / "a.py").chmod(0o604)
    os.setxattr(root / "a.py", "user.note", b"keep me")
    snapshot = await snapshot_of(root, tmp_path / "s")
    patch = await make_patch(snapshot, {"a.py": b"1\n", "pkg/new/n.py": b"n\n"}, origin="test")
    await apply_to_user_tree(root, snapshot, patch, tmp_path / "state")
    status = (root / "a.py").stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 2345, 0o604)
    assert os.getxattr(root / "a.py", "user.note") == b"keep me"
    for made in (root / "pkg/new", root / "pkg/new/n.py"):
        assert (made.stat().st_uid, made.stat().st_gid) == (3456, 4567)


async def test_the_executable_bit_of_a_patch_is_applied_and_rolled_back(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"run.sh": b"x\n", "idle": b"x"})
    (root / "run.sh").chmod(0o644)
    snapshot = await snapshot_of(root, tmp_path / "s")
    patch = await make_patch(snapshot, {"run.sh": b"y\n"}, origin="test")
    diff = patch.diff.replace("index ", "old mode 100644\nnew mode 100755\nindex ").replace(" 100644\n---", "\n---")
    await apply_to_user_tree(root, snapshot, patch.model_copy(update={"diff": diff}), tmp_path / "state")
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o755
    await rollback_apply(tmp_path / "state")
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o644
    assert (root / "run.sh").read_bytes() == b"x\n"


async def test_a_hard_linked_cache_is_not_written_through(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": b"one\n"})
    os.link(root / "a.py", tmp_path / "cache")
    snapshot = await snapshot_of(root, tmp_path / "s")
    patch = await make_patch(snapshot, {"a.py": b"1\n"}, origin="test")
    await apply_to_user_tree(root, snapshot, patch, tmp_path / "state")
    assert (tmp_path / "cache").read_bytes() == b"one\n"


async def test_a_dirty_git_tree_keeps_its_index_and_its_other_changes(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": b"one\n", "b.py": b"two\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    write_files(root, {"b.py": b"dirty\n", "new.py": b"new\n", "staged.py": b"s\n"})
    git(root, "add", "staged.py")
    (root / ".git" / "index.lock").write_text("somebody's")
    snapshot = await snapshot_of(root, tmp_path / "s")
    patch = await make_patch(snapshot, {"a.py": b"1\n"}, origin="test")
    history = fingerprint(root / ".git")
    await apply_to_user_tree(root, snapshot, patch, tmp_path / "state")
    assert fingerprint(root / ".git") == history
    assert read_files(root) == {"a.py": b"1\n", "b.py": b"dirty\n", "new.py": b"new\n", "staged.py": b"s\n"}
    assert (root / ".git" / "index.lock").read_text() == "somebody's"
