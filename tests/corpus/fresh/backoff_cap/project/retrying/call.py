from retrying.backoff import delays


class GiveUp(Exception):
    def __init__(self, attempts, last):
        super().__init__(f"gave up after {attempts} attempts: {last}")
        self.last = last


def call(function, sleep, *, base=1, cap=60, attempts=5, errors=(OSError,)):
    """Call until it works; sleep between attempts."""
    last = None
    for delay in delays(base, cap, attempts):
        if last is not None:
            sleep(pause)
        try:
            return function()
        except errors as error:
            last = error
            pause = delay
    raise GiveUp(attempts, last) from last
