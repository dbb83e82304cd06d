from csvout.writer import write

__all__ = ["write"]
