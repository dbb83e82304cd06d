"""Progress on stderr: a live board on a terminal, plain lines elsewhere. Watching never ends or slows a run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from covey.cli.render_paper import console_for, encodable
from covey.core.progress import Observer, Progress, nobody
from covey.core.redact import redact, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

STAGES = (
    "prepare", "understand", "test", "reproduce", "localise", "draft", "verify", "repair", "select", "review",
    "compare", "verdict", "document",
)  # fmt: skip
"""The natural path, as it is shown before anything has happened."""

_PART_OF = {"redraft": "draft", "before": "test"}
_MARKS = {"": "·", "started": "●", "running": "●", "done": "✔", "failed": "✘"}
_ASCII_MARKS = {"": ".", "started": "*", "running": "*", "done": "+", "failed": "x"}
_STYLES = {"": "dim", "started": "bold cyan", "running": "bold cyan", "done": "green", "failed": "bold red"}
_STAGES_KEPT = 24
_MESSAGE = 100
_TICK_S = 0.125
_LINES_PER_STAGE = 12


@contextmanager
def observer(stream: TextIO, *, quiet: bool) -> Iterator[Observer]:
    """Give an observer that suits ``stream``: live on a terminal, plain lines elsewhere, nothing when ``quiet``."""
    console = None if quiet else console_for(stream)
    if quiet:
        yield nobody
    elif console is None:
        yield PlainObserver(stream)
    else:
        with LiveObserver(console, stream) as live:
            yield live


def _silence(stream: TextIO) -> None:
    """Send what is written to a stream that nobody reads any more to nowhere.

    Otherwise what is left in its buffer fails again when the interpreter ends, and changes the exit code.
    """
    try:
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except (OSError, ValueError):  # a closed stream or one without a descriptor has nothing to fail with
        return
    os.dup2(nowhere, number)
    os.close(nowhere)


class _Board:
    """What is known so far. Its size does not grow with the length of a run."""

    def __init__(self) -> None:
        self.stages: dict[str, str] = {}
        self.stage = ""
        self.message = ""
        self.best = ""
        self.tried = 0
        self.plausible = 0
        self.per_second = 0.0

    def take(self, progress: Progress) -> None:
        """Take over what ``progress`` says; a counter that it leaves at 0 is not news."""
        head = _flat(progress.stage.partition("/")[0])
        stage = _PART_OF.get(head, head)
        if stage in self.stages or len(self.stages) < _STAGES_KEPT:
            self.stages[stage] = progress.state
        if stage != self.stage or progress.message:
            self.message = _flat(progress.message)
        self.stage = stage
        self.best = _flat(progress.best) or self.best
        self.tried = max(self.tried, progress.tried)
        self.plausible = max(self.plausible, progress.plausible)
        self.per_second = progress.per_second or self.per_second

    def counters(self) -> str:
        """Candidates so far in words; empty before the first."""
        if not self.tried:
            return ""
        return f"{self.tried} tried, {self.per_second:.1f}/s, {self.plausible} plausible"


def _flat(text: str) -> str:
    line = visible(redact(" ".join(text[: 4 * _MESSAGE].split())))
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 1] + "…"


class PlainObserver:
    """One plain line when a stage is entered or has news, and counters at most every ``every_s`` seconds."""

    def __init__(self, stream: TextIO, *, every_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._every_s = every_s
        self._clock = clock
        self._started = self._counted = clock()
        self._board = _Board()
        self._lines: dict[str, int] = {}
        self._shown = ("", "")
        self._gone = False

    def __call__(self, progress: Progress, /) -> None:
        """Take note of ``progress``."""
        try:
            self._take(progress)
        except (OSError, ValueError):  # nobody reads any more, or the stream is closed: the run goes on unseen
            self._gone = True
            _silence(self._stream)

    def _take(self, progress: Progress) -> None:
        if self._gone:
            return
        board, now = self._board, self._clock()
        board.take(progress)
        news = (board.stage, board.message)
        if progress.state == "failed":
            self._print(now, f"{board.stage}: failed{': ' + board.message if board.message else ''}")
        elif board.stage not in self._lines or (board.message and news != self._shown):
            self._print(now, ": ".join(filter(None, news)))
        elif now - self._counted >= self._every_s and board.counters():
            self._counted = now
            best = f", best {board.best}" if board.best else ""
            self._print(now, f"{board.stage}: {board.counters()}{best}", counted=False)
        self._shown = news

    def _print(self, now: float, text: str, *, counted: bool = True) -> None:
        lines = self._lines.get(self._board.stage, 0)
        if counted and lines >= _LINES_PER_STAGE:
            return
        if self._board.stage in self._lines or len(self._lines) < _STAGES_KEPT:
            self._lines[self._board.stage] = lines + counted
        elif counted:
            return
        self._stream.write(encodable(f"[{now - self._started:6.1f} s] {text}", self._stream.encoding) + "\n")
        self._stream.flush()


class LiveObserver:
    """A board that is drawn again eight times a second by a thread of its own; taking note costs next to nothing."""

    def __init__(self, console: Console, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._board = _Board()
        self._marks = _MARKS if console.encoding.lower().startswith("utf") else _ASCII_MARKS
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="covey-progress", daemon=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.live import Live

        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, get_renderable=self._draw)
        try:
            self._live.start()
            self._console.show_cursor()  # a process that is killed could not give it back
        except (OSError, ValueError):  # the terminal is gone already
            self._live = None
            _silence(self._stream)
        else:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._live is not None:
            self._thread.join()
            try:
                self._live.stop()
            except (OSError, ValueError):  # the terminal went away while the run went on; its result still counts
                _silence(self._stream)

    def __call__(self, progress: Progress, /) -> None:
        """Take note of ``progress``."""
        self._board.take(progress)

    def _tick(self) -> None:
        while not self._stop.wait(_TICK_S):
            try:
                if self._live is not None:
                    self._live.refresh()
            except (OSError, ValueError):  # the terminal is gone: stop drawing, not the run
                _silence(self._stream)
                return

    def _draw(self) -> Text:
        from rich.text import Text

        board = self._board
        seen = dict(board.stages)
        text = Text()
        column = 0
        for stage in (*STAGES, *(name for name in seen if name not in STAGES)):
            state = seen.get(stage, "")
            part = f"{self._marks.get(state, self._marks['running'])} {stage}  "
            if column + len(part) > self._console.width:  # never between a mark and its stage
                text.append("\n")
                column = 0
            text.append(part, _STYLES.get(state, ""))
            column += len(part)
        text.append(f"\n{self._clock() - self._started:6.1f} s", "bold")
        for part in (board.counters(), board.message):
            if part:
                text.append(f"  {part}")
        if board.best:
            text.append(f"\n  best so far: {board.best}")
        encoded = encodable(text.plain, self._console.encoding)
        return text if encoded == text.plain else Text(encoded)
