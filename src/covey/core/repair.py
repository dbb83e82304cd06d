"""Words shared by fault localisation, the validator and the search."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from covey.core.canonical import Frozen, Volatile
from covey.core.patch import Candidate
from covey.core.testing import TestResult


class TracedTest(Frozen):
    """One test with the lines it ran: repository path → sorted line numbers (from 1).

    Lines run while modules were imported are not in ``lines``; they are the spectrum's ``at_import``.
    """

    result: TestResult
    lines: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    partial: bool = False  # the test was stopped by its time limit; the lines are those reached


class Spectrum(Frozen):
    """Coverage of each test that was traced."""

    tests: tuple[TracedTest, ...] = ()
    at_import: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Suspect(Frozen):
    """A line that may hold the fault. ``score`` is 0..1, ``reasons`` are short phrases for people."""

    path: str
    line: int
    score: float
    symbol: str = ""
    reasons: tuple[str, ...] = ()


class Standing(StrEnum):
    """How a candidate did in the fast validator."""

    plausible = "plausible"  # every target passes and no selected regression test breaks
    progress = "progress"  # some targets flip to green, nothing breaks
    failed = "failed"  # a target is still red and none flipped
    regressed = "regressed"  # a test that passed before is red
    invalid = "invalid"  # does not compile or the module does not import
    timeout = "timeout"
    crashed = "crashed"


class Verdict(Frozen):
    """What the fast validator saw of one candidate. Never the final word: that comes from a fresh process."""

    candidate: str  # candidate id
    standing: Standing
    flipped: tuple[str, ...] = ()
    stopped_at: str | None = None  # test id that decided
    failure_type: str = ""
    failure_message: str = ""
    mode: str = ""  # hotswap | fresh | process
    duration_s: Volatile[float] = 0.0


class Scored(Frozen):
    """A plausible candidate with the judge's opinion."""

    candidate: Candidate
    verdict: Verdict
    rank: float
    demotions: tuple[str, ...] = ()


class ValidationPlan(Frozen):
    """Which tests decide about a candidate.

    ``targets`` must turn green; ``regressions`` must stay green. ``covering`` narrows regressions: for a candidate
    that touches ``path``, only tests that run it are needed (None: all). ``timeout_s`` bounds one candidate.
    """

    targets: tuple[str, ...]
    regressions: tuple[str, ...] = ()
    covering: dict[str, tuple[str, ...]] | None = None  # path → regression tests that run it, nearest first
    timeout_s: Volatile[float] = 10.0  # measured on this machine, so never hashed


class ProbeInput(Frozen):
    """One input of a probe: a call as it would be written. ``recorded`` when a test makes just this call."""

    path: str
    call: str
    recorded: bool = False


class ProbeOutcome(Frozen):
    """What a call came to. Equal digests mean equal behaviour; ``text`` says it for people ("returns 3").

    ``opaque``: it returned something that cannot be looked into to its end, so an equal digest says little.
    """

    kind: Literal["returned", "opaque", "raised", "timeout", "crash"]
    digest: str
    text: str


class ProbeReport(Frozen):
    """What candidates do to the same inputs; only inputs on which each behaves the same twice.

    ``outcomes``: candidate id → one outcome for each input. ``unprobed``: candidate id → why it is not among them.
    ``base`` is what the code does without any edit, None where that was not found out.
    """

    inputs: tuple[ProbeInput, ...] = ()
    base: tuple[ProbeOutcome | None, ...] = ()
    outcomes: dict[str, tuple[ProbeOutcome, ...]] = Field(default_factory=dict)
    unprobed: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
