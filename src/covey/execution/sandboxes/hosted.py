"""Running a program on the host itself, on a private copy of its tree: the part that landlock and bare share."""

from __future__ import annotations

from pathlib import Path

from covey.core.execution import ExecSpec
from covey.execution.launcher.plan import Groups, Plan
from covey.execution.sandboxes import leftovers, request
from covey.execution.sandboxes.bubblewrap import check_root


def plan(spec: ExecSpec, scratch: Path, groups: Groups | None) -> Plan:
    """Return a plan whose tree, temporary and home folders lie in one folder that the supervisor makes and removes.

    Nothing can be mounted, so mount targets are replaced by their sources in the command, the folder to start in and
    the environment; those inside the tree become links.
    """
    root = None if spec.tree is None else check_root(spec.tree.root)
    request.check_sources(spec)
    scratch.mkdir(parents=True, exist_ok=True)
    folder = f"{scratch.resolve()}/{leftovers.run_name()}"
    targets = {request.normal(mount.target, "A mount target"): mount.source for mount in spec.mounts}
    moved = {target: source for target, source in targets.items() if target != source}
    places = request.Places(None if root is None else f"{folder}/tree", moved)
    made = request.plan(spec, places, groups=groups, home=f"{folder}/home", tmp=f"{folder}/tmp")  # noqa: S108 - a folder of our own
    made["tree"] = request.tree_plan(spec, overlay=False, links=True)
    made["folder"] = folder
    return made
