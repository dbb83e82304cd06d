_MISSING = object()


def _step(value, name):
    if isinstance(value, list):
        return value[int(name)]
    return value[name]


def get(data, path, default=None):
    """Follow a dotted path through dictionaries and lists; any missing step gives the default."""
    for name in path.split("."):
        try:
            data = _step(data, name)
        except (KeyError, TypeError, ValueError):
            return default
    return data


def has(data, path):
    return get(data, path, _MISSING) is not _MISSING


def put(data, path, value):
    """Set a value, making dictionaries on the way."""
    *parents, last = path.split(".")
    for name in parents:
        data = data.setdefault(name, {})
    data[last] = value
