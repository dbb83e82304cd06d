from overrides.context import override

__all__ = ["override"]
