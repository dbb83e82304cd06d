"""What is run, where, under which limits, and what came back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from covey.core.canonical import Frozen, Volatile

TREE_TOKEN = "@COVEY_TREE@"  # noqa: S105 - a placeholder, not a secret
"""In ``argv``, ``cwd`` and environment values: replaced by the path at which the sandbox presents the tree."""

CHANNEL_ENV = "COVEY_CHANNEL_FD"
"""Environment variable that names the inherited descriptor on which a payload reports, one JSON object a line."""

TREE_ENV = "COVEY_TREE"
"""Environment variable that holds the path at which the tree is presented."""


class Tree(Frozen):
    """A file tree described by value: a read-only base, a layer of changed files over it, removed paths.

    ``root`` is where the sandbox should present it: the user's own path for the repository, so that editable installs
    and tracebacks mean what the user expects. A sandbox that cannot mount presents a private copy elsewhere.
    """

    base: str
    root: str
    layer: str | None = None
    removed: tuple[str, ...] = ()


class Mount(Frozen):
    """A host path made visible inside. ``rw`` is for scratch folders that belong to Covey only."""

    source: str
    target: str
    mode: Literal["ro", "rw"] = "ro"


class Limits(Frozen):
    """Bounds of one execution. Sizes in bytes, times in seconds."""

    wall_s: float = 60.0
    memory_bytes: int = 2 << 30
    processes: int = 256
    file_bytes: int = 512 << 20
    disk_bytes: int = 1 << 30
    output_bytes: int = 256 << 10  # kept of each stream: the first and the last half
    channel_bytes: int = 64 << 20


class ExecSpec(Frozen):
    """One program to run in a sandbox. The environment is exactly ``env`` plus what the sandbox itself sets."""

    argv: tuple[str, ...]
    tree: Tree | None = None
    cwd: str | None = None  # default: the tree's root
    env: dict[str, str] = Field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    limits: Limits = Limits()
    network: bool = False
    stdin: bytes = b""


class Applied(Frozen):
    """What really held during an execution: mechanism by limit name, ``"none"`` where nothing did.

    Keys of ``mechanisms``: filesystem, network, uid, seccomp, memory, processes, file_size, disk, wall, output.
    """

    sandbox: str
    mechanisms: dict[str, str] = Field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the limits that nothing enforced."""
        return tuple(sorted(name for name, how in self.mechanisms.items() if how == "none"))


class ExecResult(Frozen):
    """How a program ended. ``exit_code`` is None when a signal ended it (then ``signal`` says which)."""

    exit_code: int | None
    signal: int | None = None
    timed_out: bool = False
    out_of_memory: bool = False
    truncated: bool = False
    stdout: Volatile[bytes] = b""
    stderr: Volatile[bytes] = b""
    channel: Volatile[bytes] = b""
    duration_s: Volatile[float] = 0.0
    max_memory_bytes: Volatile[int | None] = None
    applied: Volatile[Applied] = Applied(sandbox="unknown")


class Environment(Frozen):
    """The Python with which a repository's tests run. Bound read-only inside the sandbox.

    ``kind`` says where it came from; ``mounts`` are the prefixes it needs; ``lock`` is the ``name==version`` list it
    holds; ``notes`` are sentences for the user (what was reduced, what was skipped).
    """

    kind: Literal["given", "repository", "active", "built", "interpreter"]
    python: str
    version: tuple[int, int, int]
    mounts: tuple[Mount, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    has_pytest: bool = False
    lock: tuple[str, ...] = ()
    notes: Volatile[tuple[str, ...]] = ()  # how it was come by may differ from run to run


class TestCommand(Frozen):
    """How the tests are run. ``argv`` starts with the environment's interpreter where a framework is known.

    ``framework`` ``"command"`` means an opaque command that is judged by its exit code alone, as one test named
    ``command``.
    """

    __test__ = False

    framework: Literal["pytest", "unittest", "django", "command"]
    argv: tuple[str, ...]
    given: bool = False
    shell: str | None = None
    notes: tuple[str, ...] = ()
