"""What every tool is: a name, a line for the prompt, bounded arguments, and a bounded text as the answer."""

from __future__ import annotations

from typing import Protocol, TypeVar

from covey.agents.tools.session import Session
from covey.core.canonical import scrub
from covey.core.redact import redact, visible
from covey.models.context import clip
from covey.models.schema import Bounded

OUTPUT = 4_000
"""Characters of a tool's answer that reach the model, about a thousand tokens."""

ArgumentsT = TypeVar("ArgumentsT", bound=Bounded)


class Tool(Protocol[ArgumentsT]):
    """One tool. ``about`` tells the model in one line what it does and what its arguments mean."""

    @property
    def name(self) -> str:
        """What the model calls it: the ``tool`` of its arguments."""
        ...

    @property
    def about(self) -> str:
        """The line for the prompt."""
        ...

    @property
    def arguments(self) -> type[ArgumentsT]:
        """Class of the arguments; its first field ``tool`` is the tool's name."""
        ...

    async def run(self, args: ArgumentsT, session: Session) -> str:
        """Do it. Raises AgentFeedback, with a sentence that says what to do, for what cannot be done."""
        ...


def bounded(text: str, limit: int = OUTPUT) -> str:
    """Return a text that a model and the log may have: without secrets, invisible characters, addresses; not long."""
    return redact(clip(scrub(visible(text)), limit * 2 // 3, limit // 3))
