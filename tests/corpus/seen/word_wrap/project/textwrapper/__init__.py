from textwrapper.wrap import paragraphs, wrap

__all__ = ["paragraphs", "wrap"]
