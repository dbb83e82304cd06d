class Emitter:
    """Calls handlers in the order in which they were registered."""

    def __init__(self):
        self._handlers = {}

    def on(self, name, handler):
        self._handlers.setdefault(name, []).append(handler)
        return handler

    def once(self, name, handler):
        def wrapper(*args, **kwargs):
            self.off(name, wrapper)
            return handler(*args, **kwargs)

        return self.on(name, wrapper)

    def off(self, name, handler):
        self._handlers[name].remove(handler)

    def emit(self, name, *args, **kwargs):
        return [handler(*args, **kwargs) for handler in list(self._handlers.get(name, ()))]

    def count(self, name):
        return len(self._handlers.get(name, ()))
