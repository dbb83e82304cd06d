"""Which tools there are, what a role may write to use them, and the one place where they are used."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import cache, reduce
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, create_model

from covey.agents.tools.analyze_codebase import AnalyzeCodebase
from covey.agents.tools.apply_edit import LIMITS, ApplyEdit
from covey.agents.tools.base import Tool, bounded
from covey.agents.tools.find_references import FindReferences
from covey.agents.tools.git_diff import GitDiff
from covey.agents.tools.install import Install
from covey.agents.tools.read_file import ReadFile
from covey.agents.tools.run_tests import RunTests
from covey.agents.tools.search_docs import SearchDocs
from covey.agents.tools.search_text import SearchText
from covey.agents.tools.session import Session
from covey.core.errors import AgentFeedback
from covey.core.model import Capabilities, Schema
from covey.core.redact import redact_json
from covey.core.task import ToolCall, ToolResult
from covey.models.edits import EditGrammar, edit_grammar
from covey.models.schema import Bounded, schema_of

TOOLS: Mapping[str, Tool[Any]] = MappingProxyType(
    {
        tool.name: tool
        for tool in (
            ReadFile(), AnalyzeCodebase(), SearchDocs(), SearchText(), FindReferences(),
            GitDiff(), RunTests(), ApplyEdit(), Install(),
        )
    }
)  # fmt: skip
"""By name; a new tool is a new file and a name here and in :mod:`covey.agents.tools.limits`."""

_THOUGHT = 200


class Stop(Bounded):
    """The agent has nothing more to do. What it says about its success is not read."""

    tool: Literal["stop"]


@cache
def action_of(names: tuple[str, ...]) -> type[Bounded]:
    """Return the class of one turn: a ``thought``, which nothing follows from, and an ``action`` of these tools."""
    arguments = reduce(operator.or_, (TOOLS[name].arguments for name in names), Stop)
    fields: dict[str, Any] = {
        "thought": (Annotated[str, Field(max_length=_THOUGHT)], ...),
        "action": (Annotated[arguments, Field(discriminator="tool")] if names else Stop, ...),
    }
    return create_model("Action", __base__=Bounded, **fields)


def action_schema(names: tuple[str, ...], grammar: EditGrammar[Any] | None) -> Schema:
    """Return the schema of :func:`action_of`: edits as ``grammar`` has them, none without one."""
    schema: Any = schema_of(action_of(names))
    action = schema["properties"]["action"]
    branches = []
    for branch in action.get("anyOf", [action]):
        if branch["properties"]["tool"]["enum"] == [ApplyEdit.name]:
            if grammar is None:
                continue
            edits: Any = grammar.schema["properties"]
            branch["properties"]["edits"] = edits["edits"]
        branches.append(branch)
    schema["properties"]["action"] = branches[0] if len(branches) == 1 else {"anyOf": branches}
    return schema  # type: ignore[no-any-return]


def prepare_edits(session: Session, found: Capabilities) -> None:
    """Make the grammar by which the next edit is written, from the lines that were shown."""
    files = session.editable() if ApplyEdit.name in session.allowance.tools else []
    session.grammar = edit_grammar(files, found, LIMITS) if files else None


async def use(session: Session, action: Bounded, number: int) -> tuple[ToolCall, ToolResult]:
    """Use the tool that ``action`` is the arguments of; trouble is an answer too.

    Raises RunError when the sandbox failed, which is nobody's answer.
    """
    name = str(getattr(action, "tool", ""))
    arguments: dict[str, JsonValue] = action.model_dump(mode="json", exclude={"tool"})
    safe = redact_json(arguments)
    call = ToolCall(id=str(number), tool=name, arguments=safe if isinstance(safe, dict) else {})
    try:
        session.spend_turn(name)
        return call, ToolResult(call_id=call.id, ok=True, text=bounded(await TOOLS[name].run(action, session)))
    except AgentFeedback as error:
        return call, ToolResult(call_id=call.id, ok=False, text=bounded(str(error)))
    except OSError as error:  # a file of the snapshot that is gone or was replaced
        said = f"A file could not be read: {error.strerror}. Look at others."
        return call, ToolResult(call_id=call.id, ok=False, text=bounded(said))


def described(names: Sequence[str]) -> list[str]:
    """The lines of a prompt that say what the tools do."""
    return [TOOLS[name].about for name in names]
