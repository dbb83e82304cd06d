"""What the code index costs on half a million lines: ``python -m covey.bench.code_index``.

Django's source distribution comes from the package index, pinned by SHA-256 and kept below COVEY_HOME; its code is
parsed and never run. One JSON object is printed: seconds of the first index (cold) and of a fresh one over the same
cache (warm: median of several), of the repository map, of a query for references, of the text and documentation
search, and peak memory of this process and of the largest child. Exit code 3: the package index is out of reach.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from covey.bench.packages_cases import unpack
from covey.core.errors import RunError
from covey.execution.tools import last_lines, run_tool
from covey.settings import install_environment, load_settings, search_path
from covey.workspace.codeindex import CodeIndex
from covey.workspace.docsearch import DocSearch
from covey.workspace.references import find_references
from covey.workspace.repomap import repository_map
from covey.workspace.snapshot import take_snapshot
from covey.workspace.sources import SourceFiles
from covey.workspace.textsearch import search_text

REQUIREMENT = "django==5.2.8"
SHA256 = "23254866a5bb9a2cfa6004e8b809ec6246eba4b58a7589bc2772f1bcc8456c7f"
NAME = "QuerySet.bulk_create"
"""What is looked for: a method whose plain name is used in some sixty files."""
_DOWNLOAD_S = 300.0
_T = TypeVar("_T")


async def fetch(place: Path) -> Path:
    """Return the unpacked source below ``place``, fetched with pip when it is not there. Raises RunError."""
    source = place / "source"
    if source.is_dir():
        return source
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "wanted.txt").write_text(f"{REQUIREMENT} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--no-binary", ":all:", "--dest", str(place / "sdist"), "--requirement", str(place / "wanted.txt")]
    environment = {**install_environment(), "PATH": search_path(), "HOME": str(place)}
    result = await run_tool(command, env=environment, cwd=place, timeout_s=_DOWNLOAD_S)
    if not result.ok:
        words = last_lines(result.output, 8)
        raise RunError(f"{REQUIREMENT} cannot be fetched; is the package index within reach?\n{words}")
    (archive,) = (place / "sdist").iterdir()
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        raise RunError(f"{archive} is not the source distribution that was asked for; remove {place} and try again.")
    await asyncio.to_thread(unpack, archive, source)
    return source


async def timed(act: Callable[[], Awaitable[_T]], cpu: list[float] | None = None) -> tuple[_T, float]:
    """Return the result of ``act`` and its wall seconds; this process's CPU seconds are appended to ``cpu``."""
    started, used = time.monotonic(), time.process_time()
    result = await act()
    if cpu is not None:
        cpu.append(time.process_time() - used)
    return result, time.monotonic() - started


async def measure(source: Path, rounds: int) -> dict[str, object]:
    """Index the folder ``source``, ask, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="covey-bench-") as temporary:
        snapshot = await take_snapshot(source, Path(temporary, "snapshot"), owner=None)
        cache = Path(temporary, "code.sqlite3")

        async def indexed() -> CodeIndex:
            index = CodeIndex.open(cache)
            await index.update(SourceFiles(snapshot))
            return index

        index, cold_s = await timed(indexed)
        warm, maps = [], []
        warm_cpu: list[float] = []
        map_cpu: list[float] = []
        for _ in range(rounds):
            index, seconds = await timed(indexed, warm_cpu)
            warm.append(seconds)
            made, seconds = await timed(lambda: repository_map(index, 1_000, symbols=[NAME]), map_cpu)  # noqa: B023 - awaited
            maps.append(seconds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        lines = {name: index.read(name).count(b"\n") for name in index.paths}
        found, first_s = await timed(lambda: find_references(index, NAME))
        _, again_s = await timed(lambda: find_references(index, NAME))
        path = index.definitions(NAME)[0][0]
        edit = {path: index.read(path) + b"\nchanged = 1\n"}
        _, edited_s = await timed(lambda: index.update(SourceFiles(snapshot), edit))
        matches, text_s = await timed(lambda: search_text(snapshot, "bulk_create"))
        slow, python_s = await timed(lambda: search_text(snapshot, "bulk_create", program=None, timeout_s=60))
        docs, docs_s = await timed(lambda: DocSearch.open(Path(temporary, "docs"), SourceFiles(snapshot), index))
        _, ask_s = await timed(lambda: docs.search("create many objects at once in batches"))
        return {
            "python_lines": sum(count for name, count in lines.items() if name.endswith(".py")),
            "lines": sum(lines.values()),
            "files": len(index.paths),
            "symbols": sum(len(index.symbols(name)) for name in index.paths),
            "cache_mb": round(cache.stat().st_size / 1e6, 1),
            "cold_s": round(cold_s, 2),
            "warm_s": round(statistics.median(warm), 3),
            "map_s": round(statistics.median(maps), 3),
            "warm_cpu_s": round(statistics.median(warm_cpu), 3),
            "map_cpu_s": round(statistics.median(map_cpu), 3),
            "map_tokens": made.tokens,
            "one_edit_s": round(edited_s, 3),
            "references": found.total,
            "references_first_s": round(first_s, 3),
            "references_again_s": round(again_s, 3),
            "text_search_s": round(text_s, 3),
            "text_search_python_s": round(python_s, 3),
            "text_search_same": matches == slow,
            "docs_index_s": round(docs_s, 2),
            "docs_query_s": round(ask_s, 4),
            "peak_mb": round(memory * 1024 / 1e6),
            "peak_child_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6),
            "load": round(os.getloadavg()[0], 1),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch, measure, and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m covey.bench.code_index", description=__doc__)
    parser.add_argument("--repository", type=Path, metavar="DIR", help="this folder instead of Django's source")
    parser.add_argument("--rounds", type=int, default=5, help="warm starts and maps (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    given = parser.parse_args(arguments)
    try:
        place = load_settings().home / "bench" / "code_index" / SHA256[:12]
        source = given.repository or asyncio.run(fetch(place.absolute()))
        figures = json.dumps(asyncio.run(measure(source, max(1, given.rounds))), indent=2) + "\n"
    except RunError as error:
        sys.stderr.write(f"{error}\n{error.detail}".rstrip() + "\n")
        return 3
    sys.stdout.write(figures)
    if given.json is not None:
        given.json.write_text(figures, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
