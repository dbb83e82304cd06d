"""A child process that reads source files: frames on standard input, packed facts on standard output.

A frame is the index of the language (1 byte) and the length (4 bytes, big endian), then the content. The answer is
three lengths, then the three columns of :func:`covey.workspace.codeindex_parse.extract`. The end of input ends the
child, so it never outlives its parent for longer than one file takes.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys

from covey.workspace.codeindex_frames import LANGUAGE_NAMES, REPLY, REQUEST
from covey.workspace.codeindex_parse import extract, nothing

_MEMORY = 2 << 30
_CPU_SECONDS = 2.0
"""A query over a syntax tree of depth n can take n² steps inside C; the timer's signal then ends the child."""


def main() -> None:
    """Answer frames until the input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY if most < 0 else min(_MEMORY, most), most))
    gc.disable()  # short-lived trees without cycles; collecting would visit a million nodes
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(REQUEST.size)) == REQUEST.size:
        language, size = REQUEST.unpack(head)
        data = source.read(size)
        signal.setitimer(signal.ITIMER_VIRTUAL, _CPU_SECONDS)
        try:
            columns = extract(LANGUAGE_NAMES[language], data)
        except MemoryError:
            columns = nothing("too much for the parser's memory")
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sink.write(REPLY.pack(*map(len, columns)) + b"".join(columns))
        sink.flush()


if __name__ == "__main__":
    main()
