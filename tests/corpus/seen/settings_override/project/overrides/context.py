from contextlib import contextmanager

_ABSENT = object()


@contextmanager
def override(settings, **values):
    """Change entries of a dictionary inside a ``with`` block."""
    before = {name: settings.get(name, _ABSENT) for name in values}
    settings.update(values)
    yield settings
    for name, value in before.items():
        if value is _ABSENT:
            del settings[name]
        else:
            settings[name] = value
