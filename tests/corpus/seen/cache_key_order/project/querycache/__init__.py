from querycache.cache import QueryCache

__all__ = ["QueryCache"]
