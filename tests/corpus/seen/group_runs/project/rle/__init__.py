from rle.codec import compress, expand
from rle.runs import runs

__all__ = ["compress", "expand", "runs"]
