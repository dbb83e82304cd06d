"""Covey: a small, local flock of coding agents.

Give it a repository and a problem, get back a patch that has been proved by running tests. The package
imports nothing at start-up: :func:`solve`, :class:`MultiAgentSystem` and the words of :mod:`covey.core` are loaded
when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covey.app import solve as solve
    from covey.app.system import MultiAgentSystem as MultiAgentSystem

__version__ = "0.1.0"
__all__ = ["MultiAgentSystem", "__version__", "solve"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol of PEP 562
    if name == "solve":
        from covey.app import solve

        return solve
    if name == "MultiAgentSystem":
        from covey.app.system import MultiAgentSystem

        return MultiAgentSystem
    raise AttributeError(f"module 'covey' has no attribute {name!r}")
