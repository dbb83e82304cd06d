"""Candidates, best first, one lazily ordered stream over all suspect places.

The priority of a candidate is *suspicion of the place × prior of the template × fit*, lowered step by step for each
further candidate of the same template and of the same place, so that no line starves the others. A place is only
opened (its templates run) when its best possible candidate is due.
"""

from __future__ import annotations

import ast
import heapq
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from covey.core.patch import Candidate, Edit
from covey.core.repair import Suspect
from covey.core.testing import Failure
from covey.repair.check import Checker, quiet
from covey.repair.everywhere import Spans, widened
from covey.repair.evidence import Hints, read_hints
from covey.repair.explain import EVERYWHERE, changed, fault
from covey.repair.index import Package
from covey.repair.pairs import combined
from covey.repair.paths import is_test_path
from covey.repair.site import Proposal, Site
from covey.repair.sources import Source, read_source
from covey.repair.templates.table import templates_for
from covey.repair.view import Statement, View

_MOST_FIT = 1.6
_STAGES = ((0.75, _MOST_FIT), (0.6, 1.5), (0.45, 1.2), (0.0, 0.9))
"""Stages in which a place is opened: templates of at least that prior, and the best weight that they may reach."""
_PRIORS = tuple(zip((least for least, _ in _STAGES), (2.0, *(least for least, _ in _STAGES)), strict=False))
_PER_STAGE = 300
_SAME_TEMPLATE = 6  # after so many of one template at one place, its weight is halved
_SAME_PLACE = 25
_WIDENED = 6
_NEIGHBOURS = 12
_NEIGHBOUR_BYTES = 60_000


class _Ranked(NamedTuple):
    weight: float
    template: str
    proposal: Proposal


def _order(item: _Ranked) -> tuple[float, str, tuple[tuple[int, int, str], ...]]:
    return -item.weight, item.template, item.proposal.splices


class _Place:
    """A suspect statement. Its proposals come into being stage by stage, the templates of high prior first."""

    __slots__ = ("line", "path", "queue", "score", "site", "spent", "stage", "statement")

    def __init__(self, path: str, statement: Statement, score: float) -> None:
        self.path = path
        self.statement = statement
        self.line = statement.lineno
        self.score = score
        self.stage = 0
        self.spent = 0
        self.queue: list[_Ranked] = []  # the best one last
        self.site: Site | None = None

    @property
    def unopened(self) -> bool:
        """True when the next stage may hold something better than what is there."""
        if self.stage == len(_STAGES):
            return False
        return not self.queue or _STAGES[self.stage][1] >= self.queue[-1].weight

    @property
    def due(self) -> float:
        """Weight of the best candidate to come; 0 when there is none."""
        best = _STAGES[self.stage][1] if self.unopened else self.queue[-1].weight if self.queue else 0.0
        return self.score * best / (1 + self.spent / _SAME_PLACE)


