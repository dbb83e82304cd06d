from lookahead.peekable import Peekable

__all__ = ["Peekable"]
