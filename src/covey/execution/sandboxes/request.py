"""From an :class:`ExecSpec` to what the supervisor is told: the part that all sandboxes share."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping

from covey.core.errors import SandboxError, UnusableInput
from covey.core.execution import CHANNEL_ENV, TREE_ENV, TREE_TOKEN, ExecSpec, Mount
from covey.execution.launcher.main import CHANNEL
from covey.execution.launcher.plan import Groups, Plan, TreePlan

SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Top folders that many systems keep below ``/usr``."""

ETC = """
    alternatives ca-certificates ca-certificates.conf fonts ld.so.cache ld.so.conf ld.so.conf.d localtime mime.types
    nsswitch.conf os-release pki protocols services ssl/cert.pem ssl/certs ssl/openssl.cnf timezone
""".split()  # noqa: SIM905 - a list to read
"""What programs may see of ``/etc``: nothing here is private to a machine or user."""


def relative_to(path: str, root: str) -> str | None:
    """Return ``path`` relative to ``root``, ``""`` for the root itself, None when it is elsewhere."""
    if path == root:
        return ""
    return path[len(root) :].lstrip("/") if path.startswith(root.rstrip("/") + "/") else None


def normal(path: str, what: str) -> str:
    """Return an absolute path without ``.``, ``..`` and double slashes. Raises UnusableInput."""
    if not path.startswith("/") or "\0" in path:
        raise UnusableInput(f"{what} must be an absolute path, not {path!r}.")
    return "/" + posixpath.normpath(path).lstrip("/")


class Places:
    """Where things are inside: replaces the tree's token and moved mount targets in text."""

    def __init__(self, tree: str | None, moved: Mapping[str, str] | None = None) -> None:
        self.tree = tree
        self._moved = dict(moved or {})
        names = sorted(self._moved, key=len, reverse=True)
        self._pattern = re.compile("(" + "|".join(map(re.escape, names)) + r")(?=$|[/:\s])") if names else None

    def __call__(self, text: str) -> str:
        """Return ``text`` as the program should see it."""
        if TREE_TOKEN in text:
            if self.tree is None:
                raise UnusableInput(f"{TREE_TOKEN} is used, but no tree is given.")
            text = text.replace(TREE_TOKEN, self.tree)
        if self._pattern is not None:
            text = self._pattern.sub(lambda match: self._moved[match.group(1)], text)
        return text


def environment(spec: ExecSpec, places: Places, *, home: str, tmp: str) -> dict[str, str]:
    """Return the program's whole environment."""
    given = {name: places(value) for name, value in spec.env.items()}
    if bad := [name for name in given if not name or "=" in name or "\0" in name or "\0" in given[name]]:
        raise UnusableInput(f"Not a usable environment variable: {bad[0]!r}.")
    tree = {} if places.tree is None else {TREE_ENV: places.tree}
    return {"PATH": SEARCH, "HOME": home, "TMPDIR": tmp, **given, **tree, CHANNEL_ENV: str(CHANNEL)}


def mount_points(spec: ExecSpec, root: str) -> list[tuple[str, Mount]]:
    """Return the mounts that lie inside the tree, with their relative paths."""
    found = []
    for mount in spec.mounts:
        inside = relative_to(normal(mount.target, "A mount target"), root)
        if inside == "":
            raise UnusableInput(f"A mount would hide the tree itself: {mount.target}.")
        if inside is not None:
            found.append((inside, mount))
    return found


def tree_plan(spec: ExecSpec, *, overlay: bool, links: bool) -> TreePlan | None:
    """Describe the tree for the supervisor; mounts inside it become mount points, or ``links`` to their sources."""
    tree = spec.tree
    if tree is None:
        return None
    inside = mount_points(spec, normal(tree.root, "The root of the tree"))
    for path in tree.removed:
        if path.startswith("/") or ".." in path.split("/") or not path.strip("/.") or "\0" in path:
            raise UnusableInput(f"A removed path must lie inside the tree: {path!r}.")
    return {
        "base": tree.base,
        "layer": tree.layer,
        "removed": list(tree.removed),
        "points": [] if links else [(path, os.path.isdir(mount.source)) for path, mount in inside],  # noqa: PTH112
        "links": [(path, mount.source) for path, mount in inside] if links else [],
        "overlay": overlay,
    }


def check_sources(spec: ExecSpec) -> None:
    """Raise SandboxError when something that is to be presented is not there."""
    folders = [] if spec.tree is None else [spec.tree.base, *([spec.tree.layer] if spec.tree.layer else [])]
    for folder in folders:
        if not os.path.isdir(folder):  # noqa: PTH112
            raise SandboxError(f"The tree's folder {folder} is not there.")
    for mount in spec.mounts:
        if not os.path.exists(mount.source):  # noqa: PTH110
            raise SandboxError(f"{mount.source}, which is to be mounted, is not there.")


def plan(spec: ExecSpec, places: Places, *, groups: Groups | None, home: str, tmp: str) -> Plan:
    """Return the plan with everything that does not depend on the kind of sandbox."""
    if not spec.argv or any("\0" in word for word in spec.argv):
        raise UnusableInput("A command needs at least one word, and no word can hold a NUL character.")
    limits = spec.limits
    return {
        "mode": "none",
        "argv": [places(word) for word in spec.argv],
        "env": environment(spec, places, home=home, tmp=tmp),
        "cwd": places(spec.cwd) if spec.cwd is not None else places.tree or tmp,
        "channel": -1,
        "lifeline": -1,
        "uid": None,
        "bwrap": "",
        "bwrap_args": [],
        "files": {},
        "binds": [],
        "tree": None,
        "folder": None,
        "seccomp": None,
        "readable": [],
        "writable": [],
        "devices": [],
        "network": spec.network,
        "groups": groups,
        "wall_s": limits.wall_s,
        "memory_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "file_bytes": limits.file_bytes,
        "disk_bytes": limits.disk_bytes,
    }
