"""find_references: where a name is defined and used."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback, RunError
from covey.models.schema import Bounded
from covey.workspace.paths import show
from covey.workspace.references import find_references

SHOWN = 40
"""Uses that one answer names."""
_DEFINITIONS = 10
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class FindReferencesArguments(Bounded):
    """A name, plain or with the class in front."""

    tool: Literal["find_references"]
    symbol: Annotated[str, Field(max_length=120)]


class FindReferences:
    """Lists definitions, then uses, the likeliest first."""

    name = "find_references"
    about = "find_references(symbol): lists where a function, class or variable is defined and used."
    arguments = FindReferencesArguments

    async def run(self, args: FindReferencesArguments, session: Session) -> str:
        """Return the places as ``path:line: text``."""
        name = args.symbol.strip().removesuffix("()")
        if not _NAME.fullmatch(name):
            raise AgentFeedback(f"{args.symbol[:60]!r} is not a name; give one identifier.")
        index = await session.index()
        try:
            uses = await find_references(index, name, limit=SHOWN)
        except RunError as error:
            raise AgentFeedback(f"{error} Read the files instead.") from None
        defined = index.definitions(name)
        found = [f"{show(path)}:{symbol.line}: {symbol.signature}" for path, symbol in defined[:_DEFINITIONS]]
        found += [f"{show(use.path)}:{use.line}: {use.text}" for use in uses.found]
        if not found:
            raise AgentFeedback(f"Nothing is called {name}; look at the repository with analyze_codebase.")
        left = uses.total - len(uses.found) + max(0, len(defined) - _DEFINITIONS)
        return "\n".join([*found, *([f"{left} more."] if left else [])])
