"""What executions and probes leave in the scratch folder when their Covey is killed by force."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from covey.execution.launcher import trees

_FOLDER = re.compile(r"(?:run|probe)-(\d+)-\w+")


def run_name() -> str:
    """Name for the folder of one execution of this process."""
    return f"run-{os.getpid()}-{os.urandom(8).hex()}"


def probe_prefix() -> str:
    """Beginning of the name of a probe's folder of this process."""
    return f"probe-{os.getpid()}-"


def sweep(scratch: Path) -> None:
    """Remove folders whose Covey no longer exists, and with it its supervisor."""
    if not scratch.is_dir():
        return
    descriptor = trees.folder(str(scratch))
    try:
        for name in os.listdir(descriptor):  # noqa: PTH208 - by descriptor
            found = _FOLDER.fullmatch(name)
            if found and not Path(f"/proc/{found.group(1)}").exists():
                with contextlib.suppress(FileNotFoundError):  # another Covey sweeps at the same time
                    trees.remove_entry(descriptor, name)
    finally:
        os.close(descriptor)
