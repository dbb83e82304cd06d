"""Diffs: from changed files to the text of a patch, and from the text of a patch to changed files.

Git writes and applies them, in private folders that hold nothing but the touched files. The text is always valid
Unicode and always appliable with ``git apply``: a file that is not UTF-8, or holds NUL, becomes a git binary patch.
Write it to disk as UTF-8 bytes without translating line ends.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from covey.core.errors import AgentFeedback, EditError, PatchDoesNotApply, RunError
from covey.core.execution import Tree
from covey.core.patch import Candidate, Patch
from covey.workspace.difftext import FileDiff, patch_files, read_diff
from covey.workspace.files import read_regular, remove_tree, storage_error
from covey.workspace.git import make_git_folder, run_git
from covey.workspace.kinds import FileKind, by_kind, classify_path
from covey.workspace.layers import NEW_FILE_MODE, Change, as_changes, check_change, lay_down
from covey.workspace.manifest import FILE, Manifest
from covey.workspace.paths import show
from covey.workspace.snapshot import Snapshot

_PLAIN = re.compile(r"100[0-7]{3}")
_HUNK_LINE = re.compile(rb"(?m)^@@ .*$")
_DIFF_TREE = [
    "diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index",
    "--unified=3", "--src-prefix=a/", "--dst-prefix=b/",
]  # fmt: skip


def _executable(mode: int) -> bool:
    return bool(mode & stat.S_IXUSR)


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _base_file(snapshot: Snapshot, path: str) -> bytes:
    try:
        return read_regular(Path(snapshot.base), PurePosixPath(path))[0]
    except OSError as error:
        raise RunError(f"{show(path)} is missing from the snapshot: {error}; start the run again.") from None


# ------------------------------------------------------------------------------------------------ writing a diff


async def make_patch(
    snapshot: Snapshot,
    changes: Mapping[str, bytes | None],
    *,
    origin: str,
    explanation: str = "",
    candidate: Candidate | None = None,
    scratch: Path | None = None,
) -> Patch:
    """Return the patch that turns the snapshot into the snapshot with ``changes`` (None: the file is removed).

    ``scratch`` is where temporary files go, the system's own place by default. Raises EditError for a path that may
    not be changed, or when nothing differs from the base.
    """
    diff, files = await asyncio.to_thread(_make_diff, snapshot, changes, scratch)
    return Patch(
        id=Patch.make_id(diff),
        base=snapshot.id,
        diff=diff,
        files=files,
        origin=origin,
        explanation=explanation,
        candidate=candidate,
    )


def _make_diff(
    snapshot: Snapshot, changes: Mapping[str, bytes | None], place: Path | None
) -> tuple[str, tuple[str, ...]]:
    """Return the text of the diff and the files it changes."""
    pairs: dict[str, tuple[Change | None, Change | None]] = {}
    for path, change in as_changes(snapshot, changes).items():
        before = Change(_base_file(snapshot, path), change.mode) if path in snapshot.manifest else None
        after = change if change.data is not None else None
        if before != after:
            pairs[path] = (before, after)
    if not pairs:
        raise EditError("The edits change nothing; the files are already like that.")
    try:
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="covey-diff-", dir=place) as scratch:
            return _write_diff(Path(scratch), pairs), tuple(sorted(pairs))
    except OSError as error:
        raise storage_error(error, "writing a diff") from error


def _write_diff(scratch: Path, pairs: Mapping[str, tuple[Change | None, Change | None]]) -> str:
    """Put both versions into a private object store and let git compare them."""
    git_folder = scratch / "git"
    make_git_folder(git_folder)
    text = {path for path, pair in pairs.items() if all(_is_text(side.data or b"") for side in pair if side)}
    groups = {"text": text, "binary": pairs.keys() - text}
    stream: list[bytes] = []
    for name, paths in groups.items():
        for side, commit in enumerate(("old", "new")):
            stream.append(_commit(f"{name}-{commit}", {path: pairs[path][side] for path in sorted(paths)}))
    imported = run_git(["fast-import", "--quiet"], cwd=scratch, stdin=b"".join(stream), git_folder=git_folder)
    if imported.status != 0:
        raise RunError("git could not take in the changed files.", detail=imported.words)
    parts: list[str] = []
    for name, paths in groups.items():
        if not paths:
            continue
        if name == "binary":
            (git_folder / "info").mkdir()
            (git_folder / "info" / "attributes").write_text("* -diff\n")
        how = "--text" if name == "text" else "--binary"
        ends = [f"refs/heads/{name}-old", f"refs/heads/{name}-new"]
        compared = run_git([*_DIFF_TREE, how, *ends], cwd=scratch, git_folder=git_folder)
        if compared.status != 0 or not compared.output:
            raise RunError("git could not compare the changed files.", detail=compared.words)
        # The context after @@ is cut at a number of bytes, possibly within a character.
        whole = _HUNK_LINE.sub(lambda line: line[0].decode("utf-8", "ignore").encode(), compared.output)
        parts.append(whole.decode("utf-8"))
    return _quote_headers("".join(parts), pairs)


def _quote_headers(diff: str, paths: Iterable[str]) -> str:
    """Quote names in headers that git writes but cannot read: those with blanks at the edges of a name."""
    for path in paths:
        if any(part != part.strip(" ") for part in path.split("/")):
            header = re.compile(f"^diff --git a/{re.escape(path)} b/{re.escape(path)}$", re.MULTILINE)
            quoted = f'diff --git "a/{path}" "b/{path}"'
            diff = header.sub(lambda _, quoted=quoted: quoted, diff)  # type: ignore[misc]
    return diff


def _commit(branch: str, files: Mapping[str, Change | None]) -> bytes:
    """Return the fast-import commands for one version of the files."""
    lines = [f"commit refs/heads/{branch}\ncommitter covey <covey> 0 +0000\ndata 0\n".encode()]
    for path, change in files.items():
        if change is not None and change.data is not None:
            mode = "100755" if _executable(change.mode) else "100644"
            quoted = path.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'M {mode} inline "{quoted}"\ndata {len(change.data)}\n'.encode() + change.data + b"\n")
    return b"".join(lines)


# ----------------------------------------------------------------------------------------------- applying a diff


async def apply_patch(snapshot: Snapshot, diff: str, dest: Path, owner: int | None = None) -> Tree:
    """Apply the text of a diff to the snapshot with ``git apply`` and write the result as a layer into ``dest``.

    Raises PatchDoesNotApply, with git's words, when it does not apply cleanly or touches what no patch may touch:
    paths outside the tree, ``.git``, links, submodules, special modes. StoreFull or RunError when ``dest`` cannot be
    written.
    """
    return await asyncio.to_thread(_apply_patch, snapshot, diff, dest.absolute(), owner)


def _apply_patch(snapshot: Snapshot, diff: str, dest: Path, owner: int | None) -> Tree:
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, f"writing a candidate to {show(dest)}") from error
    return lay_down(dest, snapshot, patched(snapshot, diff, dest.parent), owner)


def patched(snapshot: Snapshot, diff: str, place: Path | None = None) -> dict[str, Change]:
    """Return what a diff makes of the snapshot's files, without writing them anywhere but a scratch folder.

    The scratch folder is made in ``place``, by default where the system has its own. Raises PatchDoesNotApply, and
    StoreFull or RunError when nothing can be written there.
    """
    manifest = snapshot.manifest
    try:
        touched = _allowed_paths(manifest, read_diff(diff))
    except PatchDoesNotApply:
        raise
    except AgentFeedback as error:
        raise PatchDoesNotApply(f"The patch is refused: {error}") from None
    try:
        scratch = Path(tempfile.mkdtemp(prefix="covey-apply-", dir=place))
    except OSError as error:
        raise storage_error(error, "applying a patch") from error
    try:
        for path in touched & manifest.keys():
            target = scratch / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_base_file(snapshot, path))
            target.chmod(0o755 if _executable(manifest[path].mode) else 0o644)
        try:
            text = diff.encode("utf-8")
        except UnicodeEncodeError:
            raise PatchDoesNotApply("The diff is not valid Unicode; write it again.") from None
        done = run_git(["apply", "--whitespace=nowarn", "-p1", "-"], cwd=scratch, stdin=text)
        if done.status != 0:
            raise PatchDoesNotApply(f"The patch does not apply to its base: {done.words}", detail=done.words)
        return _result(snapshot, scratch, touched)
    except OSError as error:
        raise storage_error(error, "applying a patch") from error
    finally:
        remove_tree(scratch)


def _allowed_paths(manifest: Manifest, files: Iterable[FileDiff]) -> set[str]:
    """Return the touched paths. Raises EditError or PatchDoesNotApply for what no patch may touch."""
    touched: set[str] = set()
    for file in files:
        for mode in file.modes:
            if not _PLAIN.fullmatch(mode):
                raise PatchDoesNotApply(
                    f"The patch is refused: {show(file.paths[0])} has mode {mode[:20]}; "
                    "only plain files can be changed, no links, submodules or special modes."
                )
        for path in file.paths:
            name = check_change(manifest, path, removed=False)
            if name != path:
                raise PatchDoesNotApply(
                    f"The patch is refused: {show(path)} is not in its shortest form, {show(name)}."
                )
            touched.add(name)
    return touched


def _result(snapshot: Snapshot, scratch: Path, touched: set[str]) -> dict[str, Change]:
    """Compare the scratch folder with the base; whatever git did beyond ``touched`` is refused."""
    manifest = snapshot.manifest
    changes: dict[str, Change] = {}
    found: set[str] = set()
    for folder, _, names in os.walk(scratch):
        for file in (Path(folder) / name for name in names):
            path = file.relative_to(scratch).as_posix()
            status = file.lstat()
            if path not in touched or not stat.S_ISREG(status.st_mode):
                raise PatchDoesNotApply(
                    f"The patch is refused: it writes {show(path)}, which is not a plain file of it."
                )
            found.add(path)
            before = manifest.get(path)
            change = Change(file.read_bytes(), _new_mode(before.mode if before else None, status.st_mode))
            if before is None or change != Change(_base_file(snapshot, path), before.mode):
                changes[path] = change
    for path in touched - found:
        if (entry := manifest.get(path)) is not None and entry.kind == FILE:
            changes[path] = Change(None, entry.mode)
    if not changes:
        raise PatchDoesNotApply("The patch changes nothing.")
    return dict(sorted(changes.items()))


def _new_mode(before: int | None, now: int) -> int:
    """Return the permission bits of a patched file: a diff says no more than whether it is executable."""
    mode = NEW_FILE_MODE if before is None else before
    if _executable(mode) == _executable(now):
        return mode
    return mode | (mode & 0o444) >> 2 if _executable(now) else mode & ~0o111


__all__ = ["FileKind", "apply_patch", "by_kind", "classify_path", "make_patch", "patch_files", "patched"]
