def _check(done, total):
    if total <= 0 or not 0 <= done <= total:
        raise ValueError(f"{done} of {total} is not a progress")


def text(done, total, width=10):
    """A bar such as ``[####      ]  40%``."""
    _check(done, total)
    percent = 100 * done // total
    marks = "#" * (width * percent // 100)
    return f"[{marks:<{width}}] {percent:>3}%"


def status(done, total, unit=""):
    """A line such as ``40% (4/10 files)``."""
    _check(done, total)
    percent = 100 * done // total
    counts = f"{done}/{total} {unit}".rstrip()
    return f"{percent}% ({counts})"
