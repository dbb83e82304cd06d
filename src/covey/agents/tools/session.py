"""One agent at work with tools: what it has seen, the candidate so far, and what it has spent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from covey.agents.slots import VerifyRequest
from covey.agents.tools.limits import ALLOWANCES, NOTHING, Allowance
from covey.agents.tools.view import TreeView
from covey.agents.verifier import Verifier
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback, RunError
from covey.core.patch import Candidate
from covey.core.repair import Standing, ValidationPlan, Verdict
from covey.models.edits import EditGrammar
from covey.models.lineedits import EditFile, LineEdit, byte_edits
from covey.repair.sources import Unreadable, read_source
from covey.workspace.codeindex import CodeIndex
from covey.workspace.edits import changes_of
from covey.workspace.kinds import FileKind, classify_path

Range = tuple[int, int]
HARMFUL = frozenset({Standing.regressed, Standing.invalid, Standing.timeout, Standing.crashed})
"""An edit after which the candidate stands so is taken back."""
_FILES = 12
"""Files that may be edited at a time: those that were looked at last."""


@dataclass
class Session:
    """What tools share. ``role`` decides what may be used; ``plan`` says which tests decide.

    ``seen`` are the line ranges that were shown, by path, the newest path last: only these may be edited. ``tried``
    are all versions of the candidate with their verdicts. ``grammar`` is the one by which the current action was
    written. ``proposals`` are distributions that somebody should install, with the module that is missing.
    """

    bench: Workbench
    role: str
    plan: ValidationPlan
    seen: dict[str, list[Range]] = field(default_factory=dict)
    candidate: Candidate | None = None
    tried: dict[str, tuple[Candidate, Verdict]] = field(default_factory=dict)
    grammar: EditGrammar | None = None  # type: ignore[type-arg]  # each grammar has an answer of its own
    proposals: dict[str, str] = field(default_factory=dict)
    turns: int = 0
    test_runs: int = 0
    _index: CodeIndex | None = None
    _indexed: str | None = None

    @cached_property
    def view(self) -> TreeView:
        """The tree with the candidate so far."""
        return TreeView(self.bench)

    @property
    def allowance(self) -> Allowance:
        """What the role may use."""
        return ALLOWANCES.get(self.role, NOTHING)

    def spend_turn(self, tool: str) -> None:
        """Count one use of a tool. Raises AgentFeedback for a tool, or a turn, that the role does not have."""
        allowed = self.allowance
        if tool not in allowed.tools:
            raise AgentFeedback(f"{tool} is not a tool of the {self.role}; use {', '.join(allowed.tools) or 'none'}.")
        if self.turns >= allowed.turns:
            raise AgentFeedback(f"All {allowed.turns} turns of the {self.role} are used up; stop.")
        self.turns += 1

    def spend_test_run(self) -> None:
        """Count one run of tests. Raises AgentFeedback when none is left, or no time is."""
        if self.test_runs >= self.allowance.test_runs:
            raise AgentFeedback(
                f"All {self.allowance.test_runs} runs of tests are used up; each edit is tested without asking."
            )
        if self.bench.deadline.over:
            raise AgentFeedback("The time for tests is used up; stop.")
        self.test_runs += 1

    @property
    def cache(self) -> Path:
        """Where indexes are kept."""
        return self.bench.cache or self.bench.folder

    async def index(self) -> CodeIndex:
        """Definitions and uses in the tree with the candidate so far. Raises AgentFeedback when they cannot be had."""
        now = self.candidate.id if self.candidate else ""
        try:
            async with asyncio.timeout(self.bench.deadline.left):
                if self._index is None:
                    self._index = await asyncio.to_thread(CodeIndex.open, self.cache / "code.sqlite3")
                if self._indexed != now:
                    await self._index.update(self.bench.sources, self.view.over_base())
                    self._indexed = now
        except TimeoutError:
            raise AgentFeedback("There was no time to read all of the code; stop.") from None
        except RunError as error:
            raise AgentFeedback(f"{error} Read the files instead.") from None
        return self._index

    def show(self, path: str, first: int, last: int) -> None:
        """Take note that lines were shown, so that they may be edited."""
        ranges = self.seen.pop(path, [])
        self.seen[path] = [*ranges, (first, last)]

    def editable(self) -> list[EditFile]:
        """The files that an edit may change, what was looked at last first: Python that ships and can be parsed."""
        found: list[EditFile] = []
        for path, ranges in reversed(self.seen.items()):
            if len(found) == _FILES:
                break
            if path not in self.view or not path.endswith(".py") or classify_path(path) is not FileKind.source:
                continue
            data = self.view[path]
            if not isinstance(read_source(path, data), Unreadable):
                found.append(EditFile.of(path, data, ranges))
        return found

    def revise(self, edits: Sequence[LineEdit]) -> Candidate:
        """Return the candidate so far with ``edits`` of the files as they are now. Raises AgentFeedback.

        The result is written as edits of the base, as every candidate is.
        """
        changed = changes_of(self.view, byte_edits(edits, self.view))
        if not changed:
            raise AgentFeedback("That edit changes nothing; the lines read so already.")
        base = self.bench.sources
        lines = [
            edit
            for path, data in sorted({**self.view.changes, **changed}.items())
            for edit in line_changes(path, base[path], data)
        ]
        if not lines:
            raise AgentFeedback("With that edit the files are again as they were at the start; make another.")
        spans = byte_edits(lines, base)
        return Candidate(
            id=Candidate.make_id(spans),
            edits=spans,
            origin=self.role,
            path=lines[0].path,
            line=lines[0].first,
            score=1.0,
            explanation=f"A model rewrote {lines[0].path} from line {lines[0].first} on.",
        )

    def content(self, candidate: Candidate) -> dict[str, bytes]:
        """The files that a candidate changes. Raises EditError when their encoding cannot hold it."""
        return changes_of(self.bench.sources, candidate.edits)

    def adopt(self, candidate: Candidate, edits: Sequence[LineEdit]) -> None:
        """Go on from ``candidate``; ``edits`` say how lines moved."""
        self.view.changes = self.content(candidate)
        self.candidate = candidate
        for path in {edit.path for edit in edits}:
            here = [edit for edit in edits if edit.path == path]
            self.seen[path] = [_moved(span, here) for span in self.seen.get(path, [])]

    async def verify(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """Let the tests judge; the nearest ones first. Fewer verdicts when the time is up."""
        request = VerifyRequest(candidates=tuple(candidates), plan=self.plan, enough=len(candidates) + 1)
        verdicts = (await Verifier().run(request, self.bench)).verdicts
        by_id = {item.id: item for item in candidates}
        self.tried |= {verdict.candidate: (by_id[verdict.candidate], verdict) for verdict in verdicts}
        return list(verdicts)


def line_changes(path: str, before: bytes, after: bytes) -> list[LineEdit]:
    """Return the edits of lines that turn ``before`` into ``after``, as few lines as a comparison finds."""
    old, new = EditFile.of(path, before).lines, EditFile.of(path, after).lines
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    room = shorter - head
    tail = next((at for at in range(room) if old[-1 - at] != new[-1 - at]), room)
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    return [
        LineEdit(path=path, first=head + low + 1, count=high - low, lines=right[start:stop])
        for kind, low, high, start, stop in SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
        if kind != "equal"
    ]


def _moved(span: Range, edits: Sequence[LineEdit]) -> Range:
    """Where a range of lines lies after ``edits``, which do not overlap; it keeps what was written inside it."""
    first, last = span
    for edit in sorted(edits, key=lambda edit: -edit.first):
        grown = len(edit.lines) - edit.count
        if edit.first < first:
            first, last = max(1, first + grown), last + grown
        elif edit.first <= last + 1:
            last += grown
    return first, max(first, last)
