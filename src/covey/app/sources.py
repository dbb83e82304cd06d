"""The policy for what hosted models bring in: hosts that the user allows, licences that let code be used."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from covey.models.sourcepolicy import Decision, Source, SourcePolicy, without_policy

PERMISSIVE = frozenset({"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "PSF-2.0", "0BSD"})
"""SPDX identifiers of licences whose text may flow into a patch."""


def source_policy(hosts: Sequence[str], stores: Sequence[str]) -> SourcePolicy:
    """Allow pages of ``hosts`` and of their sub-domains, and files of vector ``stores`` that the user has named.

    A source with a licence must also have a permissive one.
    """
    allowed = tuple(host.lower().lstrip(".") for host in hosts)

    def decide(source: Source, /) -> Decision:
        if source.licence and source.licence not in PERMISSIVE:
            return Decision(source=source, allowed=False, why=f"its licence, {source.licence}, is not permissive")
        if source.kind == "url":
            host = (urlsplit(source.location).hostname or "").lower()
            if any(host == one or host.endswith(f".{one}") for one in allowed):
                return Decision(source=source, allowed=True, why="its host is in source_hosts")
            return Decision(source=source, allowed=False, why="its host is not in source_hosts")
        if source.kind == "file" and stores:
            return Decision(source=source, allowed=True, why="it lies in a vector store of the user's own")
        return without_policy(source)

    return decide
