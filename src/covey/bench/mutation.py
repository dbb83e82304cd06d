"""Independent mutation tools in a throw-away environment of their own: their mutants, and how fast they try them.

cosmic-ray and mutmut are never imported by Covey. They are installed beside a package's tests below the benchmark's
cache, and run as programs; where they cannot be had, :func:`get_tools` says why instead of guessing a figure.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from covey.bench.packages_cases import Case, pip_install
from covey.core.canonical import Frozen
from covey.core.errors import RunError
from covey.core.patch import Candidate, Edit
from covey.execution.tools import last_lines, run_tool
from covey.settings import search_path

COSMIC_RAY, MUTMUT = "cosmic-ray==8.7.0", "mutmut==3.8.1"
_MUTANTS_TIMEOUT_S = 300.0
_COUNT = re.compile(rb"(\d+)/(\d+)")


class Mutant(Frozen):
    """One change made by an operator of cosmic-ray: bytes ``start:end`` of the file become ``text``."""

    operator: str
    occurrence: int
    start: int
    end: int
    text: str

    def candidate(self, path: str) -> Candidate:
        """The mutant as the validator takes it."""
        edits = (Edit(path=path, start=self.start, end=self.end, text=self.text),)
        return Candidate(id=Candidate.make_id(edits), edits=edits, origin=self.operator, path=path, line=1)


@dataclass(frozen=True)
class Speed:
    """How fast a tool went: mutants a second once it was trying them, and how many it tried."""

    per_s: float
    tried: int
    note: str = ""


async def get_tools(case: Case, cache: Path) -> Path:
    """Folder of programs with both tools and what the package's tests need; built once. Raises RunError."""
    place = cache / f"{case.package.name}-{case.package.version}" / "tools"
    programs = place / "bin"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        made = await run_tool([sys.executable, "-m", "venv", str(place)], env=_environment(), cwd=cache, timeout_s=120)
        if not made.ok:
            raise RunError(f"No environment for the mutation tools can be made.\n{last_lines(made.output, 5)}")
        await pip_install(programs / "python", [COSMIC_RAY, MUTMUT, *case.package.tests], cache)
        (place / "ready").touch()
    return programs


async def get_mutants(programs: Path, source: Path, limit: int | None = None, seed: int = 0) -> list[Mutant]:
    """Mutants of one file; with ``limit`` so many at most, drawn by ``seed``. Raises RunError."""
    program = str(Path(__file__).with_name("mutation_program.py"))
    argv = [str(programs / "python"), program, str(source), *([] if limit is None else [str(limit), str(seed)])]
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _MUTANTS_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise RunError(f"cosmic-ray made no mutants of {source.name} in {_MUTANTS_TIMEOUT_S:.0f} s.") from None
    if process.returncode != 0:
        raise RunError(f"cosmic-ray made no mutants of {source.name}.\n{last_lines(err.decode('utf-8', 'replace'), 5)}")
    return [Mutant.model_validate(json.loads(line)) for line in out.splitlines()]


async def mutmut_speed(programs: Path, project: Path, file: str, tests: str, *, children: int, seconds: float) -> Speed:
    """Let mutmut run on ``file`` with ``tests`` for some seconds; it counts from its first mutant. Raises RunError.

    ``project`` is changed: it gets mutmut's configuration.
    """
    for name in ("setup.cfg", "pyproject.toml", "tox.ini"):
        (project / name).unlink(missing_ok=True)
    (project / "setup.cfg").write_text(
        f"[mutmut]\npaths_to_mutate={file}\nsource_paths={file}\nonly_mutate={file}\ntests_dir={tests}\n"
        f"pytest_add_cli_args_test_selection={tests}\nalso_copy=\n    {file.partition('/')[0]}\n"
    )
    argv = [str(programs / "mutmut"), "run", "--max-children", str(children)]
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=project, env=_environment(), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    tail, first, last = b"", (0.0, 0), (0.0, 0)
    try:
        async with asyncio.timeout(seconds + 180):
            while chunk := await process.stdout.read(1 << 16):
                tail = (tail + chunk)[-4000:]
                counts = _COUNT.findall(chunk)
                if not counts:
                    continue
                now, done = time.monotonic(), int(counts[-1][0])
                if not first[0] and done:
                    first = (now, done)
                last = (now, done) if done >= last[1] else last
                if first[0] and now - first[0] > seconds:
                    break
    except TimeoutError:
        pass
    finally:
        _kill(process)
        await process.wait()
    tried = last[1] - first[1]
    if tried <= 0:
        raise RunError(f"mutmut tried nothing.\n{last_lines(tail.decode('utf-8', 'replace'), 8)}")
    return Speed(tried / (last[0] - first[0]), tried)


async def cosmic_ray_speed(programs: Path, project: Path, file: str, tests: str, *, seconds: float) -> Speed:
    """Let cosmic-ray run for some seconds; its own way has one process. Raises RunError."""
    python = programs / "python"
    config = project / "cosmic-ray.toml"
    command = f"{python} -m pytest -x -q -p no:cacheprovider {tests}"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "{file}"\ntimeout = 10.0\nexcluded-modules = []\n'
        f'test-command = "{command}"\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    program = str(programs / "cosmic-ray")
    made = await run_tool([program, "init", config.name, "s.sqlite"], env=_environment(), cwd=project, timeout_s=120)
    if not made.ok:
        raise RunError(f"cosmic-ray cannot start.\n{last_lines(made.output, 5)}")
    started = time.monotonic()
    ended = await run_tool(
        [program, "exec", config.name, "s.sqlite"], env=_environment(), cwd=project, timeout_s=seconds
    )
    took = time.monotonic() - started
    tried = await asyncio.to_thread(_results, project / "s.sqlite")
    if not tried:
        raise RunError(f"cosmic-ray tried nothing.\n{last_lines(ended.output, 5)}")
    return Speed(tried / took, tried, "one process: its local distributor")


def _results(database: Path) -> int:
    with closing(sqlite3.connect(database)) as opened:
        return int(opened.execute("select count(*) from work_results").fetchone()[0])


def _environment() -> dict[str, str]:
    return {"PATH": search_path(), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}


def _kill(process: asyncio.subprocess.Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
