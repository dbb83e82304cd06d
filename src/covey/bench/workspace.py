"""How long the workspace takes: snapshot, candidate layer, diff, application of a diff.

Run with ``python -m covey.bench.workspace``. It makes a repository of random files in a temporary folder and prints
one JSON object: for each operation the median and the best wall seconds of several rounds, and the median CPU seconds.

On ext4, creating files is slow for some minutes after thousands were deleted nearby (the file system does not reuse
their inodes at once and searches past them), so wait between two calls, or give each its own ``--folder``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from covey.workspace.diff import apply_patch, make_patch
from covey.workspace.files import remove_tree
from covey.workspace.layers import write_layer
from covey.workspace.snapshot import take_snapshot, verify_snapshot

_FILES_IN_A_FOLDER = 20


def make_repository(root: Path, files: int, total_bytes: int) -> None:
    """Write ``files`` files of equal size, as incompressible lines of text, in nested folders."""
    rng = random.Random(0)  # noqa: S311 - filler
    size = total_bytes // files
    for number in range(files):
        folder = root / f"package{number // _FILES_IN_A_FOLDER // 10}" / f"part{number // _FILES_IN_A_FOLDER}"
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"# {rng.getrandbits(304):076x}\n" for _ in range(size // 79 + 1))
        (folder / f"module{number}.py").write_bytes(text.encode()[:size])


async def _timed(rounds: int, work: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    wall, cpu = [], []
    for number in range(rounds):
        started, used = time.perf_counter(), sum(os.times()[:4])
        await work(number)
        wall.append(time.perf_counter() - started)
        cpu.append(sum(os.times()[:4]) - used)
    median = statistics.median
    return {"median_s": round(median(wall), 4), "best_s": round(min(wall), 4), "cpu_s": round(median(cpu), 2)}


async def measure(root: Path, files: int, total_bytes: int, rounds: int) -> dict[str, object]:
    """Measure everything below the empty folder ``root``."""
    repository = root / "repository"
    make_repository(repository, files, total_bytes)
    os.sync()  # writing the repository itself back to disk is not what is measured
    snapshot = await take_snapshot(repository, root / "snapshot", owner=None)
    path = min(snapshot.manifest.keys() - {"."}, key=lambda name: (not name.endswith(".py"), name))
    changes = {path: (Path(snapshot.base) / path).read_bytes().replace(b"#", b"# changed", 1)}
    patch = await make_patch(snapshot, changes, origin="bench")
    return {
        "files": snapshot.files,
        "bytes": snapshot.bytes,
        "snapshot": await _timed(rounds, lambda n: take_snapshot(repository, root / f"snapshot{n}", owner=None)),
        "verify": await _timed(rounds, lambda _: verify_snapshot(snapshot)),
        "layer": await _timed(rounds, lambda n: write_layer(root / f"layer{n}", snapshot, changes)),
        "make_patch": await _timed(rounds, lambda _: make_patch(snapshot, changes, origin="bench")),
        "apply_patch": await _timed(rounds, lambda n: apply_patch(snapshot, patch.diff, root / f"applied{n}")),
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m covey.bench.workspace", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=37_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="covey-bench-", dir=given.folder))
    try:
        result = asyncio.run(measure(root, given.files, given.bytes, given.rounds))
    finally:
        remove_tree(root)
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
