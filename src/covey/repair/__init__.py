"""The model-free coder: locate, scope, templates, rank, search, judge, render."""
