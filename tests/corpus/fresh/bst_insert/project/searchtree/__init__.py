from searchtree.tree import Tree

__all__ = ["Tree"]
