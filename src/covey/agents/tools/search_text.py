"""search_text: lines of the repository that hold a text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback, RunError
from covey.models.schema import Bounded
from covey.workspace.paths import show
from covey.workspace.textsearch import search_text

SHOWN = 30
"""Lines that one answer names."""
_FOUND = 200
_SECONDS = 10.0


class SearchTextArguments(Bounded):
    """A text as it stands in a line."""

    tool: Literal["search_text"]
    text: Annotated[str, Field(max_length=120)]


class SearchText:
    """Searches the base version of all files, held-out tests left out."""

    name = "search_text"
    about = "search_text(text): lists the lines that hold this text, as it is written."
    arguments = SearchTextArguments

    async def run(self, args: SearchTextArguments, session: Session) -> str:
        """Return the places as ``path:line: text``."""
        left = session.bench.deadline.left
        if left <= 0:
            raise AgentFeedback("There is no time left to search.")
        try:
            matches = await search_text(
                session.bench.ground.snapshot, args.text, limit=_FOUND, timeout_s=min(_SECONDS, left)
            )
        except RunError as error:
            raise AgentFeedback(f"{error} Read the files instead.") from None
        found = [match for match in matches.found if not session.view.held_out(match.path)]
        if not found:
            raise AgentFeedback("No line holds that text; try a shorter part of it.")
        lines = [f"{show(match.path)}:{match.line}: {match.text.strip()}" for match in found[:SHOWN]]
        return "\n".join([*lines, *([f"{len(found) - SHOWN} more."] if len(found) > SHOWN else [])])
