"""read_file: lines of a file, with their numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.models.lineedits import EditFile
from covey.models.prompts import numbered
from covey.models.schema import Bounded
from covey.workspace.paths import show

LINES = 80
"""Lines shown at a time."""


class ReadFileArguments(Bounded):
    """Lines ``first`` to ``last`` of ``path``."""

    tool: Literal["read_file"]
    path: Annotated[str, Field(max_length=300)]
    first: Annotated[int, Field(ge=1, le=1_000_000)]
    last: Annotated[int, Field(ge=1, le=1_000_000)]


class ReadFile:
    """Shows lines; what was shown may be edited."""

    name = "read_file"
    about = f"read_file(path, first, last): shows these lines, at most {LINES}; lines that were shown can be edited."
    arguments = ReadFileArguments

    async def run(self, args: ReadFileArguments, session: Session) -> str:
        """Return the numbered lines."""
        path, data = session.view.read(args.path)
        file = EditFile.of(path, data)
        size = len(file.lines)
        if not size:
            return f"{show(path)} is empty."
        if args.first > size:
            raise AgentFeedback(f"{show(path)} has {size} lines; ask for lines from 1 to {size}.")
        last = min(max(args.first, args.last), args.first + LINES - 1, size)
        session.show(path, args.first, last)
        return f"{show(path)}, lines {args.first} to {last} of {size}:\n{numbered(file, args.first, last)}"
