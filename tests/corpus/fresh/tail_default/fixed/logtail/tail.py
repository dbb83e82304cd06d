from collections import deque


def tail(lines, count=10):
    """The last ``count`` lines (ten unless given); None is all of them."""
    return list(deque(lines, maxlen=count))


def errors(lines, **options):
    """The last lines that report an error."""
    return tail((line for line in lines if " ERROR " in line), **options)


def follow(old, new):
    """The lines of ``new`` that come after those of ``old``."""
    return new[len(old) :] if new[: len(old)] == old else new
