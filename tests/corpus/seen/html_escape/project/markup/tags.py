from markup.escape import Safe, escaped

_VOID = {"br", "hr", "img", "input", "link", "meta"}


def attr(name, value, quote='"'):
    if value is True:
        return name
    return f"{name}={quote}{escaped(value)}{quote}"


def tag(name, *children, quote='"', **attributes):
    """Build an element; a trailing underscore in attribute names is dropped (``class_``)."""
    pairs = [attr(key.rstrip("_"), value, quote) for key, value in attributes.items() if value not in (None, False)]
    start = " ".join([name, *pairs])
    if name in _VOID:
        return Safe(f"<{start}>")
    return Safe(f"<{start}>" + "".join(escaped(child) for child in children) + f"</{name}>")
