"""Engines for language models. Empty until the first back end lands: every role has a procedural floor."""
