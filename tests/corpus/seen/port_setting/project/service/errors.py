class SettingsError(Exception):
    """A setting has a value that cannot be used."""

    def __init__(self, name, value, reason):
        super().__init__(f"{name} = {value!r}: {reason}")
        self.name = name
