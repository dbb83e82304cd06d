from outline.node import Node

__all__ = ["Node"]
