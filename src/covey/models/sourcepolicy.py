"""Where an answer comes from, and whether it may: the hook that every source of a hosted model passes."""

from __future__ import annotations

from typing import Literal, Protocol

from covey.core.canonical import Frozen
from covey.core.errors import AgentFeedback


class Source(Frozen):
    """Something that an answer cites or that was looked at for it.

    ``location`` is a URL, the name of a file in a vector store, or the name of one that the model's own code wrote
    (``made``). ``licence`` is an SPDX expression where one is known.
    """

    kind: Literal["url", "file", "made"]
    location: str
    title: str = ""
    licence: str = ""


class Decision(Frozen):
    """What the policy says about a source, and why."""

    source: Source
    allowed: bool
    why: str


class SourcePolicy(Protocol):
    """Decides about one source. Must not raise."""

    def __call__(self, source: Source, /) -> Decision:
        """Say whether an answer may rest on ``source``."""
        ...


class SourceBlocked(AgentFeedback):
    """An answer rests on a source that the policy does not allow; the message names it."""


def without_policy(source: Source) -> Decision:
    """Allow what the model's own code made, and nothing from anywhere else."""
    if source.kind == "made":
        return Decision(source=source, allowed=True, why="written by the model's own code")
    return Decision(source=source, allowed=False, why="no policy for sources was given")


class ToolUse(Frozen):
    """One use of a hosted tool. ``container`` is set for the code interpreter; ``detail`` is its code or its query."""

    tool: str
    id: str = ""
    status: str = ""
    container: str = ""
    detail: str = ""


class Provenance(Frozen):
    """Where one answer of a hosted model came from, for the run's log.

    ``prompt_sha256`` is :func:`covey.models.calls.prompt_digest`; ``offered`` are the tools that the model could use.
    """

    url: str
    response: str
    model: str
    status: str
    prompt_sha256: str
    offered: tuple[str, ...] = ()
    used: tuple[ToolUse, ...] = ()
    sources: tuple[Decision, ...] = ()
    containers: tuple[str, ...] = ()
