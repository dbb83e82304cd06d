from dotted.access import get, has, put

__all__ = ["get", "has", "put"]
