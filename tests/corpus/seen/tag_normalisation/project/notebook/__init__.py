from .notes import Note, Notebook

__all__ = ["Note", "Notebook"]
