"""Localise with a model: it points at functions, chosen from real ones; what the tests say stays the ground."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from covey.agents.definitions import defined, files_named, words
from covey.agents.desk import PROMPTS, Question
from covey.agents.excerpts import functions
from covey.agents.preprocessor import clean
from covey.agents.slots import Brief, Localisation, LocaliseRequest
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.core.protocols import Role
from covey.core.redact import redact
from covey.core.repair import Suspect
from covey.core.testing import TestReport
from covey.models.context import clip
from covey.models.edits import Choices, choice_schema
from covey.models.prompts import render
from covey.models.schema import plain
from covey.repair.paths import is_test_path
from covey.repair.sources import Source, read_source

SHARES = (0.2, 0.1, 0.1)
"""By how much of what is missing to 1 the suspects of the first, second and third choice are raised: enough to decide
between near equals, too little to bury what failing tests point at."""
KNOWN = 0.05
"""A suspect with no higher score was named for want of anything better."""
_SUSPECTS, _PLACES, _NEAR, _FILES = 60, 12, 8, 40
_NAMES, _PATHS = 16, 3
_ALONE, _BESIDE = 0.5, 0.1  # scores of a chosen function's lines without, and beside, what tests point at
_LINES = 40
_FAILURES = 3


@dataclass(frozen=True, order=True)
class Place:
    """A function by its file and qualified name; ``lines`` are those of its statements."""

    path: str
    name: str
    lines: tuple[int, ...]

    def holds(self, suspect: Suspect) -> bool:
        """True when the suspect lies in this function."""
        return suspect.path == self.path and self.lines[0] <= suspect.line <= self.lines[-1]


class Pinpointer:
    """Asks a model which functions it suspects; its choice moves the floor's suspects a little and removes none."""

    name = "pinpointer"

    def __init__(self, floor: Role[LocaliseRequest, Workbench, Localisation]) -> None:
        self._floor = floor

    async def run(self, request: LocaliseRequest, tools: Workbench) -> Localisation:
        """Fill the slot. Raises what a model can do wrong; where there is nothing to choose no model is asked."""
        found = await self._floor.run(request, tools)
        atlas = Atlas(tools.sources)
        known = await asyncio.to_thread(defined, tools.sources)
        sure = [suspect for suspect in found.suspects if suspect.score > KNOWN]
        text = clean(redact(tools.desk.statement))
        places = await asyncio.to_thread(candidates, sure, request.brief, text, known, atlas)
        told = failures(request)
        if not sure and not places:
            chosen_files = await self._files(request.brief, text, told, tools)
            places = [place for path in chosen_files for place in atlas.places(path)][: _PLACES + _NEAR]
        if not places or (sure and len(places) == 1):
            return found
        chosen = await self._ask(places, told, tools)
        return found.model_copy(update={"suspects": ranked(found.suspects, chosen, alone=not sure)})

    async def _files(self, brief: Brief, text: str, told: Sequence[str], tools: Workbench) -> list[str]:
        code = [path for path in tools.sources if path.endswith(".py") and not is_test_path(path)]
        named = [path for path in (*brief.files, *files_named(text, tools.sources)) if not is_test_path(path)]
        paths = [path for path in dict.fromkeys((*named, *code)) if plain(path) == path][:_FILES]
        if not paths:
            return []
        note = render(PROMPTS, "pinpointer.jinja", failures=told, functions={}, files=paths)
        question = Question(note=note, answer=Choices, schema=choice_schema(paths, {}, len(SHARES)))
        answer: Choices = await tools.desk.ask(self.name, question)
        return [path for path in dict.fromkeys(choice.path for choice in answer.choices) if path in paths]

    async def _ask(self, places: Sequence[Place], told: Sequence[str], tools: Workbench) -> list[Place]:
        by_name = {(place.path, place.name): place for place in places}
        names: dict[str, list[str]] = {}
        for path, name in by_name:
            names.setdefault(path, []).append(name)

        def check(answer: Choices) -> None:
            for choice in answer.choices:
                if (choice.path, choice.symbol) not in by_name:
                    raise AgentFeedback(
                        f"{choice.symbol[:80]} in {choice.path[:200]} is not one of the functions above."
                    )

        note = render(PROMPTS, "pinpointer.jinja", failures=told, functions=names, files=[])
        schema = choice_schema(list(names), names, len(SHARES))
        answer: Choices = await tools.desk.ask(
            self.name, Question(note=note, answer=Choices, schema=schema, check=check)
        )
        picked = dict.fromkeys((choice.path, choice.symbol) for choice in answer.choices)
        return [by_name[key] for key in picked][: len(SHARES)]


