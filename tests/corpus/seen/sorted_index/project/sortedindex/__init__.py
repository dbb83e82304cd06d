from .index import SortedIndex

__all__ = ["SortedIndex"]
