def merge(base, other):
    """A new dictionary with ``other`` laid over ``base``; nested dictionaries are merged, None removes an entry."""
    result = base
    for key, value in other.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


def difference(old, new):
    """What has to be merged into ``old`` to get ``new``."""
    changes = {}
    for key in old.keys() | new.keys():
        if key not in new:
            changes[key] = None
        elif isinstance(old.get(key), dict) and isinstance(new[key], dict):
            if inner := difference(old[key], new[key]):
                changes[key] = inner
        elif key not in old or old[key] != new[key]:
            changes[key] = new[key]
    return changes
