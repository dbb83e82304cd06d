"""search_docs: the repository's own documentation and docstrings."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback, RunError
from covey.models.schema import Bounded
from covey.workspace.docsearch import DocSearch
from covey.workspace.paths import show

PASSAGES = 6
"""Passages that one answer shows."""
_WORD = re.compile(r"\w\w")


class SearchDocsArguments(Bounded):
    """Words to look for."""

    tool: Literal["search_docs"]
    query: Annotated[str, Field(max_length=200)]


class SearchDocs:
    """Finds the passages that hold most of the words."""

    name = "search_docs"
    about = "search_docs(query): finds passages of the documentation and of docstrings by words."
    arguments = SearchDocsArguments

    async def run(self, args: SearchDocsArguments, session: Session) -> str:
        """Return the best passages, each with its place."""
        if not _WORD.search(args.query):
            raise AgentFeedback("The query holds no word; give one to five words.")
        index = await session.index()
        try:
            documents = await DocSearch.open(session.cache, session.view, index)
            found = await documents.search(args.query, PASSAGES)
        except RunError as error:
            raise AgentFeedback(f"{error} Read the files instead.") from None
        if not found:
            raise AgentFeedback("No passage of the documentation holds these words; try others, or read the code.")
        return "\n\n".join(
            f"{show(one.path)}:{one.line}{f' ({one.name})' if one.name else ''}: {one.text.strip()}" for one in found
        )
