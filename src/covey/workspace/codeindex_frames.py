"""The frames between the code index and the child processes that parse for it."""

from __future__ import annotations

from struct import Struct

from covey.workspace.codeindex_parse import LANGUAGES

REQUEST = Struct(">BI")
"""Index of the language in LANGUAGE_NAMES, length of the content."""
REPLY = Struct(">III")
"""Lengths of the three columns."""
LANGUAGE_NAMES = tuple(sorted(set(LANGUAGES.values())))
