_TRUE = {"1", "yes", "true", "on"}
_FALSE = {"0", "no", "false", "off"}


class Config:
    def __init__(self, sections):
        self._sections = sections

    def section(self, name):
        return self._sections.get(name, {})

    def get(self, section, key, default=None):
        return self.section(section).get(key, default)

    def get_int(self, section, key, default=0):
        value = self.get(section, key)
        return default if value is None else int(value)

    def get_bool(self, section, key, default=False):
        value = self.get(section, key)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise ValueError(f"{section}.{key}: not a yes or no: {value!r}")
