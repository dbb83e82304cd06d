from dataclasses import dataclass

from service.errors import SettingsError


def _integer(name, value, low, high):
    try:
        number = int(value)
    except TypeError:
        raise SettingsError(name, value, "not a whole number") from None
    if not low <= number <= high:
        raise SettingsError(name, value, f"must be between {low} and {high}")
    return number


@dataclass(frozen=True)
class Settings:
    host: str = "localhost"
    port: int = 8000
    workers: int = 1

    @classmethod
    def load(cls, values):
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise SettingsError(min(unknown), values[min(unknown)], "unknown setting")
        return cls(
            host=values.get("host", cls.host),
            port=_integer("port", values.get("port", cls.port), 1, 65535),
            workers=_integer("workers", values.get("workers", cls.workers), 1, 64),
        )
