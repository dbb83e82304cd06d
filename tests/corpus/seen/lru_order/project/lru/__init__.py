from lru.cache import LRUCache, memoise

__all__ = ["LRUCache", "memoise"]
