"""A repository whose git configuration, hooks and attributes start programs: ours never do, the user's git does.

Each planted command leaves a mark. The positive controls run plain git in the same tree and see the marks.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from covey.core.errors import AgentFeedback
from covey.workspace.apply import apply_to_user_tree, recover_apply, rollback_apply
from covey.workspace.diff import apply_patch, make_patch
from covey.workspace.git import run_git
from covey.workspace.head import read_head
from covey.workspace.layers import write_layer
from covey.workspace.snapshot import load_snapshot, take_snapshot, verify_snapshot
from support_workspace import fingerprint, git, read_files, write_files


class Trap:
    """A repository in which nearly everything that git does starts a planted program."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "r"
        self.marks = folder / "marks"
        self.marks.mkdir()
        write_files(self.root, {"a.py": "one\n", "b.txt": "two\n", "note.secret": "three\n"})
        git(self.root, "init", "-q", "-b", "main")
        git(self.root, "add", ".")
        git(self.root, "commit", "-qm", "one")
        for hook in ("pre-commit", "post-checkout", "post-index-change", "pre-applypatch", "reference-transaction"):
            self._program(self.root / ".git/hooks" / hook, "hook")
        self._program(self.root / "planted/hooks/post-index-change", "hooks-path")
        for name in ("fsmonitor", "filter", "textconv", "external", "ssh", "pager", "editor", "credential", "merge"):
            self._program(self.root / "planted" / name, name)
        planted = self.root / "planted"
        write_files(
            self.root,
            {
                ".gitattributes": "*.py filter=evil diff=evil merge=evil\n*.txt diff=outer\n*.secret diff=evil\n",
                ".git/info/attributes": "* filter=evil\n",
                "planted/included.config": f'[filter "evil"]\nclean = {planted}/filter\nsmudge = {planted}/filter\n',
            },
        )
        with (self.root / ".git/config").open("a") as config:
            config.write(
                f"[core]\n\tfsmonitor = {planted}/fsmonitor\n\thooksPath = {planted}/hooks\n"
                f"\tsshCommand = {planted}/ssh\n\tpager = {planted}/pager\n\teditor = {planted}/editor\n"
                f"\tattributesFile = {self.root}/.gitattributes\n"
                f'[diff "evil"]\n\ttextconv = {planted}/textconv\n[diff "outer"]\n\tcommand = {planted}/external\n'
                f'[merge "evil"]\n\tdriver = {planted}/merge\n'
                f"[credential]\n\thelper = {planted}/credential\n"
                f"[include]\n\tpath = {planted}/included.config\n"
                f"[alias]\n\tapply = !{planted}/editor\n"
            )
        write_files(self.root, {"a.py": "changed\n", "b.txt": "changed\n", "note.secret": "changed\n"})

    def _program(self, path: Path, mark: str) -> None:
        """Plant a program that leaves a mark and then passes its input on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\ntouch {self.marks}/{mark}\n[ $# -gt 0 ] && [ -f "$1" ] && cat "$1" || cat\n')
        path.chmod(0o755)

    def sprung(self) -> set[str]:
        """Return which programs were started, and forget them."""
        found = {path.name for path in self.marks.iterdir()}
        for path in self.marks.iterdir():
            path.unlink()
        return found


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    found = Trap(tmp_path)
    found.sprung()
    return found


@pytest.mark.parametrize(
    ("command", "marks"),
    [
        (["status"], {"fsmonitor", "hooks-path"}),
        (["diff"], {"textconv", "external"}),
        (["add", "a.py"], {"filter", "hooks-path"}),
        (["-c", "core.hooksPath=.git/hooks", "commit", "-qam", "x"], {"hook"}),
    ],
)
def test_control_plain_git_in_that_tree_starts_the_planted_programs(
    trap: Trap, command: list[str], marks: set[str]
) -> None:
    git(trap.root, *command, check=False)
    assert marks <= trap.sprung()


async def everything(root: Path, folder: Path) -> None:
    """Use every public function of the workspace on ``root``."""
    read_head(root)
    snapshot = await take_snapshot(root, folder / "s", owner=None)
    assert snapshot.head is not None
    assert await verify_snapshot(load_snapshot(folder / "s")) == ()
    changes: dict[str, bytes | None] = {
        "a.py": b"mended\n",
        "b.txt": b"\xff",
        "note.secret": None,
        "new.py": b"n\n",
        ".gitattributes": b"* filter=evil text eol=crlf ident\n",
    }
    await write_layer(folder / "layer", snapshot, changes)
    patch = await make_patch(snapshot, changes, origin="test")
    await apply_patch(snapshot, patch.diff, folder / "applied")
    before = read_files(root)
    await apply_to_user_tree(root, snapshot, patch, folder / "state")
    after = read_files(root)
    assert {path: after.get(path) for path in changes} == changes
    await recover_apply(folder / "state")
    await rollback_apply(folder / "state")
    assert read_files(root) == before


async def test_nothing_of_ours_starts_what_the_tree_planted(trap: Trap, tmp_path: Path) -> None:
    history = fingerprint(trap.root / ".git")
    await everything(trap.root, tmp_path / "work")
    assert trap.sprung() == set()
    assert fingerprint(trap.root / ".git") == history


async def test_nor_when_covey_is_started_inside_that_tree(
    trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trap.root)
    await everything(trap.root, tmp_path / "work")
    await everything(Path(), tmp_path / "again")
    assert trap.sprung() == set()


async def test_nor_when_covey_works_inside_that_tree(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = trap.root / "covey-out"
    inside.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(inside))
    trap.sprung()
    git(inside, "status", check=False)
    assert "fsmonitor" in trap.sprung()  # git in that folder would find the repository around it
    snapshot = await take_snapshot(trap.root, inside / "s", owner=None)
    patch = await make_patch(snapshot, {"a.py": b"x\n", "b.txt": b"\xff"}, origin="test")
    await apply_patch(snapshot, patch.diff, inside / "applied")
    assert trap.sprung() == set()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GIT_DIR", "r/.git"),
        ("GIT_EXTERNAL_DIFF", "r/planted/external"),
        ("GIT_CONFIG_GLOBAL", "r/.git/config"),
        ("GIT_CONFIG_SYSTEM", "r/.git/config"),
        ("GIT_PAGER", "r/planted/pager"),
        ("HOME", "fake-home"),
    ],
)
async def test_nor_by_the_environment_that_covey_was_started_with(
    trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    (trap.root.parent / "fake-home").mkdir()
    shutil.copy(trap.root / ".git/config", trap.root.parent / "fake-home/.gitconfig")
    monkeypatch.setenv(variable, str(tmp_path / value))
    await everything(trap.root, tmp_path / "work")
    assert trap.sprung() == set()


async def test_a_planted_attributes_file_does_not_change_what_a_patch_writes(trap: Trap, tmp_path: Path) -> None:
    snapshot = await take_snapshot(trap.root, tmp_path / "s", owner=None)
    attributes = b"* text eol=crlf working-tree-encoding=UTF-16 ident whitespace=fix\n"
    changes: dict[str, bytes | None] = {".gitattributes": attributes, "a.py": b"$Id$ \t\nplain\n"}
    patch = await make_patch(snapshot, changes, origin="test")
    await apply_patch(snapshot, patch.diff, tmp_path / "applied")
    assert read_files(tmp_path / "applied") == changes


async def test_a_repository_hidden_in_the_snapshot_is_not_found_by_git(trap: Trap, tmp_path: Path) -> None:
    snapshot = await take_snapshot(trap.root, tmp_path / "s", owner=None)
    shutil.copytree(trap.root / ".git", tmp_path / "s/base/.git")  # as if something had planted it there
    patch = await make_patch(snapshot, {"a.py": b"x\n"}, origin="test")
    await apply_patch(snapshot, patch.diff, tmp_path / "applied")
    found = run_git(["rev-parse", "--git-dir"], cwd=Path(snapshot.base))
    assert found.status != 0
    assert trap.sprung() == set()


@pytest.mark.parametrize(
    "path",
    [".git/hooks/pre-commit", ".git/config", "planted/../.git/config", ".GIT/config", "sub/.git/hooks/x", ".git"],
)
async def test_no_patch_or_layer_can_plant_anything_into_version_control(trap: Trap, tmp_path: Path, path: str) -> None:
    snapshot = await take_snapshot(trap.root, tmp_path / "s", owner=None)
    diff = f"diff --git a/{path} b/{path}\nnew file mode 100755\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(AgentFeedback):
        await write_layer(tmp_path / "layer", snapshot, {path: b"x"})
    with pytest.raises(AgentFeedback):
        await apply_patch(snapshot, diff, tmp_path / "layer")
    with pytest.raises(AgentFeedback):
        await make_patch(snapshot, {path: b"x"}, origin="test")
