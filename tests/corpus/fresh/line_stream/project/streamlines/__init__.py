from streamlines.reader import lines

__all__ = ["lines"]
