def clean(record):
    """A copy of a record without the entries that are None, at any depth."""
    return {
        name: clean(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if value is not None
    }


def changed(old, new):
    """Names whose value differs, sorted."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
