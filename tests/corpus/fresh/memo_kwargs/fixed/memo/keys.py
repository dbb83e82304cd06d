def call_key(args, kwargs):
    """A hashable key for one call."""
    return (args, tuple(sorted(kwargs.items())))
