"""How models are shown: the catalogue, a memory plan, a download under way, a served model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from covey.app.modelplan import PlanReport
from covey.app.models import ModelListing, ProfileRow, Serving
from covey.cli.render_paper import Paper, console_for, encodable
from covey.core.redact import visible
from covey.models.transfer import Fetch, Pulled, Watcher

if TYPE_CHECKING:
    from rich.console import Console

_EVERY_S = 5.0
_GOOD, _BAD = "green", "bold red"


def size_words(size: float) -> str:
    """A number of bytes in decimal units, as model hubs and disks count."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} B"


def memory_words(size: float) -> str:
    """A number of bytes in binary units, as engines count memory."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.2f} {unit}"
    return f"{size:.0f} B"


def tokens_words(count: int) -> str:
    """A number of tokens: thousands where it is whole ones."""
    return f"{count // 1024}k" if count >= 1024 and count % 1024 == 0 else str(count)


def table(paper: Paper, heads: Sequence[str], rows: Sequence[Sequence[str]], style: str = "bold") -> None:
    """Print columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()

    paper.line(line(heads), style)
    for row in rows:
        paper.line(line(row))


def render_listing(listing: ModelListing, stream: TextIO) -> None:
    """Print the catalogue: models, profiles, and files of the user's own."""
    paper = Paper(stream)
    paper.line(f"Models for {listing.memory_gb:.3g} GB ({listing.memory_from}); files are kept in {listing.folder}")
    paper.line()
    rows = [
        (
            row.model.name,
            row.model.parameters,
            row.model.quantisation,
            ("" if row.model.exact else "~") + size_words(row.model.size),
            tokens_words(row.model.context),
            f"from {row.model.classes[0]}",
            row.model.licence,
            "yes" if row.fits else "no",
            "yes" if row.downloaded else "-",
        )
        for row in listing.models
    ]
    heads = ("name", "parameters", "quant", "size", "context", "memory", "licence", "fits", "downloaded")
    table(paper, heads, rows)
    paper.line()
    profiles = [
        (row.profile.name, _roles(row), "yes" if row.fits else "no", "yes" if row.downloaded else "-")
        for row in listing.profiles
    ]
    table(paper, ("profile", "models", "fits", "downloaded"), profiles)
    if listing.others:
        paper.line()
        paper.line(f"Other files there: {', '.join(listing.others)}")
    paper.line()
    paper.line("Get one with 'covey models pull NAME', see what it needs with 'covey models plan NAME --memory GB'.")


def _roles(row: ProfileRow) -> str:
    return ", ".join(
        filled.model if role == "all" else f"{role}: {filled.model}" for role, filled in row.profile.roles.items()
    )


def render_plan(report: PlanReport, stream: TextIO) -> None:
    """Print a memory plan row by row: what, how much, why."""
    if report.total_bytes is None:  # nothing could be read: the error says it all
        return
    paper = Paper(stream)
    paper.line(f"{report.model}: {report.path or 'not downloaded; an estimate from the figures of the catalogue'}")
    if report.rows:
        paper.line()
        rows = [(row.what, memory_words(row.bytes), row.why) for row in report.rows]
        table(paper, ("what", "memory", "why"), rows)
        paper.line()
        paper.line(
            f"context {report.context} tokens x {report.parallel}, KV cache {report.kv_type}"
            + ("" if report.gpu_layers is None else f", {report.gpu_layers} layers on the GPU")
        )
    for note in report.notes:
        paper.line(note)
    paper.line("It fits." if report.fits else "It does not fit.", _GOOD if report.fits else _BAD)


def render_pulled(file: Pulled, stream: TextIO) -> None:
    """Print where a file is and against what it was checked."""
    paper = Paper(stream)
    checked = {
        "given": "it has the SHA-256 that was expected",
        "hub": "it has the SHA-256 that the hub states for it",
        "none": "nobody stated a checksum for it",
    }[file.checked]
    already = "was there already, " if file.already else ""
    resumed = f", {size_words(file.resumed)} of it from an earlier download" if file.resumed else ""
    paper.line(f"{file.path}")
    paper.line(f"  {already}{size_words(file.size)}{resumed}; {checked}")
    if file.sha256:
        paper.line(f"  sha256 {file.sha256}")


def render_serving(served: Serving, stream: TextIO) -> None:
    """Print how to reach a served model, once, in a form that can be pasted."""
    spec = served.spec
    stream.write(
        f"{spec.name} is served: {spec.parallel} slot(s) of {spec.context} tokens, KV cache {spec.kv_type}, "
        f"{spec.gpu_layers} layers on the GPU. Ctrl-C ends it.\n"
        f"export OPENAI_BASE_URL={served.url}\n"
        f"export OPENAI_API_KEY={served.key}\n"
    )
    stream.flush()


@contextmanager
def fetch_observer(stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Watcher]:
    """Give a watcher of downloads that suits ``stream``: a bar on a terminal, a line now and then elsewhere."""
    console = console_for(stream)
    if console is None:
        yield PlainWatcher(stream, clock)
    else:
        with _bar(console) as watcher:
            yield watcher


class PlainWatcher:
    """One plain line every few seconds, and one for each wait."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._told = clock() - _EVERY_S

    def __call__(self, fetch: Fetch, /) -> None:
        """Take note of ``fetch``. A stream that nobody reads any more does not end a download."""
        now = self._clock()
        if fetch.state == "fetching" and now - self._told < _EVERY_S:
            return
        self._told = now
        line = encodable(visible(fetch_words(fetch)), self._stream.encoding)
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return


def fetch_words(fetch: Fetch) -> str:
    """One line about a download."""
    if fetch.message:
        return fetch.message
    if fetch.state == "checking":
        return "looking at what is there already" if fetch.done else "asking for the file"
    words = size_words(fetch.done) + (f" of {size_words(fetch.total)}" if fetch.total else "")
    if fetch.state == "done":
        return f"{words}: done"
    if fetch.rate:
        words += f", {size_words(fetch.rate)}/s"
    if fetch.eta_s is not None:
        words += f", {eta_words(fetch.eta_s)} left"
    return words


def eta_words(seconds: float) -> str:
    """A time to wait, in the two largest units that matter."""
    whole = min(round(seconds), 99 * 3600)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s" if minutes else f"{left} s"


@contextmanager
def _bar(console: Console) -> Iterator[Watcher]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    words = TextColumn("{task.description}", markup=False)
    columns = (words, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)

        def watch(fetch: Fetch, /) -> None:
            said = encodable(visible(fetch.message or fetch.state), console.encoding)
            progress.update(task, completed=fetch.done, total=fetch.total, description=said)

        yield watch
