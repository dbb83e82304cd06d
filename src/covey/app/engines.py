"""Opening model engines. The only place that names a concrete back end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Literal

from covey.models.spec import EngineSpec

if TYPE_CHECKING:
    from covey.models.local import LocalBackend

Engine = Literal["embedded", "llama-server"]


def _silent(_message: str) -> None:
    """Nobody listens."""


def local_backend(
    spec: EngineSpec, *, engine: Engine = "embedded", binary: str = "", on_event: Callable[[str], None] = _silent
) -> LocalBackend:
    """Make an engine on this machine for one model; it starts with the first request, and ``aclose()`` ends it.

    ``binary`` is the user's own llama-server. ``on_event`` is told about restarts and smaller contexts.
    Raises UnusableModel when the engine is not installed.
    """
    if engine == "llama-server":
        from covey.models.backends.llama_server import LlamaServerBackend

        return LlamaServerBackend(spec, binary, on_event=on_event)
    from covey.models.backends.embedded import EmbeddedBackend

    return EmbeddedBackend(spec, on_event=on_event)


@contextlib.asynccontextmanager
async def open_local(
    spec: EngineSpec, *, engine: Engine = "embedded", binary: str = "", on_event: Callable[[str], None] = _silent
) -> AsyncIterator[LocalBackend]:
    """Open an engine as :func:`local_backend` does; it has ended after the block."""
    async with local_backend(spec, engine=engine, binary=binary, on_event=on_event) as backend:
        yield backend
