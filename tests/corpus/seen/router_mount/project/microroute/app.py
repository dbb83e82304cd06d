from microroute.paths import join
from microroute.pattern import Pattern


class NotFound(LookupError):
    pass


class App:
    def __init__(self):
        self._routes = []

    def route(self, path):
        def decorate(handler):
            self._routes.append((path, Pattern(join(path)), handler))
            return handler

        return decorate

    def mount(self, prefix, app):
        for path, _, handler in app._routes:
            self.route(join(prefix, path))(handler)

    def dispatch(self, path):
        for _, pattern, handler in self._routes:
            arguments = pattern.match(path)
            if arguments is not None:
                return handler(**arguments)
        raise NotFound(path)
