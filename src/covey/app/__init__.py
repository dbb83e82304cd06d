"""The composition root: the only place that builds engines, sandboxes, environments and stores.

The command line, servers and benchmarks all call :func:`run_task`; from Python, :func:`solve` is the short way in. Both
are loaded when they are first used: commands that run nothing need not wait for what runs things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from covey.app.run import resume_run as resume_run
    from covey.app.run import run_task as run_task
    from covey.app.run import solve as solve

__all__ = ["resume_run", "run_task", "solve"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the module protocol of PEP 562
    if name in __all__:
        from covey.app import run

        return getattr(run, name)
    raise AttributeError(f"module 'covey.app' has no attribute {name!r}")
