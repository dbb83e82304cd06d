"""The private stage: one bounded tmpfs in a mount namespace of its own, on which everything is laid out.

It covers ``/tmp`` of that namespace, because every user can reach that path, while the host's files may lie below
folders that only root can enter. Host paths are opened before the stage covers anything and mounted by descriptor, so
no character in a path can be misread and nothing can be swapped in between.
"""

# Importing pathlib would cost milliseconds in every execution.
# ruff: noqa: PTH101, PTH102, PTH123
from __future__ import annotations

import os

from covey.execution.launcher import syscalls, trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from covey.execution.launcher.plan import Plan, TreePlan

STAGE = "/tmp"  # noqa: S108 - a mount point in a private namespace


def enter_namespaces() -> None:
    """Leave the host's mount namespace; an ordinary user needs a user namespace for that."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        syscalls.unshare(syscalls.CLONE_NEWNS)
    else:
        syscalls.unshare(syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS)
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)


def prepare(plan: Plan) -> None:
    """Lay out the stage. Raises OSError or ValueError that says what could not be done."""
    enter_namespaces()
    sources = [(os.open(source, os.O_PATH | os.O_CLOEXEC), source, name) for source, name in plan["binds"]]
    tree = plan["tree"]
    lower = [] if tree is None else [trees.folder(path) for path in (tree["layer"], tree["base"]) if path is not None]
    size = plan["disk_bytes"]
    inodes = 65536 + size // 4096
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount("tmpfs", STAGE, "tmpfs", flags, f"size={size},nr_inodes={inodes},mode=755")
    owner = os.geteuid() if plan["uid"] is None else plan["uid"]
    for name, mode in (("tmp", 0o1777), ("home", 0o755), ("shm", 0o1777), ("up", 0o755), ("work", 0o755)):
        _make_folder(f"{STAGE}/{name}", mode, owner)
    _make_folder(f"{STAGE}/tree", 0o755, owner)
    os.mkdir(f"{STAGE}/etc", 0o755)
    for name, content in plan["files"].items():
        with open(f"{STAGE}/{name}", "wb") as file:
            file.write(content)
    for descriptor, source, name in sources:
        _bind(descriptor, source, f"{STAGE}/{name}")
    if tree is not None:
        _present(tree, lower, owner, redirect=plan["uid"] is not None)


def _make_folder(path: str, mode: int, owner: int) -> None:
    os.mkdir(path)
    os.chmod(path, mode)
    os.chown(path, owner, owner if os.geteuid() == 0 else -1)


def _bind(descriptor: int, source: str, target: str) -> None:
    if os.fstat(descriptor).st_mode & 0o170000 == 0o040000:
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    try:
        syscalls.mount(f"/proc/self/fd/{descriptor}", target, None, syscalls.MS_BIND | syscalls.MS_REC)
    except OSError as error:
        raise OSError(error.errno, f"{source} cannot be mounted: {error.strerror}") from None
    os.close(descriptor)


def _present(tree: TreePlan, lower: list[int], owner: int, *, redirect: bool) -> None:
    merged = f"{STAGE}/tree"
    mode = os.fstat(lower[-1]).st_mode & 0o777 | 0o700
    if tree["overlay"]:
        os.chmod(f"{STAGE}/up", mode)  # the merged root takes its attributes from here
        layers = ":".join(f"/proc/self/fd/{descriptor}" for descriptor in lower)
        options = f"lowerdir={layers},upperdir={STAGE}/up,workdir={STAGE}/work"
        options += ",redirect_dir=on" if redirect else ",userxattr"
        syscalls.mount("overlay", merged, "overlay", syscalls.MS_NOSUID | syscalls.MS_NODEV, options)
    root = trees.folder(merged)
    if not tree["overlay"]:
        for descriptor in reversed(lower):
            trees.copy(descriptor, root, owner if os.geteuid() == 0 and redirect else None)
        os.fchmod(root, mode)
    arrange(root, tree)
    os.close(root)
    for descriptor in lower:
        os.close(descriptor)


def arrange(root: int, tree: TreePlan) -> None:
    """Remove what is removed, make mount points and links."""
    for path in tree["removed"]:
        trees.remove(root, path)
    for path, folder in tree["points"]:
        trees.make_point(root, path, folder=folder)
    for path, target in tree["links"]:
        trees.make_link(root, path, target)
