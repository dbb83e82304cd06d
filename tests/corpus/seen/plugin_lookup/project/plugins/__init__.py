from plugins.registry import Registry, UnknownPlugin

__all__ = ["Registry", "UnknownPlugin"]
