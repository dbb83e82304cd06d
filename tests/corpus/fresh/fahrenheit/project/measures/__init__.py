from measures.convert import convert

__all__ = ["convert"]
