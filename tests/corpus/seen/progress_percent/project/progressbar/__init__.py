from progressbar.bar import status, text

__all__ = ["status", "text"]
