"""The composition root: the only place that builds sandboxes, environments and stores.

The command line, servers and benchmarks all call :func:`run_task`; from Python, :func:`solve` is the short way in.
"""

from covey.app.run import resume_run, run_task, solve

__all__ = ["resume_run", "run_task", "solve"]
