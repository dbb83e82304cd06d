"""Writing a patch to the user's files: all of it or nothing, and only over files that nobody changed meanwhile.

Order: check every file; keep the bytes from before; write the journal; write every new file under a temporary name
beside its target; only then rename, one after another; mark the journal as complete. Whatever ends the process in
between, :func:`recover_apply` gives every file its bytes from before. A complete application can be taken back with
:func:`rollback_apply`. A file that the user edited in the meantime is never overwritten.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from covey.core.canonical import Frozen
from covey.core.errors import PatchDoesNotApply, RunError, UnusableInput
from covey.core.patch import Patch
from covey.workspace.diff import patched
from covey.workspace.journal import Entry, FileState, Journal, JournalFolder
from covey.workspace.layers import Change
from covey.workspace.paths import show
from covey.workspace.snapshot import Snapshot, usable_root
from covey.workspace.usertree import UserTree, locked_tree, umask

T = TypeVar("T")

Hook = Callable[[str], None]
"""Called before each write with a phrase for it; an exception, or the end of the process, is what tests inject."""


class Recovery(Frozen):
    """How an application stands after recovery.

    ``nothing``: none was under way. ``applied``: it was complete. ``restored``: it was not, and the files are as they
    were before, except for ``conflicts``: files that somebody edited since, left alone; each sentence says where the
    bytes from before are.
    """

    outcome: Literal["nothing", "applied", "restored"]
    files: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def _no_hook(phrase: str) -> None:
    """Do nothing before a write."""


async def _to_the_end(function: Callable[[], T]) -> T:
    """Run in a thread and let it end even when the caller is cancelled: half an application is worse than one."""
    task = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def apply_to_user_tree(
    repository: Path, snapshot: Snapshot, patch: Patch, state: Path, *, hook: Hook = _no_hook
) -> tuple[str, ...]:
    """Write ``patch`` to the user's files; return the paths it changed. ``state`` keeps the journal.

    Raises PatchDoesNotApply when a touched file is not what it was in the snapshot, and RunError when a file cannot
    be written; in both cases nothing is changed. Applying the same patch again changes nothing.
    """
    return await _to_the_end(lambda: _apply(repository, snapshot, patch, JournalFolder(state.absolute()), hook))


async def recover_apply(state: Path, *, hook: Hook = _no_hook) -> Recovery:
    """Undo an application that did not reach its end. May be called at any time and again.

    Raises RunError when files cannot be written; then it can be tried again.
    """
    return await _to_the_end(lambda: _recover(JournalFolder(state.absolute()), hook))


async def rollback_apply(state: Path, *, hook: Hook = _no_hook) -> tuple[str, ...]:
    """Give the files of a complete application their bytes from before; return their paths.

    Raises PatchDoesNotApply, with nothing changed, when one of them was edited since; UnusableInput when ``state``
    holds no application.
    """
    return await _to_the_end(lambda: _rollback(JournalFolder(state.absolute()), hook))


def _is(expected: FileState | None, now: FileState | None) -> bool:
    return now is None if expected is None else expected.same(now)


def _apply(repository: Path, snapshot: Snapshot, patch: Patch, state: JournalFolder, hook: Hook) -> tuple[str, ...]:
    root = usable_root(repository)
    if os.fspath(root) != snapshot.root or patch.base != snapshot.id:
        raise PatchDoesNotApply(f"The patch was made for another version of {show(snapshot.root)}; make it again.")
    changes = patched(snapshot, patch.diff)
    state.make()
    with locked_tree(root) as tree:
        earlier = state.load()
        if earlier is not None and earlier.phase != "applied":
            if conflicts := _restore(tree, earlier, state, hook):
                raise PatchDoesNotApply("An earlier application cannot be undone: " + " ".join(conflicts))
        elif earlier is not None:
            return _already(tree, earlier, patch)
        stamps = {path: tree.stamp(path) for path in changes}
        journal = _plan(tree, snapshot, patch, changes)
        _keep(tree, journal, state, hook)
        hook("journal")
        state.save(journal)
        touched: set[str] = set()
        try:
            for path in _perform(tree, journal, changes, stamps, hook):
                touched.add(path)
            hook("complete")
            state.save(journal.model_copy(update={"phase": "applied"}))
        except BaseException as error:
            _restore(tree, journal, state, _no_hook, touched)
            if isinstance(error, OSError):
                raise RunError(f"The patch could not be written: {error}. Nothing was changed.") from error
            raise
    return journal.files


def _already(tree: UserTree, earlier: Journal, patch: Patch) -> tuple[str, ...]:
    """Answer for a state that holds a complete application."""
    if earlier.patch != patch.id:
        raise PatchDoesNotApply(f"Patch {earlier.patch} is applied; roll it back before applying {patch.id}.")
    _require(tree, earlier)
    return earlier.files


def _plan(tree: UserTree, snapshot: Snapshot, patch: Patch, changes: Mapping[str, Change]) -> Journal:
    """Compare the user's files with the snapshot. Raises PatchDoesNotApply."""
    token = secrets.token_hex(4)
    entries: list[Entry] = []
    folders: list[str] = []
    for number, (path, change) in enumerate(changes.items()):
        before, expected = tree.state(path), snapshot.manifest.get(path)
        if before is not None and expected is None:
            raise PatchDoesNotApply(f"{show(path)} is there already, but not in the snapshot; nothing was changed.")
        if before is None and expected is not None:
            raise PatchDoesNotApply(f"{show(path)} was removed since the run began; nothing was changed.")
        if before is not None and expected is not None and before.sha256 != expected.sha256:
            raise PatchDoesNotApply(f"{show(path)} was edited since the run began; nothing was changed.")
        if before is None:
            folders += [folder for folder in tree.missing_folders(path) if folder not in folders]
        after = _after(change, before, expected.mode if expected else None)
        entries.append(Entry(path=path, temporary=f".covey-{token}-{number}.tmp", before=before, after=after))
    return Journal(
        repository=snapshot.root, patch=patch.id, phase="applying", entries=tuple(entries), folders=tuple(folders)
    )


