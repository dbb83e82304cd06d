"""Concrete sandboxes, one per file. Only :mod:`covey.app` chooses among them."""
