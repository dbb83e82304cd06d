"""``statement.json``: the run as an in-toto statement.

Source of the format: the in-toto Attestation Framework, Statement layer v1 (``_type``, ``subject``,
``predicateType``, ``predicate``). The statement is not signed; whoever vouches for it can wrap it in an envelope.
"""

from __future__ import annotations

from pydantic import JsonValue

from covey.core.canonical import sha256, stable
from covey.core.redact import redact_json
from covey.core.report import RunReport, TestSummary
from covey.evidence.item import EvidenceInput

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:covey:run:v1"
SNAPSHOT_DIGEST = "coveySnapshot"
"""Digest name of a base snapshot's content id."""


def statement(item: EvidenceInput, report: RunReport, patch: bytes | None) -> dict[str, JsonValue]:
    """Say what was made (the patch), from what (the base), how and with which result."""
    subject: list[JsonValue] = []
    if patch is not None:
        subject.append({"name": "patch.diff", "digest": {"sha256": sha256(patch)}})
    if item.base_id:
        subject.append({"name": "base", "digest": {SNAPSHOT_DIGEST: item.base_id}})
    return {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "runId": item.run.id,
            "coveyVersion": item.run.covey_version,
            "task": redact_json(stable(item.run.task)),
            "settings": redact_json(dict(item.run.settings)),
            "seed": item.run.seed,
            "model": item.model,
            "status": report.status.value,
            "label": report.label.value if report.label else None,
            "targets": list(report.targets),
            "tests": {"before": _counts(report.tests.before), "after": _counts(report.tests.after)},
            "events": {"count": len(item.steps), "genesis": item.run.genesis, "head": item.head},
            "sandbox": {
                "name": item.applied.sandbox,
                "limits": dict(item.applied.mechanisms),
                "missing": list(item.applied.missing),
            },
        },
    }


def _counts(summary: TestSummary | None) -> JsonValue:
    if summary is None:
        return None
    names = ("total", "passed", "failed", "error", "skipped", "xfailed", "xpassed")
    return {name: getattr(summary, name) for name in names}
