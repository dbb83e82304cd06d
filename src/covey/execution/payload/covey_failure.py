"""Turn an exception into a bounded, JSON-ready description. Python 3.6 and later, alone.

PYTEST_DONT_REWRITE
"""

import traceback

from covey_channel import inside

MESSAGE_CHARS = 2000
TEXT_CHARS = 6000
FRAMES = 60


def bounded(text, limit):
    """Keep the first two thirds and the last third of a text that is too long."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return text[:head] + "\n[...]\n" + text[len(text) - (limit - head) :]


def message_of(error):
    """Text of an exception, whatever its ``__str__`` does."""
    try:
        return bounded(str(error), MESSAGE_CHARS)
    except Exception as trouble:
        return "<str() raised %s>" % type(trouble).__name__


def chain(error):
    """The exception and what led to it, last first, each once."""
    seen = []
    while error is not None and not any(error is item for item in seen) and len(seen) < 10:
        seen.append(error)
        cause = getattr(error, "__cause__", None)
        if cause is None and not getattr(error, "__suppress_context__", False):
            cause = getattr(error, "__context__", None)
        error = cause
    return seen


def frames_of(tb, root):
    """Frames inside the tree, outer to inner; the middle of a deep recursion is left out."""
    found = []
    while tb is not None:
        code = tb.tb_frame.f_code
        path = inside(code.co_filename, root)
        if path is not None:
            found.append([path, tb.tb_lineno, code.co_name])
        tb = tb.tb_next
    if len(found) > FRAMES:
        found = found[: FRAMES // 2] + found[-FRAMES // 2 :]
    return found


def _unwrap(error, names):
    """Look through a framework's own wrapper at the exception it reports."""
    while type(error).__name__ in names:
        inner = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
        if inner is None and hasattr(error, "exc_info"):
            inner = error.exc_info[1]
        if inner is None and hasattr(error, "excinfo"):
            inner = error.excinfo[1]
        if inner is None:
            break
        error = inner
    return error


WRAPPERS = ("CollectError", "ConftestImportFailure", "UnexpectedException")


def describe(error, root, text="", brief=False):
    """Describe an exception: type, message, frames inside ``root``, missing module, printed text.

    ``brief``: nobody looks at frames and text.
    """
    error = _unwrap(error, WRAPPERS)
    if type(error).__name__ == "MultipleDoctestFailures" and getattr(error, "failures", None):
        error = error.failures[0]
    links = chain(error)
    frames = [] if brief else frames_of(getattr(error, "__traceback__", None), root)
    for link in [] if brief else links[1:]:
        frames.extend(item for item in frames_of(getattr(link, "__traceback__", None), root) if item not in frames)
    message = message_of(error)
    if type(error).__name__ == "DocTestFailure":
        message = bounded("Expected:\n%sGot:\n%s" % (error.example.want, error.got), MESSAGE_CHARS)
        path = inside(error.test.filename, root)
        if path is not None:
            frames.append([path, (error.test.lineno or 0) + error.example.lineno + 1, error.test.name])
    elif isinstance(error, SyntaxError):
        path = inside(error.filename or "", root)
        if path is not None and error.lineno:
            frames.append([path, error.lineno, ""])
    missing = [
        link.name for link in links if isinstance(link, ImportError) and type(link).__name__ == "ModuleNotFoundError"
    ]
    if not text and not brief:
        try:
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-20))
        except Exception:
            text = message
    return {
        "type": type(error).__name__,
        "message": message,
        "frames": frames[-FRAMES:],
        "missing": missing[0] if missing else None,
        "text": bounded(text, TEXT_CHARS),
    }
