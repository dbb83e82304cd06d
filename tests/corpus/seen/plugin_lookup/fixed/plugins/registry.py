class UnknownPlugin(LookupError):
    def __init__(self, name, known):
        super().__init__(f"unknown plug-in: {name} (known: {', '.join(sorted(known))})")
        self.name = name


class Registry:
    def __init__(self):
        self._factories = {}
        self._made = {}

    def register(self, name):
        def decorate(factory):
            if name in self._factories:
                raise ValueError(f"{name} is registered already")
            self._factories[name] = factory
            return factory

        return decorate

    def get(self, name):
        """Return the plug-in, made on first use."""
        if name not in self._made:
            try:
                factory = self._factories[name]
            except KeyError:
                raise UnknownPlugin(name, self._factories) from None
            self._made[name] = factory()
        return self._made[name]

    def names(self):
        return sorted(self._factories)
