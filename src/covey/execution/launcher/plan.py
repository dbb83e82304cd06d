"""What Covey asks of the supervisor and what comes back, both sent with :mod:`marshal` (it costs no import).

Both ends are the same interpreter and the same trust: nothing from inside a sandbox is ever decoded this way.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class Groups(TypedDict):
    """Existing control groups under which a child group may be made, by controller."""

    version: int  # 1 or 2
    memory: str | None
    pids: str | None


class TreePlan(TypedDict):
    """The tree to present. ``points`` are mount points to make in it: relative path, whether it is a folder."""

    base: str
    layer: str | None
    removed: list[str]
    points: list[tuple[str, bool]]
    links: list[tuple[str, str]]  # relative path, target
    overlay: bool


class Plan(TypedDict):
    """One execution."""

    mode: Literal["bubblewrap", "landlock", "none"]
    argv: list[str]
    env: dict[str, str]
    cwd: str
    channel: int
    lifeline: int
    uid: int | None  # become this user before the program starts
    bwrap: str
    bwrap_args: list[str]
    files: dict[str, bytes]  # synthetic files, by path relative to the stage
    binds: list[tuple[str, str]]  # host path, name on the stage
    tree: TreePlan | None
    folder: str | None  # scratch folder of this execution: made here, removed at the end
    seccomp: bytes | None
    readable: list[str]  # for Landlock
    writable: list[str]
    devices: list[str]
    network: bool
    groups: Groups | None
    wall_s: float
    memory_bytes: int
    processes: int
    file_bytes: int
    disk_bytes: int


class Report(TypedDict, total=False):
    """How it went. ``error`` means that the sandbox failed, not the program."""

    error: str
    unstarted: bool  # bubblewrap ended before the program began
    exit_code: int | None
    signal: int | None
    timed_out: bool
    out_of_memory: bool
    max_memory_bytes: int | None
    duration_s: float
    mechanisms: dict[str, str]
