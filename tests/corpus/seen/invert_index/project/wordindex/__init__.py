from wordindex.index import build_index, search

__all__ = ["build_index", "search"]
