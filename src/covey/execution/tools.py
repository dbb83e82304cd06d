"""Trusted programs of this machine: run with an exact environment and a deadline, and asked for their version."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from covey.core.redact import redact

_TAIL_BYTES = 64 << 10
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a trusted program ended. ``exit_code`` is None when it was killed at the deadline or could not start.

    ``output`` is the end of what it printed, both streams in one, at most 64 KiB.
    """

    exit_code: int | None
    output: str

    @property
    def ok(self) -> bool:
        """True when the program ended by itself with exit code 0."""
        return self.exit_code == 0


async def run_tool(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout_s: float) -> ToolResult:
    """Run a trusted program to its end or to the deadline; its whole process group is killed then.

    The environment is exactly ``env``. Nothing is raised for what the program does.
    """
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    )
    try:
        process = await asyncio.shield(starting)
    except (OSError, ValueError) as error:
        return ToolResult(None, f"{argv[0]} cannot be started: {error}")
    except asyncio.CancelledError:  # asyncio alone would end the program and leave its children running
        with contextlib.suppress(OSError, ValueError):
            await _end(await starting)
        raise
    tail = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            assert process.stdout is not None
            while chunk := await process.stdout.read(16 << 10):
                tail += chunk
                del tail[:-_TAIL_BYTES]
            code: int | None = await process.wait()
    except TimeoutError:
        code = None
        tail += f"\nstopped after {timeout_s:.0f} s".encode()
    finally:
        await _end(process)
    return ToolResult(code, tail.decode("utf-8", "replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the program's whole group and wait for the program."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def last_lines(text: str, count: int = 30) -> str:
    """Return the last non-empty lines without secrets: user and password of every URL go, whatever they look like."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return redact(_CREDENTIALS.sub("***@", "\n".join(lines[-count:])))


def find_uv(search_path: str) -> str | None:
    """Path of uv: the one installed with Covey, else the first on ``search_path``."""
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv", path=search_path)


async def tool_version(program: str | None, search_path: str) -> str | None:
    """Ask a program for ``--version``; None when it is absent, fails, or prints no version."""
    path = shutil.which(program, path=search_path) if program else None
    if path is None:
        return None
    result = await run_tool([path, "--version"], env={"PATH": search_path}, cwd=Path("/"), timeout_s=10)
    found = _VERSION.search(result.output)
    return found.group() if result.ok and found else None


async def node_version(search_path: str) -> str | None:
    """Version of Node.js on ``search_path``, for instance ``20.11.1``."""
    return await tool_version("node", search_path)


async def git_version(search_path: str) -> str | None:
    """Version of git on ``search_path``."""
    return await tool_version("git", search_path)


async def uv_version(search_path: str) -> str | None:
    """Version of the uv that would build environments."""
    return await tool_version(find_uv(search_path), search_path)
