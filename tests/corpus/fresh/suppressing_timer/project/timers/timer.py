import time


class Timer:
    """Context manager that reports how long its block took."""

    def __init__(self, log, name="block", clock=time.monotonic):
        self.log = log
        self.name = name
        self.clock = clock
        self.seconds = None

    def __enter__(self):
        self._started = self.clock()
        return self

    def __exit__(self, kind, error, traceback):
        self.seconds = self.clock() - self._started
        state = "ok" if error is None else f"failed: {kind.__name__}"
        self.log(f"{self.name} took {self.seconds:.1f} s ({state})")
        return True
