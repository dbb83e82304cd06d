from shellwords.split import quote, split

__all__ = ["quote", "split"]
