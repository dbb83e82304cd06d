from paginator.core import Page, Paginator

__all__ = ["Page", "Paginator"]
