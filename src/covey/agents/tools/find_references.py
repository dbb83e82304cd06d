"""find_references: where a name is defined and used."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.models.schema import Bounded
from covey.workspace.paths import show

SHOWN = 40
"""References that one answer names."""
_NAME = re.compile(r"[^\W\d]\w*")
_LINE = 160


class FindReferencesArguments(Bounded):
    """A name; of a dotted one the last part counts."""

    tool: Literal["find_references"]
    symbol: Annotated[str, Field(max_length=120)]


class FindReferences:
    """Lists lines of Python that hold a name, definitions first."""

    name = "find_references"
    about = "find_references(symbol): lists where a function, class or variable is defined and used."
    arguments = FindReferencesArguments

    async def run(self, args: FindReferencesArguments, session: Session) -> str:
        """Return the places as ``path:line: text``."""
        name = args.symbol.strip().rstrip("()").rpartition(".")[2]
        if not _NAME.fullmatch(name):
            raise AgentFeedback(f"{args.symbol[:60]!r} is not a name; give one identifier.")
        return await asyncio.to_thread(_find, name, session)


def _find(name: str, session: Session) -> str:
    word = re.compile(rf"\b{re.escape(name)}\b")
    defined = re.compile(rf"^\s*(?:(?:async\s+)?def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*[:=]")
    definitions: list[str] = []
    uses: list[str] = []
    for path, text in session.view.texts(".py"):
        if name not in text:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if word.search(line):
                told = f"{show(path)}:{number}: {line.strip()[:_LINE]}"
                (definitions if defined.search(line) else uses).append(told)
    found = [*definitions, *uses]
    if not found:
        raise AgentFeedback(f"Nothing is called {name}; look at the repository with analyze_codebase.")
    left = f"\n{len(found) - SHOWN} more." if len(found) > SHOWN else ""
    return "\n".join(found[:SHOWN]) + left
