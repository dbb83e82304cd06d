"""search_docs: the repository's own documentation."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.models.schema import Bounded
from covey.workspace.paths import show

ENDINGS = (".md", ".rst", ".txt")
PASSAGES = 5
"""Passages that one answer shows."""
_WORD = re.compile(r"\w{2,}")
_PASSAGE = 600


class SearchDocsArguments(Bounded):
    """Words to look for."""

    tool: Literal["search_docs"]
    query: Annotated[str, Field(max_length=200)]


class SearchDocs:
    """Finds the paragraphs of the documentation that hold most of the words."""

    name = "search_docs"
    about = "search_docs(query): finds passages of the documentation by words."
    arguments = SearchDocsArguments

    async def run(self, args: SearchDocsArguments, session: Session) -> str:
        """Return the best passages, each with its file."""
        words = {word.casefold() for word in _WORD.findall(args.query)}
        if not words:
            raise AgentFeedback("The query holds no word; give one to five words.")
        return await asyncio.to_thread(_search, words, session)


def _search(words: set[str], session: Session) -> str:
    found: list[tuple[int, str, int, str]] = []
    for path, text in session.view.texts(*ENDINGS):
        for number, passage in enumerate(re.split(r"\n\s*\n", text)):
            hits = len(words & {word.casefold() for word in _WORD.findall(passage)})
            if hits:
                found.append((-hits, path, number, passage.strip()[:_PASSAGE]))
    if not found:
        raise AgentFeedback("No passage of the documentation holds these words; try others, or read the code.")
    return "\n\n".join(f"{show(path)}:\n{passage}" for _, path, _, passage in sorted(found)[:PASSAGES])
