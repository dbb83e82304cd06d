from pool.runner import Stats, run_all

__all__ = ["Stats", "run_all"]