def _after(change: Change, before: FileState | None, base_mode: int | None) -> FileState | None:
    """Return the state that a change leads to: the user's own attributes, unless the patch changes the mode."""
    if change.data is None:
        return None
    digest = hashlib.sha256(change.data).hexdigest()
    if before is None:
        executable = 0o111 if change.mode & 0o100 else 0
        return FileState(sha256=digest, mode=(0o666 | executable) & ~umask())
    mode = before.mode if change.mode == base_mode else (before.mode & ~0o777) | change.mode
    return FileState(sha256=digest, mode=mode, uid=before.uid, gid=before.gid)


def _keep(tree: UserTree, journal: Journal, state: JournalFolder, hook: Hook) -> None:
    """Keep the bytes from before."""
    for entry in journal.entries:
        if entry.before is not None:
            hook(f"keep {entry.path}")
            found = tree.read(entry.path)
            if found is None or not entry.before.same(found[1]):
                raise PatchDoesNotApply(f"{show(entry.path)} was edited just now; nothing was changed.")
            state.keep(found[0])


def _perform(
    tree: UserTree,
    journal: Journal,
    changes: Mapping[str, Change],
    stamps: Mapping[str, tuple[int, ...] | None],
    hook: Hook,
) -> Iterator[str]:
    """Make all new files, then move them to their places; yield each path right before it is touched."""
    for folder in journal.folders:
        hook(f"make {folder}")
        tree.make_folder(folder)
    for entry in journal.entries:
        data = changes[entry.path].data
        if entry.after is not None and data is not None:
            hook(f"prepare {entry.path}")
            tree.prepare(entry.path, entry.forward, data, entry.after)
    for entry in journal.entries:
        hook(f"replace {entry.path}")
        if tree.stamp(entry.path) != stamps[entry.path]:
            raise PatchDoesNotApply(f"{show(entry.path)} was edited just now; nothing was changed.")
        yield entry.path
        if entry.after is None:
            tree.unlink(entry.path)
        else:
            tree.put(entry.path, entry.forward)
    hook("sync")
    for entry in journal.entries:
        tree.sync(entry.path)


def _restore(
    tree: UserTree, journal: Journal, state: JournalFolder, hook: Hook, touched: Collection[str] | None = None
) -> tuple[str, ...]:
    """Give every file its state from before and forget the journal; return a sentence for each that was edited.

    ``touched`` names the files that can differ, None when that is not known. With conflicts the journal and the kept
    bytes stay.
    """
    conflicts: list[str] = []
    try:
        for entry in reversed(journal.entries):
            hook(f"restore {entry.path}")
            tree.unlink(entry.backward)
            untouched = tree.unlink(entry.forward) or (touched is not None and entry.path not in touched)
            if not untouched and not _restore_file(tree, entry, state, hook):
                kept = f"; its bytes from before are in {show(state.kept(entry.before.sha256))}" if entry.before else ""
                conflicts.append(f"{show(entry.path)} was edited since and left alone{kept}.")
            tree.sync(entry.path)
        for folder in reversed(journal.folders):
            hook(f"remove {folder}")
            tree.remove_folder(folder)
        if not conflicts:
            hook("forget")
            state.drop()
    except OSError as error:
        raise RunError(
            f"Files of {show(journal.repository)} could not be given back: {error}. "
            f"Their bytes are safe in {show(state.folder)}; mend the cause and try again."
        ) from error
    return tuple(conflicts)


def _restore_file(tree: UserTree, entry: Entry, state: JournalFolder, hook: Hook) -> bool:
    """Undo one entry; False when the file is neither as before nor as the patch made it."""
    try:
        now = tree.state(entry.path)
    except PatchDoesNotApply:
        return False  # a link, a folder or the like took its place
    if _is(entry.before, now):
        return True
    if not _is(entry.after, now):
        return False
    if entry.before is None:
        tree.unlink(entry.path)
        return True
    tree.prepare(entry.path, entry.backward, state.take(entry.before.sha256), entry.before)
    hook(f"return {entry.path}")
    tree.put(entry.path, entry.backward)
    return True


def _recover(state: JournalFolder, hook: Hook) -> Recovery:
    journal = state.load()
    if journal is None:
        return Recovery(outcome="nothing")
    if journal.phase == "applied":
        return Recovery(outcome="applied", files=journal.files)
    with locked_tree(Path(journal.repository)) as tree:
        conflicts = _restore(tree, journal, state, hook)
    return Recovery(outcome="restored", files=journal.files, conflicts=conflicts)


def _require(tree: UserTree, journal: Journal) -> None:
    """Raise PatchDoesNotApply unless every file is as the patch made it."""
    for entry in journal.entries:
        if not _is(entry.after, tree.state(entry.path)):
            raise PatchDoesNotApply(f"{show(entry.path)} was edited since the patch was applied; nothing was changed.")


def _rollback(state: JournalFolder, hook: Hook) -> tuple[str, ...]:
    journal = state.load()
    if journal is None:
        raise UnusableInput("No patch of this run is applied, so there is nothing to roll back.")
    with locked_tree(Path(journal.repository)) as tree:
        if journal.phase == "applied":
            _require(tree, journal)
            journal = journal.model_copy(update={"phase": "restoring"})
            hook("rollback")
            state.save(journal)
        conflicts = _restore(tree, journal, state, hook)
    if conflicts:
        raise PatchDoesNotApply(" ".join(conflicts))
    return journal.files
