from logtail.tail import errors, follow, tail

__all__ = ["errors", "follow", "tail"]
