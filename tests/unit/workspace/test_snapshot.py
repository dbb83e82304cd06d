from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.core.errors import RunError, StoreFull, UnusableInput
from covey.workspace.files import remove_tree, storage_error
from covey.workspace.manifest import FILE, FOLDER, LINK
from covey.workspace.snapshot import hash_tree, load_snapshot, take_snapshot, verify_snapshot
from covey.workspace.sources import SourceFiles
from support_workspace import fingerprint, git, snapshot_of, write_files

pytestmark = pytest.mark.requirement("E3")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
NOBODY = 65534


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach, whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="covey-test-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    remove_tree(folder)


@pytest.fixture
def ordinary_user(public_folder: Path) -> Iterator[Path]:
    """Be an ordinary user, for whom permission bits count; yields a folder of theirs."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    yield public_folder
    if was_root:
        os.seteuid(0)


# ------------------------------------------------------------------------------------------- what is copied, and how


async def test_every_byte_link_and_permission_bit_arrives(tmp_path: Path) -> None:
    root = write_files(
        tmp_path / "r",
        {
            "crlf.py": b"a\r\nb\rc\n",
            "bom.py": b"\xef\xbb\xbfx = 1\n",
            "latin.py": "# coding: latin-1\ns = 'é'\n".encode("latin-1"),
            "data.bin": bytes(range(256)) * 300,
            "empty": b"",
            "run.sh": "#!/bin/sh\n",
            "generated/_version.py": "v = 1\n",
            ".gitignore": "generated\n",
            "native.so": b"\x7fELF",
            "pkg.egg-info/entry_points.txt": "x",
        },
    )
    (root / "hollow").mkdir()
    (root / "run.sh").chmod(0o751)
    (root / "crlf.py").chmod(0o440)
    for name, target in {
        "inside": "crlf.py",
        "folder": "generated",
        "dangling": "nowhere",
        "loop": "loop",
        "absolute": str(root / "empty"),
    }.items():
        (root / name).symlink_to(target)
    os.link(root / "bom.py", root / "hard.py")
    before = fingerprint(root)
    snapshot = await snapshot_of(root, tmp_path / "s")
    assert fingerprint(Path(snapshot.base), times=False) == fingerprint(root, times=False)
    assert fingerprint(root) == before
    assert snapshot.files == 16
    assert snapshot.notes == ()
    assert (Path(snapshot.base) / "bom.py").stat().st_nlink == 1


async def test_special_permission_bits_are_not_copied(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"tool": "x", "d/f": "y"})
    (root / "tool").chmod(0o6755)
    (root / "d").chmod(0o3777)
    snapshot = await snapshot_of(root, tmp_path / "s")
    assert stat.S_IMODE((root / "tool").stat().st_mode) == 0o6755
    assert stat.S_IMODE((Path(snapshot.base) / "tool").stat().st_mode) == 0o755
    assert stat.S_IMODE((Path(snapshot.base) / "d").stat().st_mode) == 0o777


async def test_version_control_environments_and_caches_are_left_out_and_named(tmp_path: Path) -> None:
    left_out = {
        ".git/config": "x",
        "vendor/lib/.git": "gitdir: elsewhere",
        "odd/.GIT/hooks/x": "x",
        ".hg/store": "x",
        "myenv/pyvenv.cfg": "home = /usr",
        "myenv/lib/x.py": "x",
        "conda/conda-meta/history": "x",
        "web/node_modules/a/i.js": "x",
        "src/__pycache__/a.pyc": "x",
        "src/b.pyc": "x",
        ".tox/x": "x",
        ".pytest_cache/x": "x",
        "private/out/x": "x",
    }
    kept = {"src/a.py": "x", "vendor/lib/m.py": "x", ".gitattributes": "x", ".github/ci.yml": "x"}
    root = write_files(tmp_path / "r", {**left_out, **kept})
    snapshot = await take_snapshot(root, tmp_path / "s", owner=None, exclude=[root / "private/out"])
    assert {path for path, entry in snapshot.manifest.items() if entry.kind == FILE} == set(kept)
    assert snapshot.notes == (
        "Left out, excluded: private/out.",
        "Left out, version control: .git, .hg, odd/.GIT and 1 more.",
        "Left out, virtual environments: conda, myenv.",
        "Left out, node_modules: web/node_modules.",
        "Left out, caches: .pytest_cache, .tox, src/__pycache__ and 1 more.",
    )


async def test_pipes_sockets_and_huge_files_are_left_out_and_named(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    os.mkfifo(root / "pipe")
    with (root / "huge.bin").open("wb") as file:
        file.truncate(100 << 20)  # sparse
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")  # the full path may be too long for a socket
        os.close(here)
        snapshot = await take_snapshot(root, tmp_path / "s", owner=None, max_file_bytes=50 << 20)
    assert set(snapshot.manifest) == {".", "a.py"}
    assert snapshot.notes == (
        "Left out, above the size limit for one file: huge.bin.",
        "Left out, neither files, folders nor links (pipes, sockets, devices): pipe, socket.",
    )


async def test_a_100_mb_file_is_copied_whole_and_kept_from_the_sources(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    with (root / "big.bin").open("wb") as file:
        file.truncate(100 << 20)
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    snapshot = await snapshot_of(root, tmp_path / "s")
    assert snapshot.manifest["big.bin"].size == 100 << 20
    assert await verify_snapshot(snapshot) == ()
    assert list(SourceFiles(snapshot)) == ["a.py"]


async def test_names_that_are_not_utf8_round_trip(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"ok.py": "x"})
    (root / os.fsdecode(b"\xff\xfe.py")).write_bytes(b"raw")
    (root / "line\nend.py").write_bytes(b"raw")
    snapshot = await snapshot_of(root, tmp_path / "s")
    copies = sorted(os.fsencode(path.name) for path in Path(snapshot.base).iterdir())
    assert copies == [b"line\nend.py", b"ok.py", b"\xff\xfe.py"]
    assert load_snapshot(tmp_path / "s") == snapshot
    assert await verify_snapshot(snapshot) == ()
    assert list(SourceFiles(snapshot)) == ["ok.py"]
    assert snapshot.notes == ("Names that are not valid UTF-8, kept but never edited: \\xff\\xfe.py.",)
    snapshot.model_dump_json()


async def test_links_that_lead_out_of_the_folder_are_named(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a/b.py": "x"})
    (root / "a/up").symlink_to("../../secret")
    (root / "abs").symlink_to("/etc/passwd")
    (root / "a/fine").symlink_to("../a/b.py")
    snapshot = await snapshot_of(root, tmp_path / "s")
    assert [note for note in snapshot.notes if "a/up, abs" in note]
    assert not (Path(snapshot.base) / "abs").is_file() or (Path(snapshot.base) / "abs").is_symlink()


@as_root
async def test_files_belong_to_the_uid_that_the_sandbox_runs_as(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"d/f": "x"})
    (root / "l").symlink_to("d/f")
    snapshot = await take_snapshot(root, tmp_path / "s", owner=NOBODY)
    base = Path(snapshot.base)
    assert {path.lstat().st_uid for path in (base, base / "d", base / "d/f", base / "l")} == {NOBODY}
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert (tmp_path / "s").stat().st_uid == 0


async def test_unreadable_and_read_only_files_and_folders(ordinary_user: Path) -> None:
    root = write_files(ordinary_user / "r", {"a.py": "x", "secret": "x", "shut/x": "x", "fixed/y": "y"})
    (root / "secret").chmod(0)
    (root / "shut").chmod(0)
    (root / "a.py").chmod(0o444)
    (root / "fixed").chmod(0o555)
    snapshot = await take_snapshot(root, ordinary_user / "s", owner=None)
    assert set(snapshot.manifest) == {".", "a.py", "fixed", "fixed/y"}
    assert snapshot.notes == ("Left out, unreadable: secret, shut.",)
    assert stat.S_IMODE((Path(snapshot.base) / "fixed").stat().st_mode) == 0o555
    assert await take_snapshot(root, ordinary_user / "s", owner=None) == snapshot
    for folder in (root / "fixed", root / "shut", Path(snapshot.base) / "fixed"):
        folder.chmod(0o755)


# ----------------------------------------------------------------------------------------------- every kind of tree


@pytest.mark.parametrize("dirty", [False, True])
async def test_a_git_tree_is_taken_as_it_stands_and_left_as_it_was(tmp_path: Path, dirty: bool) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x = 1\n", "b.py": "y = 1\n", ".gitignore": "*.log\n"})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    if dirty:
        write_files(root, {"a.py": "x = 2\n", "new.py": "z = 1\n", "ignored.log": "log"})
        (root / "b.py").unlink()
        git(root, "add", "new.py")
    before = fingerprint(root)
    snapshot = await snapshot_of(root, tmp_path / "s")
    assert fingerprint(root) == before
    assert snapshot.head == git(root, "rev-parse", "HEAD").strip()
    assert snapshot.branch == "main"
    present = {path.name for path in root.iterdir()} - {".git"}
    assert set(snapshot.manifest) - {"."} == present
    assert SourceFiles(snapshot)["a.py"] == (b"x = 2\n" if dirty else b"x = 1\n")


async def test_worktrees_submodules_and_nested_repositories_lose_only_their_history(tmp_path: Path) -> None:
    inner = write_files(tmp_path / "inner", {"lib.py": "l\n"})
    outer = write_files(tmp_path / "outer", {"app.py": "a\n"})
    for root in (inner, outer):
        git(root, "init", "-q")
        git(root, "add", ".")
        git(root, "commit", "-qm", "one")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    git(outer, "commit", "-qm", "two")
    git(outer, "worktree", "add", "-q", str(tmp_path / "tree"))
    shutil.copytree(inner, tmp_path / "tree" / "nested")
    for root, files in (
        (outer, {"app.py", "sub/lib.py", ".gitmodules"}),
        (tmp_path / "tree", {"app.py", "nested/lib.py", ".gitmodules"}),
    ):
        snapshot = await snapshot_of(root, tmp_path / "s")
        assert {path for path, entry in snapshot.manifest.items() if entry.kind == FILE} == files
        assert snapshot.head == git(root, "rev-parse", "HEAD").strip()
        assert not [path for path in Path(snapshot.base).rglob("*") if path.name == ".git"]


async def test_future_commits_cannot_be_found_from_the_copy(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x = 1\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "the fix")
    snapshot = await snapshot_of(root, tmp_path / "s")
    assert "the fix" in git(root, "log", "--all", "--oneline")
    with pytest.raises(AssertionError, match="not a git repository"):
        git(Path(snapshot.base), "log", "--all", "--oneline")


async def test_a_folder_reached_by_a_link_is_known_by_its_real_path(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    (tmp_path / "alias").symlink_to(root)
    assert (await snapshot_of(tmp_path / "alias", tmp_path / "s")).root == str(root)


# --------------------------------------------------------------------------------------------------- unusable input


async def test_a_path_that_is_no_folder_is_refused_with_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "hollow").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()
    for path, words in {
        tmp_path / "missing": "does not exist",
        tmp_path / "file": "not a folder",
        tmp_path / "hollow": "no readable files",
        tmp_path / "loop": "cannot be opened",
        odd: "not valid UTF-8",
        Path("/"): "not a repository",
        tmp_path / "a\0b": "cannot be opened",
    }.items():
        with pytest.raises(UnusableInput, match=words):
            await snapshot_of(path, tmp_path / "s")
    assert not (tmp_path / "s" / "base").exists()


async def test_the_home_folder_and_what_holds_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write_files(tmp_path / "home/me", {"project/a.py": "x"})
    monkeypatch.setenv("HOME", str(home))
    for path in (home, home.parent):
        with pytest.raises(UnusableInput, match="home folder"):
            await snapshot_of(path, tmp_path / "s")
    assert (await snapshot_of(home / "project", tmp_path / "s")).files == 1


async def test_a_folder_that_is_too_large_is_refused_before_anything_is_copied(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x", "data/1": b"x" * 3000, "data/2": b"x" * 3000})
    with pytest.raises(UnusableInput, match="data"):
        await take_snapshot(root, tmp_path / "s", owner=None, max_total_bytes=5000)
    assert list((tmp_path / "s").iterdir()) == []


# ------------------------------------------------------------------------------------- crashes, damage, second takes


async def test_taking_it_again_gives_the_same_name_and_a_change_another(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x", "d/b.py": "y"})
    first = await snapshot_of(root, tmp_path / "s")
    inode = (Path(first.base) / "a.py").stat().st_ino
    assert await snapshot_of(root, tmp_path / "s") == first
    assert (Path(first.base) / "a.py").stat().st_ino == inode
    (root / "a.py").write_text("z")
    second = await snapshot_of(root, tmp_path / "s")
    assert second.id != first.id
    assert SourceFiles(second)["a.py"] == b"z"
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["base", "manifest.json", "snapshot.json"]
    (root / "a.py").write_text("x")
    (root / "a.py").chmod(0o755)
    assert (await snapshot_of(root, tmp_path / "s")).id not in (first.id, second.id)


async def test_what_a_crash_left_behind_is_no_snapshot_and_is_cleared_away(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    stale = write_files(tmp_path / "s" / ".new-crashed", {"half": "x"})
    (stale / "shut").mkdir(mode=0o500)
    with pytest.raises(RunError, match="no usable snapshot"):
        load_snapshot(tmp_path / "s")
    await snapshot_of(root, tmp_path / "s")
    assert not stale.exists()


async def test_a_snapshot_is_loaded_from_where_it_is_now(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    snapshot = await snapshot_of(root, tmp_path / "s")
    (tmp_path / "s").rename(tmp_path / "moved")
    loaded = load_snapshot(tmp_path / "moved")
    assert loaded.base == str(tmp_path / "moved/base")
    assert loaded.id == snapshot.id
    assert loaded.manifest["a.py"].kind == FILE


@pytest.mark.parametrize("damage", ["manifest.json", "snapshot.json", "base"])
async def test_a_damaged_or_incomplete_snapshot_is_not_loaded(tmp_path: Path, damage: str) -> None:
    snapshot = await snapshot_of(write_files(tmp_path / "r", {"a.py": "x"}), tmp_path / "s")
    assert load_snapshot(tmp_path / "s").manifest == snapshot.manifest
    if damage == "base":
        (tmp_path / "s/base").rename(tmp_path / "s/.new-again")
    else:
        (tmp_path / "s" / damage).write_text("{}")
    with pytest.raises(RunError, match="start the run again"):
        load_snapshot(tmp_path / "s")


async def test_verification_names_every_difference(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x", "b.py": "x", "c.py": "x", "d/e": "x"})
    (root / "link").symlink_to("a.py")
    snapshot = await snapshot_of(root, tmp_path / "s")
    base = Path(snapshot.base)
    assert await verify_snapshot(snapshot) == ()
    assert hash_tree(base)["link"].kind == LINK
    assert hash_tree(base)["d"].kind == FOLDER
    (base / "a.py").write_text("y")
    (base / "b.py").unlink()
    (base / "c.py").chmod(0o600)
    (base / "link").unlink()
    (base / "link").symlink_to("c.py")
    os.mkfifo(base / "new")
    assert await verify_snapshot(snapshot) == ("a.py", "b.py", "c.py", "link", "new")


async def test_a_place_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="copying"):
        await snapshot_of(root, tmp_path / "file" / "s")
    assert isinstance(storage_error(OSError(28, "No space left on device"), "copying"), StoreFull)


async def test_a_snapshot_inside_the_folder_leaves_itself_out(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"a.py": "x"})
    snapshot = await snapshot_of(root, root / "covey-out" / "s")
    assert "covey-out/s" not in snapshot.manifest
    assert await snapshot_of(root, root / "covey-out" / "s") == snapshot


async def test_a_cancelled_snapshot_leaves_nothing_behind(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {f"d{n}/f{m}": "x" for n in range(20) for m in range(20)})
    task = asyncio.ensure_future(snapshot_of(root, tmp_path / "s"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.get_running_loop().shutdown_default_executor()
    assert not list((tmp_path / "s").glob(".new-*"))


# ---------------------------------------------------------------------------------------------------------- sources


async def test_sources_are_a_read_only_mapping_of_regular_files(tmp_path: Path) -> None:
    root = write_files(tmp_path / "r", {"b.py": "b", "a/a.py": "a", "data.txt": "t", "big.py": "x" * 100})
    (root / "link.py").symlink_to("b.py")
    sources = SourceFiles(await snapshot_of(root, tmp_path / "s"), max_bytes=50)
    assert dict(sources) == {"a/a.py": b"a", "b.py": b"b", "data.txt": b"t"}
    assert sources.python_files() == ("a/a.py", "b.py")
    assert "link.py" not in sources
    for path in ("link.py", "big.py", "../r/b.py", "missing", "a"):
        with pytest.raises(KeyError):
            sources[path]


async def test_a_link_planted_in_the_base_is_not_followed(tmp_path: Path) -> None:
    snapshot = await snapshot_of(write_files(tmp_path / "r", {"a.py": "x"}), tmp_path / "s")
    (tmp_path / "secret").write_text("secret")
    (Path(snapshot.base) / "a.py").unlink()
    (Path(snapshot.base) / "a.py").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        SourceFiles(snapshot)["a.py"]
