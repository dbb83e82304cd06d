from appconfig.config import Config
from appconfig.parser import parse

__all__ = ["Config", "parse"]
