"""Loopback servers that behave badly on purpose, and what tests of engines share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from pydantic import JsonValue


class Exchange:
    """One request as the server saw it, and the means to answer it byte by byte."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.path = path
        self.headers = headers
        self.body = body
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, status: int, body: JsonValue | bytes = None, headers: str = "") -> None:
        """Send a whole answer with its length."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(raw)}\r\n{headers}\r\n"
        await self.send(head.encode() + raw)

    async def begin_stream(self) -> None:
        """Send the head of a stream that ends when the connection does."""
        await self.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")

    async def event(self, data: JsonValue) -> None:
        await self.send(b"data: " + json.dumps(data).encode() + b"\n\n")

    async def gone(self) -> None:
        """Wait until the client has hung up."""
        while not self._writer.transport.is_closing():
            await self.send(b": still there\n\n")
            await asyncio.sleep(0.01)


Handler = Callable[[Exchange], Awaitable[None]]


class Server:
    """A loopback server whose every answer a test decides; ``seen`` holds the requests in order."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Exchange] = []


@asynccontextmanager
async def serving(handler: Handler) -> AsyncGenerator[Server, None]:
    """Answer each request with ``handler``; the connection closes after it."""
    server = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            exchange = Exchange(first.split(" ")[1], headers, body, writer)
            server.seen.append(exchange)
            await handler(exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            tasks.discard(task)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
