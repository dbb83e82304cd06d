"""What a run leaves behind besides its log."""

from __future__ import annotations

from enum import StrEnum

from covey.core.canonical import Frozen


class ArtifactKind(StrEnum):
    """What an artifact is, so that it can be found again for each run."""

    log = "log"
    patch = "patch"
    test_results = "test_results"
    environment = "environment"
    provenance = "provenance"
    sbom = "sbom"
    report = "report"
    manifest = "manifest"
    other = "other"


class Artifact(Frozen):
    """A named reference of one run to kept bytes: ``digest`` is their SHA-256, ``size`` their number."""

    name: str
    digest: str
    size: int
    kind: ArtifactKind
