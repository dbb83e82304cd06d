"""Roles, one per file: each fills one slot of the natural path and has a procedural floor."""
