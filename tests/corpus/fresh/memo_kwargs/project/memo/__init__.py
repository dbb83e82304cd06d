from memo.cached import cached

__all__ = ["cached"]
