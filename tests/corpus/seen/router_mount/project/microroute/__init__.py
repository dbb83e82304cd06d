from microroute.app import App, NotFound

__all__ = ["App", "NotFound"]
