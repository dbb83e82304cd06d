"""A file server on loopback that can do everything wrong: cut, lie, change the file, ignore ranges, refuse, hang."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CONTENT = b"GGUF" + bytes(range(256)) * 40


@dataclass
class Plan:
    """What to do with one request. The defaults serve the file well."""

    cut: int | None = None  # close after so many bytes of the body
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # announced instead of the real length
    ranges: bool = True
    hang: bool = False
    body: bytes | None = None
    location: str = ""
    chunked: bool = False
    etag: str | None = None
    linked: str = ""
    before: Callable[[], None] | None = None
    offset: int = 0  # sent instead of the start that was asked for


@dataclass
class FileServer:
    """Serves ``content``; each request takes the next of ``plans``, the last one for ever."""

    content: bytes = CONTENT
    plans: list[Plan] = field(default_factory=lambda: [Plan()])
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/model.gguf"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self) -> str:
        return f'"{self.sha256[:16]}"'

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in head[1:] if ":" in line}
            self.requests.append((head[0].split(" ")[1], headers))
            plan = self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
            if plan.before is not None:
                plan.before()
            self.arrived.set()
            if plan.hang:
                await reader.read()  # until the client goes away
                return
            await self._send(plan, headers, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _send(self, plan: Plan, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        whole = self.content if plan.body is None else plan.body
        etag = self.etag if plan.etag is None else plan.etag
        sent = {"ETag": etag, "X-Linked-ETag": plan.linked, "Location": plan.location, **plan.headers}
        match = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        fresh = headers.get("if-range") in (None, etag)
        status, body = 200, whole
        if plan.status is not None or plan.location:
            status, body = plan.status or 302, b"no"
        elif match and plan.ranges and fresh:
            start = int(match[1]) + plan.offset
            status, body = (206, whole[start:]) if start < len(whole) else (416, b"")
            sent["Content-Range"] = f"bytes {start}-{len(whole) - 1}/{len(whole)}"
        if plan.chunked:
            sent["Transfer-Encoding"] = "chunked"
        else:
            sent["Content-Length"] = str(len(body) if plan.length is None else plan.length)
        lines = [f"HTTP/1.1 {status} Words", *(f"{name}: {text}" for name, text in sent.items() if text)]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1"))
        kept = body if plan.cut is None else body[: plan.cut]
        if plan.chunked:
            writer.write(f"{len(body):x}\r\n".encode() + kept + (b"\r\n0\r\n\r\n" if plan.cut is None else b""))
        else:
            writer.write(kept)
        await writer.drain()


@asynccontextmanager
async def serving(*plans: Plan, content: bytes = CONTENT) -> AsyncIterator[FileServer]:
    """A server for the length of the block."""
    files = FileServer(content=content, plans=list(plans) or [Plan()])
    server = await asyncio.start_server(files.answer, "127.0.0.1", 0)
    files.port = server.sockets[0].getsockname()[1]
    try:
        yield files
    finally:
        server.close()
