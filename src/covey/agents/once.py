"""A floor that is asked by its role and, when the role's model fails, once more: the work is done once."""

from __future__ import annotations

from typing import Generic, TypeVar

from covey.agents.workbench import Workbench
from covey.core.canonical import Frozen
from covey.core.protocols import Role

RequestT = TypeVar("RequestT", bound=Frozen)
AnswerT = TypeVar("AnswerT", bound=Frozen)


class Once(Generic[RequestT, AnswerT]):
    """Hands the last answer back when the same request, the very object, comes again."""

    def __init__(self, role: Role[RequestT, Workbench, AnswerT]) -> None:
        self._role = role
        self._last: tuple[RequestT, AnswerT] | None = None

    @property
    def name(self) -> str:
        """Name of the role."""
        return self._role.name

    async def run(self, request: RequestT, tools: Workbench) -> AnswerT:
        """Fill the slot."""
        if self._last is None or self._last[0] is not request:
            self._last = (request, await self._role.run(request, tools))
        return self._last[1]
