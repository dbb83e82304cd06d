from service.errors import SettingsError
from service.settings import Settings


def start(values):
    """Return what would be printed at start-up and the exit status."""
    try:
        settings = Settings.load(values)
    except SettingsError as error:
        return f"cannot start: {error}", 2
    return f"listening on {settings.host}:{settings.port}", 0
