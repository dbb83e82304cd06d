"""Reading what is left of a run in a damaged database: row by row, by index and by scan, past every broken page."""

from __future__ import annotations

import sqlite3
from typing import Any

from covey.store.records import StepRecord, step_of_row

STEP_COLUMNS = "seq, parent, hash, content, detail, checksum"


def salvage_steps(db: sqlite3.Connection, run_id: str, count: int) -> list[StepRecord]:
    """Return every step of a run that can still be read, in order. ``count`` is how many there should be."""
    found: dict[int, StepRecord] = {}
    for seq in range(count):
        row = _row(db, f"SELECT {STEP_COLUMNS} FROM steps WHERE run = ? AND seq = ?", (run_id, seq))  # noqa: S608 - a constant
        if row:
            found[seq] = step_of_row(row)
    if len(found) < count:
        # The index or some page is broken: look at every row of the table itself, one at a time.
        last = _row(db, "SELECT max(number) FROM steps", ())
        for number in range(1, (last[0] or 0) + 1 if last else 0):
            row = _row(db, f"SELECT run, {STEP_COLUMNS} FROM steps WHERE number = ?", (number,))  # noqa: S608
            if row and row[0] == run_id:
                found.setdefault(row[1], step_of_row(row[1:]))
    return [found[seq] for seq in sorted(found)]


def _row(db: sqlite3.Connection, query: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
    try:
        row: tuple[Any, ...] | None = db.execute(query, values).fetchone()
    except sqlite3.DatabaseError:
        return None  # this row is lost; the chain check names it
    return row
