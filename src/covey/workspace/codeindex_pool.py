"""Parses many files in a few child processes: a crash, a hang or a bomb costs one file."""

from __future__ import annotations

import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from covey.core.errors import RunError
from covey.workspace.codeindex_frames import LANGUAGE_NAMES, REPLY, REQUEST
from covey.workspace.codeindex_parse import nothing

PER_FILE_S = 20.0
"""Wall seconds after which a child is ended and its file counts as unreadable."""
_FILES_PER_WORKER = 100

Columns = tuple[bytes, bytes, bytes]


class Work(NamedTuple):
    """One file to parse: the key of the cache, and how to get its content."""

    digest: str
    language: str
    read: Callable[[], bytes]


def parse_all(
    work: Sequence[Work], stop: threading.Event, workers: int | None = None
) -> Iterator[tuple[Work, Columns]]:
    """Yield what each file holds, in no particular order; ends early when ``stop`` is set.

    Raises RunError when a child fails for a reason of its own, OSError when a file cannot be read.
    """
    count = workers or max(1, min(os.cpu_count() or 1, 4, 1 + len(work) // _FILES_PER_WORKER))
    todo = iter(work)
    lock = threading.Lock()
    done: queue.Queue[tuple[Work, Columns] | Exception | None] = queue.Queue(maxsize=64)
    ended = threading.Event()

    def drive() -> None:
        result: Exception | None = None
        try:
            with _Child() as child:
                while not (stop.is_set() or ended.is_set()):
                    with lock:
                        item = next(todo, None)
                    if item is None:
                        break
                    put((item, child.parse(item)))
        except Exception as error:  # noqa: BLE001 - handed to the consumer, which raises it
            result = error
        put(result)

    def put(item: tuple[Work, Columns] | Exception | None) -> None:
        while not ended.is_set():
            try:
                done.put(item, timeout=0.5)
            except queue.Full:
                continue
            return

    threads = [threading.Thread(target=drive, name="covey-parse", daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        running = count
        while running:
            item = done.get()
            if item is None:
                running -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                yield item
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class _Child:
    """One parsing process, started again when it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._said.close()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-P", "-m", "covey.workspace.codeindex_worker"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, bufsize=0
            )
        return self._process

    def _end(self, *, ended: bool = False) -> int:
        """End the process, or wait for one that ``ended``; return its exit code, negative for a signal."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if not ended:
            process.kill()
        process.communicate()
        return process.returncode

    def parse(self, item: Work) -> Columns:
        data = item.read()
        deadline = time.monotonic() + PER_FILE_S
        process = self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(REQUEST.pack(LANGUAGE_NAMES.index(item.language), len(data)))
            _write(process.stdin.fileno(), data)
            sizes = REPLY.unpack(self._read(REPLY.size, deadline))
            facts, uses, docs = (self._read(size, deadline) for size in sizes)
        except (BrokenPipeError, EOFError):
            code = self._end(ended=True)
            if code >= 0:  # not the file's doing
                self._said.seek(0)
                said = self._said.read().decode("utf-8", "replace")[-2_000:]
                message = "The process that parses source files failed; check that tree-sitter is installed."
                raise RunError(message, detail=said) from None
            return nothing("too deeply nested" if code == -signal.SIGVTALRM else "the parser crashed")
        except TimeoutError:
            self._end()
            return nothing("the parser took too long")
        return facts, uses, docs

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        chunks = []
        while size:
            if not select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            chunk = os.read(handle, min(size, 1 << 20))
            if not chunk:
                raise EOFError
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
