"""Where text is printed: styled on a terminal, plain everywhere else. Rich is loaded for terminals only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from covey.core.redact import redact, visible

if TYPE_CHECKING:
    from rich.console import Console

_KEY = 10
_DIFF_LINES = 400
_DIFF_STYLES = (("+++", "bold"), ("---", "bold"), ("+", "green"), ("-", "red"), ("@@", "cyan"), ("diff ", "bold"))


def console_for(stream: TextIO) -> Console | None:
    """Return a Rich console when ``stream`` is a terminal that wants colour; None for plain output.

    A pipe, a file, ``NO_COLOR`` and a dumb terminal all mean plain.
    """
    if not stream.isatty():
        return None
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    return None if console.no_color or console.is_dumb_terminal else console


def encodable(text: str, encoding: str | None) -> str:
    """Return ``text`` with what ``encoding`` cannot hold as escapes, so that printing never fails."""
    name = encoding or "utf-8"
    return text.encode(name, "backslashreplace").decode(name)


class Paper:
    """Prints lines of text of any origin: escape sequences in it are made visible, styles are Covey's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = console_for(stream)

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line; line feeds inside ``text`` stay."""
        self.spans((text, style))

    def spans(self, *spans: tuple[str, str]) -> None:
        """Print one line made of (text, style) parts."""
        safe = [(encodable(visible(text), self._stream.encoding), style) for text, style in spans]
        if self._console is None:
            self._stream.write("".join(text for text, _ in safe).rstrip(" ") + "\n")
            return
        from rich.text import Text

        self._console.print(Text.assemble(*safe), soft_wrap=True)

    def field(self, key: str, text: str, style: str = "") -> None:
        """Print a named fact, secrets redacted; further lines of ``text`` are indented below it."""
        for number, line in enumerate(redact(text).split("\n")):
            self.spans((f"{key if not number else '':<{_KEY}}", "dim"), (line, style))

    def names(self, key: str, names: tuple[str, ...], limit: int = 10) -> None:
        """Print a named list, one name a line, at most ``limit`` of them."""
        shown = list(names[:limit])
        if len(names) > limit:
            shown.append(f"and {len(names) - limit} more")
        if shown:
            self.field(key, "\n".join(shown))

    def diff(self, text: str) -> None:
        """Print a unified diff, line by line, coloured on a terminal."""
        lines = text.rstrip("\n").split("\n")
        for line in lines[:_DIFF_LINES]:
            self.line(line, next((style for start, style in _DIFF_STYLES if line.startswith(start)), ""))
        if len(lines) > _DIFF_LINES:
            self.line(f"… {len(lines) - _DIFF_LINES} more lines: see the patch file", "dim")