class CandidateStream:
    """A deterministic, lazy sequence of distinct candidates. ``take`` may be called for any part, in any order.

    ``notes`` says which files were left alone and why.
    """

    def __init__(
        self,
        sources: Mapping[str, bytes],
        suspects: Sequence[Suspect],
        *,
        failures: Sequence[Failure] = (),
        seed: int = 0,
    ) -> None:
        self.notes: list[str] = []
        self._sources: dict[str, Source] = {}
        self._seed = seed
        self._views = self._read(sources, suspects)
        self._hints: Hints = read_hints(failures)
        self._suspects = tuple(suspects)
        self._package: Package | None = None
        self._checkers: dict[str, Checker] = {}
        self._occurrences: dict[ast.AST, Spans] = {}
        self._found: list[Candidate] = []
        self._ids: set[str] = set()
        self._done = False
        self._source = self._generate()

    @classmethod
    def from_progress(
        cls,
        sources: Mapping[str, bytes],
        seeds: Sequence[Candidate],
        suspects: Sequence[Suspect],
        *,
        failures: Sequence[Failure] = (),
        seed: int = 0,
    ) -> CandidateStream:
        """Stream of deeper candidates: each of ``seeds`` together with one more edit.

        Seeds are candidates that made progress and broke nothing. Further edits are looked for at ``suspects`` and
        near the seeds; all offsets refer to the base files. The origin is both names joined by ``+``.
        """
        near = [
            Suspect(path=s.path, line=s.line + d, score=0.9 if abs(d) <= 2 else 0.6)
            for s in seeds
            for d in range(-6, 7)
        ]
        merged: dict[tuple[str, int], Suspect] = {}
        for suspect in (*suspects, *near):
            known = merged.get((suspect.path, suspect.line))
            if suspect.line > 0 and (known is None or known.score < suspect.score):
                merged[suspect.path, suspect.line] = suspect
        stream = cls(sources, sorted(merged.values(), key=lambda s: -s.score), failures=failures, seed=seed)
        stream._source = combined(sources, tuple(seeds), stream._source)
        return stream

    def take(self, offset: int, count: int) -> tuple[Candidate, ...]:
        """Candidates ``offset`` to ``offset + count`` of the stream; fewer at its end."""
        with quiet():
            while len(self._found) < offset + count and not self._done:
                candidate = next(self._source, None)
                if candidate is None:
                    self._done = True
                elif candidate.id not in self._ids:
                    self._ids.add(candidate.id)
                    self._found.append(candidate)
        return tuple(self._found[offset : offset + count])

    def exhausted_at(self) -> int | None:
        """Length of the whole stream once its end was reached, else None."""
        return len(self._found) if self._done else None

    def _read(self, sources: Mapping[str, bytes], suspects: Sequence[Suspect]) -> dict[str, View]:
        views: dict[str, View] = {}
        for path in dict.fromkeys(s.path for s in suspects):
            if path not in sources:
                continue
            source = read_source(path, sources[path])
            if isinstance(source, Source):
                views[path] = View(source)
            else:
                self.notes.append(source.note)
        self._add_neighbours(sources, views)
        return views

    def _add_neighbours(self, sources: Mapping[str, bytes], views: dict[str, View]) -> None:
        """Read some files beside those of the suspects: their signatures and classes tell what calls mean."""
        folders = {path.rpartition("/")[0] for path in views}
        beside = [
            p for p in sorted(sources) if p.endswith(".py") and p not in views and p.rpartition("/")[0] in folders
        ]
        for path in [p for p in beside if len(sources[p]) < _NEIGHBOUR_BYTES and not is_test_path(p)][:_NEIGHBOURS]:
            source = read_source(path, sources[path])
            if isinstance(source, Source):
                views[path] = View(source)

    def _places(self) -> list[_Place]:
        places: dict[ast.AST, _Place] = {}
        for suspect in self._suspects:
            view = self._views.get(suspect.path)
            for statement in view.at(suspect.line) if view is not None else []:
                known = places.get(statement)
                if known is None:
                    places[statement] = _Place(suspect.path, statement, suspect.score)
                else:
                    known.score = max(known.score, suspect.score)
        return sorted(places.values(), key=lambda p: (-p.score, p.path, p.line))

    def _generate(self) -> Iterator[Candidate]:
        self._package = Package(self._views.values())
        places = self._places()
        heap = [(-place.due, index) for index, place in enumerate(places) if place.score > 0]
        heapq.heapify(heap)
        while heap:
            due, index = heapq.heappop(heap)
            place = places[index]
            if place.unopened:
                self._open(place)
            else:
                place.spent += 1
                candidate = self._candidate(place, place.queue.pop(), -due)
                if candidate is not None:
                    yield candidate
            if place.due > 0:
                heapq.heappush(heap, (-place.due, index))
            else:
                place.site = None

    def _open(self, place: _Place) -> None:
        """Run the templates of the next stage at a place."""
        assert self._package is not None
        if place.site is None:
            place.site = Site(self._views[place.path], place.statement, self._package, self._hints)
        site, stage = place.site, place.stage
        place.stage += 1
        random = Random(f"{self._seed}:{place.path}:{place.line}:{stage}")  # noqa: S311 - breaks ties, keeps no secret
        found: list[_Ranked] = []
        for node in site.nodes:
            for template in templates_for(node, *_PRIORS[stage]):
                built = [p for p in template.build(site, node) if p is not None and p.fit > 0]
                built.sort(key=lambda p: -p.fit)
                for rank, proposal in enumerate(built):
                    weight = template.prior * min(proposal.fit, 2.0) / (1 + rank / _SAME_TEMPLATE)
                    found.append(_Ranked(min(weight, _STAGES[stage][1]), template.name, proposal))
        found.sort(key=_order)
        del found[_PER_STAGE:]
        found += self._widen(site, found)
        if self._seed:
            found = [item._replace(weight=item.weight * (1 - 0.05 * random.random())) for item in found]
        place.queue = sorted([*place.queue, *found], key=_order, reverse=True)

    def _widen(self, site: Site, ranked: Sequence[_Ranked]) -> list[_Ranked]:
        wider: list[_Ranked] = []
        for item in ranked:
            for proposal in widened(site, item.proposal, self._occurrences):
                fit = proposal.fit / item.proposal.fit
                wider.append(_Ranked(item.weight * fit, EVERYWHERE + item.template, proposal))
            if len(wider) >= _WIDENED:
                break
        return wider

    def _candidate(self, place: _Place, ranked: _Ranked, score: float) -> Candidate | None:
        view = self._views[place.path]
        checker = self._checkers.setdefault(place.path, Checker(view))
        proposal = ranked.proposal
        if not checker.accept(place.statement, proposal.splices, wide=proposal.wide):
            return None
        edits: list[Edit] = []
        for start, end, text in proposal.splices:
            edit = view.source.to_edit(start, end, text)
            if edit is None:
                return None
            edits.append(edit)
        ordered = tuple(sorted(edits, key=lambda e: (e.start, e.end)))
        words = f"{fault(ranked.template)}: {changed(view.source, proposal.splices)}"
        origin = f"{ranked.template}~literal" if proposal.note == "literal" else ranked.template
        return Candidate(
            id=Candidate.make_id(ordered), edits=ordered, origin=origin, path=place.path, line=place.line,
            score=round(max(score, 0.0), 6), explanation=words[:400],
        )  # fmt: skip