class Atlas:
    """The functions of files, read when asked for."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self._known: dict[str, list[Place]] = {}
        self._calls: dict[Place, frozenset[str]] = {}

    def places(self, path: str) -> list[Place]:
        """Functions of ``path`` in order; none for tests and for what cannot be parsed."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def at(self, suspect: Suspect) -> Place | None:
        """The innermost function that holds a suspect."""
        inside = [place for place in self.places(suspect.path) if place.holds(suspect)]
        return max(inside, key=lambda place: place.lines[0], default=None)

    def called(self, place: Place) -> frozenset[str]:
        """Names that a function calls."""
        return self._calls.get(place, frozenset())

    def _read(self, path: str) -> list[Place]:
        if path not in self._sources or not path.endswith(".py") or is_test_path(path) or plain(path) != path:
            return []
        source = read_source(path, self._sources[path])
        if not isinstance(source, Source):
            return []
        nodes = [node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        by_line = {min([node.lineno, *(item.lineno for item in node.decorator_list)]): node for node in nodes}
        found = {}
        for scope in functions(source.tree):
            if plain(scope.name) != scope.name or scope.first not in by_line:
                continue
            node = by_line[scope.first]
            lines = {inner.lineno for inner in ast.walk(node) if isinstance(inner, ast.stmt)}
            place = Place(path, scope.name, tuple(sorted({*lines, scope.last})))
            found[scope.name] = place  # of two functions with one name the last one counts, as in Python
            self._calls[place] = frozenset(_callee(inner) for inner in ast.walk(node) if isinstance(inner, ast.Call))
        return list(found.values())


def _callee(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def candidates(
    sure: Sequence[Suspect], brief: Brief, text: str, known: Mapping[str, Sequence[str]], atlas: Atlas
) -> list[Place]:
    """Functions of the top suspects, then those that the problem names, then what both call."""
    tops = [place for suspect in sure[:_SUSPECTS] if (place := atlas.at(suspect)) is not None]
    names = dict.fromkeys((*(frame.function for frame in brief.mentioned), *words(text)))
    said = [place for name in telling(names, known) for place in named(name, known, atlas)]
    first = list(dict.fromkeys([*list(dict.fromkeys(tops))[:_PLACES], *said]))[:_PLACES]
    called = dict.fromkeys(name for place in first for name in sorted(atlas.called(place)))
    near = [place for name in telling(called, known) for place in named(name, known, atlas)]
    rest = [place for place in dict.fromkeys((*tops, *near)) if place not in first]
    return [*first, *rest[:_NEAR]]


def telling(names: Iterable[str], known: Mapping[str, Sequence[str]]) -> list[str]:
    """The first of ``names`` that say something: defined, and in a few files only; each means files to parse."""
    return [name for name in names if 0 < len(known.get(name, ())) <= _PATHS][:_NAMES]


def named(name: str, known: Mapping[str, Sequence[str]], atlas: Atlas) -> list[Place]:
    """Functions called ``name``, and methods of a class called so."""
    places = [place for path in known[name] for place in atlas.places(path)]
    return [place for place in places if name in (place.name.split(".")[-1], place.name.split(".")[0])][:4]


def failures(request: LocaliseRequest) -> list[str]:
    """How the targets fail, one line each; tests that were written for this run were not in the baseline."""
    results = _results(request.baseline, request.reproduction.targets)
    return [clip(f"{test}: {what}", 200, 60).replace("\n", " ") for test, what in results[:_FAILURES]]


def _results(baseline: TestReport, targets: Sequence[str]) -> list[tuple[str, str]]:
    known = baseline.by_id()
    shown = [(test, known[test].failure) for test in targets if test in known]
    return [(test, f"{failure.type} {failure.message}" if failure else "fails") for test, failure in shown]


def ranked(suspects: Sequence[Suspect], chosen: Sequence[Place], *, alone: bool) -> tuple[Suspect, ...]:
    """Raise the suspects of chosen functions by a bounded share; none is removed.

    A chosen function without any gets its lines as suspects: low ones, unless they stand ``alone``.
    """
    found = list(suspects)
    shares = [share + _ALONE if alone else share for share in SHARES]
    for place, share in zip(chosen, shares, strict=False):
        if any(place.holds(suspect) for suspect in suspects):
            found = [_raised(suspect, share) if place.holds(suspect) else suspect for suspect in found]
        else:
            score = share if alone else _BESIDE
            found += [
                Suspect(path=place.path, line=line, score=score, symbol=place.name, reasons=("chosen by the model",))
                for line in place.lines[:_LINES]
            ]
    return tuple(sorted(found, key=lambda suspect: -suspect.score))  # stable: equals keep the floor's order


def _raised(suspect: Suspect, share: float) -> Suspect:
    score = 1 - (1 - suspect.score) * (1 - share)
    return suspect.model_copy(update={"score": score, "reasons": (*suspect.reasons, "chosen by the model")})
