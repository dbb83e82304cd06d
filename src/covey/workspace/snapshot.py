"""The base of a run: a private copy of the user's folder, named by its content.

Layout of a snapshot's folder: ``base/`` (the copy), ``manifest.json`` (every path with mode, size and SHA-256) and
``snapshot.json`` (the :class:`Snapshot`). ``base`` gets its name last, so a folder that has it is complete, however the
process ended. Nothing is forced to the disk, which would cost more than the copy: after a power cut
:func:`load_snapshot` or :func:`verify_snapshot` says that the snapshot is damaged.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from covey.core.canonical import Frozen, Volatile
from covey.core.errors import RunError, UnusableInput
from covey.core.execution import Tree
from covey.settings import home_folder
from covey.workspace.copying import Copied, Copier, Stopped
from covey.workspace.files import remove_tree, storage_error, write_atomically
from covey.workspace.head import read_head
from covey.workspace.manifest import (
    FILE,
    FOLDER,
    LINK,
    Entry,
    Manifest,
    known_manifest,
    manifest_bytes,
    manifest_id,
    read_manifest,
)
from covey.workspace.paths import is_text_name, show
from covey.workspace.scan import Scanner, some

MAX_FILE_BYTES = 256 << 20
MAX_TOTAL_BYTES = 4 << 30

_TEMPORARY = ".new-"


class Snapshot(Frozen):
    """A user's folder as it was. ``id`` names its content; ``bytes`` is the size of its ``files`` files and links.

    ``root`` is the user's own absolute path, ``base`` the private copy, ``head`` and ``branch`` what git says the
    folder stands at (None outside git). ``notes`` say what was left out.
    """

    id: str
    root: str
    base: Volatile[str]
    files: int
    bytes: int
    head: str | None = None
    branch: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """Every path with its mode, kind, size and hash. Raises RunError when the manifest is damaged."""
        return known_manifest(Path(self.base).parent, self.id)

    def tree(self, layer: Path | None = None, removed: Sequence[str] = ()) -> Tree:
        """Describe this base, with a layer of changes over it, for a sandbox."""
        return Tree(
            base=self.base,
            root=self.root,
            layer=None if layer is None else os.fspath(layer),
            removed=tuple(sorted(removed)),
        )


def usable_root(repository: Path) -> Path:
    """Return the real path of a folder that can be worked on. Raises UnusableInput."""
    try:
        root = repository.resolve(strict=True)
    except FileNotFoundError:
        raise UnusableInput(f"{show(repository)} does not exist; give --repo the folder of a repository.") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise UnusableInput(f"{show(repository)} cannot be opened: {error}.") from None
    if not root.is_dir():
        raise UnusableInput(f"{show(root)} is not a folder; give --repo the folder of a repository.")
    if not is_text_name(os.fspath(root)):
        raise UnusableInput(f"The path {show(root)} is not valid UTF-8; rename the folder, or link to it by another.")
    home = home_folder().resolve()
    if home.is_relative_to(root):
        what = "your home folder" if home == root else "a system folder that holds your home folder"
        raise UnusableInput(f"{root} is {what}, not a repository; give --repo the folder of one project.")
    return root


async def take_snapshot(
    repository: Path,
    dest: Path,
    *,
    owner: int | None,
    exclude: Sequence[Path] = (),
    max_file_bytes: int = MAX_FILE_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
) -> Snapshot:
    """Copy ``repository`` to ``dest/base`` and describe it. The repository is only read.

    Files belong to ``owner`` (a uid) if given. Permission bits, links and bytes are kept; setuid, setgid and sticky
    bits are not. Left out and noted: version control, virtual environments, ``node_modules``, caches, ``exclude``,
    whatever is no file, folder or link, what cannot be read, and files above ``max_file_bytes``. Ignored files are
    copied: tests may need what a build generated.

    A snapshot that ``dest`` already holds is kept when the content is the same and replaced otherwise.

    Raises UnusableInput for a folder that cannot be worked on, StoreFull or RunError when ``dest`` cannot be written.
    """
    stop = threading.Event()
    scanner = (tuple(path.resolve() for path in exclude), max_file_bytes, max_total_bytes)
    try:
        return await asyncio.to_thread(_take, repository, dest.absolute(), owner, scanner, stop)
    except asyncio.CancelledError:
        stop.set()  # the thread removes what it wrote and ends
        raise


def _take(
    repository: Path, dest: Path, owner: int | None, limits: tuple[tuple[Path, ...], int, int], stop: threading.Event
) -> Snapshot:
    root = usable_root(repository)
    exclude, max_file_bytes, max_total_bytes = limits
    temporary: Path | None = None
    try:
        dest.mkdir(parents=True, exist_ok=True)
        dest.chmod(0o700)
        for stale in dest.glob(_TEMPORARY + "*"):
            remove_tree(stale)
        scan = Scanner(root, (*exclude, dest.resolve()), max_file_bytes, max_total_bytes).scan()
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=dest))
        copied = Copier(root, temporary, owner=owner, max_file_bytes=max_file_bytes, stop=stop).copy(scan)
        copied.left_out.merge(scan.left_out)
        return _finish(root, dest, temporary, copied)
    except OSError as error:
        raise storage_error(error, f"copying {show(root)} to {show(dest)}") from error
    except Stopped:
        raise RunError(f"Copying {show(root)} was stopped.") from None
    finally:
        if temporary is not None:
            remove_tree(temporary)


def _finish(root: Path, dest: Path, temporary: Path, copied: Copied) -> Snapshot:
    """Write manifest and description, then give the copy its final name."""
    contents = [entry for entry in copied.entries.values() if entry.kind != FOLDER]
    if not contents:
        raise UnusableInput(f"{show(root)} holds no readable files; give --repo the folder of a repository.")
    data = manifest_bytes(copied.entries)
    head = read_head(root)
    base = dest / "base"
    snapshot = Snapshot(
        id=manifest_id(data),
        root=os.fspath(root),
        base=os.fspath(base),
        files=len(contents),
        bytes=sum(entry.size for entry in contents),
        head=head.commit,
        branch=head.branch,
        notes=tuple(_notes(root, copied)),
    )
    if base.exists():
        if _same(dest, snapshot.id):
            write_atomically(dest / "snapshot.json", snapshot.model_dump_json().encode(), durable=False)
            return snapshot
        remove_tree(base)
    write_atomically(dest / "manifest.json", data, durable=False)
    write_atomically(dest / "snapshot.json", snapshot.model_dump_json().encode(), durable=False)
    temporary.rename(base)
    return snapshot


def _same(dest: Path, expected: str) -> bool:
    try:
        return load_snapshot(dest).id == expected
    except RunError:
        return False


def _notes(root: Path, copied: Copied) -> Iterator[str]:
    yield from copied.left_out.notes()
    if copied.torn:
        yield f"Changed while being copied, so the copy may mix versions: {some(copied.torn)}."
    links = [path for path, entry in copied.entries.items() if entry.kind == LINK]
    if leading_out := [path for path in links if _leads_out(root, path)]:
        yield f"Links that lead out of the folder, whose targets are not part of the snapshot: {some(leading_out)}."
    if odd := [path for path in copied.entries if not is_text_name(path)]:
        yield f"Names that are not valid UTF-8, kept but never edited: {some(odd)}."


def _leads_out(root: Path, path: str) -> bool:
    link = root / path
    try:
        target = os.path.normpath(link.parent / link.readlink())
    except OSError:
        return True
    return not Path(target).is_relative_to(root)


def load_snapshot(dest: Path) -> Snapshot:
    """Return the snapshot that ``dest`` holds. Raises RunError when there is none, or it is incomplete or damaged."""
    dest = dest.absolute()
    try:
        snapshot = Snapshot.model_validate_json((dest / "snapshot.json").read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(f"{show(dest)} holds no usable snapshot; start the run again.", detail=str(error)) from None
    snapshot = snapshot.model_copy(update={"base": os.fspath(dest / "base")})
    if not (dest / "base").is_dir():
        raise RunError(f"The snapshot in {show(dest)} is incomplete; start the run again.")
    read_manifest(dest, snapshot.id)
    return snapshot


async def verify_snapshot(snapshot: Snapshot) -> tuple[str, ...]:
    """Hash the base again; return the paths that are missing, new or different (none for an intact snapshot)."""
    return await asyncio.to_thread(_verify, snapshot)


def _verify(snapshot: Snapshot) -> tuple[str, ...]:
    expected = dict(snapshot.manifest)
    found = hash_tree(Path(snapshot.base))
    return tuple(sorted(show(path) for path in expected.keys() | found.keys() if expected.get(path) != found.get(path)))


def hash_tree(base: Path) -> dict[str, Entry]:
    """Describe every path below ``base``, nothing left out, as a manifest does."""
    found: dict[str, Entry] = {}
    pending = ["."]
    while pending:
        here = pending.pop()
        found[here] = Entry(stat.S_IMODE((base / here).lstat().st_mode), FOLDER, 0, "")
        with os.scandir(base / here) as entries:
            for entry in entries:
                path = entry.name if here == "." else f"{here}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    found[path] = _hash_entry(entry)
    return found


def _hash_entry(entry: os.DirEntry[str]) -> Entry:
    status = entry.stat(follow_symlinks=False)
    if entry.is_symlink():
        data = os.fsencode(Path(entry.path).readlink())
        return Entry(0o777, LINK, len(data), hashlib.sha256(data).hexdigest())
    if not stat.S_ISREG(status.st_mode):
        return Entry(stat.S_IMODE(status.st_mode), "special", 0, "")
    with Path(entry.path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(stat.S_IMODE(status.st_mode), FILE, status.st_size, digest)
