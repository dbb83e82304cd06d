from .chunks import chunked, windowed
from .upload import upload

__all__ = ["chunked", "upload", "windowed"]
