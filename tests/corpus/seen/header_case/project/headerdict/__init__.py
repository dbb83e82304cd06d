from headerdict.headers import HeaderDict

__all__ = ["HeaderDict"]
