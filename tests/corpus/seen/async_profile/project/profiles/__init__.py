from profiles.client import Client

__all__ = ["Client"]
