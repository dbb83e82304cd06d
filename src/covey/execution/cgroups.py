"""Finding the control group under which executions may have children of their own, version 1 or 2."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from covey.execution.launcher.groups import PREFIX
from covey.execution.launcher.plan import Groups

_CONTROLLERS = ("memory", "pids")


def prepare() -> Groups | None:
    """Find where child groups can be made, and remove what supervisors that were killed by force have left there."""
    groups = find()
    if groups is not None:
        sweep(groups)
    return groups


def usable(group: Path) -> bool:
    """Return True when a child can be made there and our processes may move into it."""
    child = group / f"{PREFIX}{os.getpid()}-probe"
    try:
        child.mkdir()
    except OSError:
        return False
    try:
        return os.access(child / "cgroup.procs", os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)
    finally:
        _remove(child)


def find(proc: Path = Path("/proc/self"), *, usable: Callable[[Path], bool] = usable) -> Groups | None:
    """Return where child groups can be made, found out by making one; None when nowhere.

    Version 2 needs a group whose children have the controllers switched on: the nearest one above our own. Version 1
    takes our own group of each hierarchy.
    """
    mounts = list(_mounts(proc))
    second = [(root, point) for kind, root, point, _ in mounts if kind == "cgroup2"]
    for own in _own(proc, ""):
        for root, point in second:
            here = _locate(own, root, point)
            while here is not None:
                if _delegates(here) and usable(here):
                    return {"version": 2, "memory": str(here), "pids": str(here)}
                here = here.parent if here != Path(point) else None
    first: dict[str, str | None] = {}
    for controller in _CONTROLLERS:
        places = [
            place
            for own in _own(proc, controller)
            for kind, root, point, options in mounts
            if kind == "cgroup" and controller in options and (place := _locate(own, root, point)) is not None
        ]
        first[controller] = next((str(place) for place in places if usable(place)), None)
    if not any(first.values()):
        return None
    return {"version": 1, "memory": first["memory"], "pids": first["pids"]}


def sweep(groups: Groups) -> None:
    """Remove empty groups whose supervisor no longer exists."""
    for parent in {groups["memory"], groups["pids"]}:
        for path in Path(parent).glob(f"{PREFIX}*") if parent else ():
            pid = path.name.removeprefix(PREFIX).split("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                _remove(path)


def _remove(path: Path) -> bool:
    try:
        path.rmdir()
    except OSError:
        return False  # someone still lives there
    return True


def _mounts(proc: Path) -> Iterator[tuple[str, str, str, set[str]]]:
    """Yield (kind, root, mount point, options) of control group hierarchies."""
    for line in (proc / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ")[:3]
        if kind in ("cgroup", "cgroup2"):
            fields = left.split(" ")
            yield kind, fields[3], fields[4], set(options.split(","))


def _own(proc: Path, controller: str) -> Iterator[str]:
    """Yield our own path in the hierarchy of ``controller`` (``""``: version 2)."""
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            yield path


def _locate(own: str, root: str, point: str) -> Path | None:
    try:
        inside = PurePosixPath(own).relative_to(root)
    except ValueError:
        inside = PurePosixPath()  # a container shows its own group as the root of the mount
    place = Path(point) / inside
    return place if place.is_dir() else None


def _delegates(group: Path) -> bool:
    try:
        return set(_CONTROLLERS) <= set((group / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False
