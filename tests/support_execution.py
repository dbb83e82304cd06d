"""What the tests of execution share: small trees, the environment of this very interpreter, the real sandbox."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from covey.core.execution import Environment, Limits, Mount, TestCommand, Tree

LIMITS = Limits(wall_s=60, memory_bytes=1 << 30, processes=128)


def this_environment(has_pytest: bool = True) -> Environment:
    """The interpreter that runs these tests, with its packages."""
    prefixes = dict.fromkeys([sys.prefix, sys.base_prefix])
    system = ("/usr",)
    mounts = tuple(Mount(source=path, target=path) for path in prefixes if path not in system)
    major, minor, micro = sys.version_info[:3]
    return Environment(
        kind="given", python=sys.executable, version=(major, minor, micro), mounts=mounts, has_pytest=has_pytest
    )


def pytest_command(*arguments: str) -> TestCommand:
    return TestCommand(framework="pytest", argv=(sys.executable, "-m", "pytest", *arguments))


def write_tree(folder: Path, files: Mapping[str, str | bytes], owner: int | None) -> Tree:
    """Write files and return them as a tree that the sandbox's user may read and write."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if owner is not None:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, owner, owner, follow_symlinks=False)
    return Tree(base=str(folder), root="/covey/project")
