"""What a run over the corpus found: one record for each bug, the summary, and both as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from covey.core.canonical import Frozen


class Record(Frozen):
    """One bug as it went.

    ``rank`` is the position, from 1, of the first patch that passes the hidden tests among those offered (None when
    none does). ``candidates_per_s`` counts validated candidates over the seconds of the search.
    """

    name: str
    set: str
    kind: str
    hard: bool = False
    status: str
    label: str | None = None
    found: bool = False
    hidden_pass: bool = False
    rank: int | None = None
    offered: int = 0
    duration_s: float = 0.0
    candidates: int = 0
    candidates_per_s: float = 0.0
    diff: str = ""
    error: str = ""


class KindSummary(Frozen):
    """Counts for one kind of bug."""

    total: int
    found: int
    hidden_pass: int


class Summary(Frozen):
    """The figures of one run. Shares are 0..1; times are wall seconds by the nearest-rank percentile."""

    total: int
    found: int
    found_share: float
    hidden_pass: int
    hidden_share: float
    p50_s: float
    p95_s: float
    candidates: int
    candidates_per_s: float
    kinds: dict[str, KindSummary]
    missed: tuple[str, ...]
    overfitted: tuple[str, ...]
    errors: tuple[str, ...]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest value with at least ``percent`` % of all at or below it."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(1, math.ceil(percent / 100 * len(ordered))) - 1]


def summarise(records: Sequence[Record]) -> Summary:
    """Count found patches, those that also pass hidden tests, and the time they took."""
    found = [record for record in records if record.found]
    right = [record for record in found if record.hidden_pass]
    durations = [record.duration_s for record in records]
    # Records without a rate (already passing, failed before the search) would only dilute it.
    searched = [record for record in records if record.candidates_per_s > 0]
    search_s = sum(record.candidates / record.candidates_per_s for record in searched)
    kinds = {}
    for kind in sorted({record.kind for record in records}):
        of_kind = [record for record in records if record.kind == kind]
        kinds[kind] = KindSummary(
            total=len(of_kind),
            found=sum(record.found for record in of_kind),
            hidden_pass=sum(record.hidden_pass for record in of_kind),
        )
    return Summary(
        total=len(records),
        found=len(found),
        found_share=len(found) / len(records) if records else 0.0,
        hidden_pass=len(right),
        hidden_share=len(right) / len(found) if found else 0.0,
        p50_s=percentile(durations, 50),
        p95_s=percentile(durations, 95),
        candidates=sum(record.candidates for record in records),
        candidates_per_s=sum(record.candidates for record in searched) / search_s if search_s else 0.0,
        kinds=kinds,
        missed=tuple(record.name for record in records if not record.found),
        overfitted=tuple(record.name for record in found if not record.hidden_pass),
        errors=tuple(f"{record.name}: {record.error}" for record in records if record.error),
    )


def records_table(records: Sequence[Record]) -> Table:
    """One line for each bug."""
    table = Table(box=None, pad_edge=False)
    for column in ("bug", "kind", "found", "hidden"):
        table.add_column(column, no_wrap=True)
    for column in ("seconds", "candidates", "rank"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("label", no_wrap=True)
    for record in records:
        table.add_row(
            record.name + (" (hard)" if record.hard else ""),
            record.kind,
            "yes" if record.found else "no",
            ("pass" if record.hidden_pass else "FAIL") if record.found else "-",
            f"{record.duration_s:.1f}",
            str(record.candidates),
            "-" if record.rank is None else str(record.rank),
            record.label or record.status,
        )
    return table


def summary_lines(summary: Summary) -> list[str]:
    """Return the summary as plain sentences."""
    found = f"found {summary.found}/{summary.total} ({summary.found_share:.0%})"
    right = f"first patches passing hidden tests {summary.hidden_pass}/{summary.found} ({summary.hidden_share:.0%})"
    speed = f"p50 {summary.p50_s:.1f} s, p95 {summary.p95_s:.1f} s, {summary.candidates_per_s:.0f} candidates/s"
    kinds = "; ".join(f"{kind} {k.found}/{k.total}, {k.hidden_pass}" for kind, k in summary.kinds.items())
    lines = [f"{found}, {right}, {speed}", f"by kind (found/total, passing hidden): {kinds}"]
    if summary.missed:
        lines.append("missed: " + ", ".join(summary.missed))
    if summary.overfitted:
        lines.append("first patch fails hidden tests: " + ", ".join(summary.overfitted))
    lines.extend(f"error: {error}" for error in summary.errors)
    return lines
