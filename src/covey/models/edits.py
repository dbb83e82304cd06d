"""Edits that apply by construction: what may be changed is written into the schema of the request.

A grammar (:func:`edit_grammar`) is made for one request from the files that may be edited. Its ``schema`` lets a model
write only real paths and real places in them; :meth:`EditGrammar.decode` turns any answer that fits the schema into
:class:`~covey.models.lineedits.LineEdit`, and cannot fail for one: what reaches beyond the allowed lines is cut there,
of edits that overlap the one written first wins, and edits that touch become one. Engines that enforce no schema get
the same rules as sentences, with the nearest real path or line. The ways of writing:

``lines``   for LLGuidance, which does not mind large enumerations: every place is its number and its text
            (``12|    return x``), so a model points by copying what it has read.
``search``  for hosted engines and for those that enforce nothing: the text of a line that is unique in its file.
``index``   for llama.cpp's own grammars, which are slow with enumerations: numbers in a range, cut to the file.

Paths, labels and texts stand in the schema in plain characters (:func:`~covey.models.schema.plain`): quotes,
backslashes and tabs as look-alikes. An answer with the real characters means the same.

:func:`choice_schema` is for roles that point at code without changing it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Field, JsonValue

from covey.core.canonical import Frozen
from covey.core.errors import AgentFeedback
from covey.core.model import Capabilities, Schema
from covey.models.lineedits import EditFile, LineEdit, flat, nearest, settle
from covey.models.schema import Bounded, one_of, plain

SEARCH_CHARACTERS = 400
"""Longest line that can be searched for."""
SEARCH_VALUES = 400
SEARCH_BYTES = 12_000
"""What hosted endpoints take as enumerations in one schema, with a margin (OpenAI: 15,000 characters)."""

_Path = Annotated[str, Field(max_length=1_024)]
_Line = Annotated[str, Field(max_length=4_000)]
_Lines = Annotated[tuple[_Line, ...], Field(max_length=400)]
_Number = Annotated[int, Field(ge=0, le=10_000_000)]


class EditLimits(Frozen):
    """How much one answer may change, in edits, lines of each and characters of a line.

    ``enumerated_bytes`` bounds the real lines in a schema, all files together.
    """

    edits: int = Field(4, ge=1, le=32)
    lines: int = Field(24, ge=0, le=250)
    characters: int = Field(160, ge=1, le=4_000)
    enumerated_bytes: int = Field(128 << 10, ge=0)


AnswerT = TypeVar("AnswerT", bound=Bounded)


class EditGrammar(Protocol[AnswerT]):
    """One way of writing edits. Use: ``ask(backend, prompt, g.answer, schema=g.schema, check=g.check)``."""

    @property
    def name(self) -> str:
        """``lines``, ``search`` or ``index``; a role's prompt explains it."""
        ...

    @property
    def answer(self) -> type[AnswerT]:
        """What the answer is validated as."""
        ...

    @property
    def schema(self) -> Schema:
        """What the engine may write."""
        ...

    @property
    def left_out(self) -> int:
        """Places that may change but found no room in the schema."""
        ...

    def check(self, answer: AnswerT) -> None:
        """Raise AgentFeedback, naming the nearest real path or line, unless :meth:`decode` will do."""
        ...

    def decode(self, answer: AnswerT) -> tuple[LineEdit, ...]:
        """Return the edits, by file and line, none overlapping or touching another."""
        ...


class LinesEdit(Bounded):
    """Replace ``count`` lines from the one labelled ``first`` on."""

    path: _Path
    first: Annotated[str, Field(max_length=200)]
    count: _Number
    lines: _Lines


class LinesAnswer(Bounded):
    """What the ``lines`` grammar writes."""

    edits: tuple[LinesEdit, ...] = Field(max_length=32)


class SearchEdit(Bounded):
    """Replace the line that reads ``search``; an empty ``replacement`` removes it."""

    path: _Path
    search: Annotated[str, Field(max_length=4_000)]
    replacement: Annotated[str, Field(max_length=1_000_000)]


class SearchAnswer(Bounded):
    """What the ``search`` grammar writes."""

    edits: tuple[SearchEdit, ...] = Field(max_length=32)


class IndexEdit(Bounded):
    """Replace lines ``first`` to ``last`` of the file with this number; ``last`` below ``first`` inserts."""

    file: _Number
    first: _Number
    last: _Number
    lines: _Lines


class IndexAnswer(Bounded):
    """What the ``index`` grammar writes."""

    edits: tuple[IndexEdit, ...] = Field(max_length=32)


class LinesGrammar:
    """Places by number and text, one alternative for each file, so that path and place belong together."""

    name = "lines"
    answer = LinesAnswer

    def __init__(self, files: Sequence[EditFile], limits: EditLimits) -> None:
        self._files = _by_path(files)
        self._places, self.left_out = _within(
            {plain(file.path): {file.label(number): number for number in file.places()} for file in by_range(files)},
            limits.enumerated_bytes,
        )
        self.schema = _edits(
            limits,
            (
                {
                    "path": one_of([path]),
                    "first": one_of(list(places)),
                    "count": _whole(0, min(limits.lines, len(self._files[path].lines))),
                    "lines": _lines(limits),
                }
                for path, places in self._places.items()
            ),
        )

    def check(self, answer: LinesAnswer) -> None:
        """Raise AgentFeedback unless every path and label is real."""
        self.decode(answer)

    def decode(self, answer: LinesAnswer) -> tuple[LineEdit, ...]:
        """Return the edits."""
        found = []
        for edit in answer.edits:
            file, number = _find(edit.path, edit.first, self._files, self._places)
            found.append(LineEdit(path=file.path, first=number, count=edit.count, lines=edit.lines))
        return settle(found, tuple(self._files.values()))


class SearchGrammar:
    """Places by the whole text of a line. A file without a usable unique line has labels instead."""

    name = "search"
    answer = SearchAnswer

    def __init__(self, files: Sequence[EditFile], limits: EditLimits) -> None:
        self._files = _by_path(files)
        self._places, self.left_out = _within(
            {plain(file.path): _unique(file) for file in by_range(files)},
            min(limits.enumerated_bytes, SEARCH_BYTES),
            SEARCH_VALUES,
        )
        self.schema = _edits(
            limits,
            (
                {
                    "path": one_of([path]),
                    "search": one_of(list(places)),
                    "replacement": _text(limits.lines * limits.characters),
                }
                for path, places in self._places.items()
            ),
        )

    def check(self, answer: SearchAnswer) -> None:
        """Raise AgentFeedback unless every path and text is real."""
        self.decode(answer)

    def decode(self, answer: SearchAnswer) -> tuple[LineEdit, ...]:
        """Return the edits."""
        found = []
        for edit in answer.edits:
            file, number = _find(edit.path, edit.search, self._files, self._places)
            lines = flat([edit.replacement]) if edit.replacement else ()
            count = 1 if number <= len(file.lines) else 0
            found.append(LineEdit(path=file.path, first=number, count=count, lines=lines))
        return settle(found, tuple(self._files.values()))


class IndexGrammar:
    """Places by numbers: the file's, from 0 in the order given, and those of the first and last line replaced."""

    name = "index"
    answer = IndexAnswer
    left_out = 0

    def __init__(self, files: Sequence[EditFile], limits: EditLimits) -> None:
        self._files = tuple(files)
        longest = max(len(file.lines) for file in files)
        self.schema = _edits(
            limits,
            [
                {
                    "file": _whole(0, len(files) - 1),
                    "first": _whole(1, longest + 1),
                    "last": _whole(0, longest),
                    "lines": _lines(limits),
                }
            ],
        )

    def check(self, answer: IndexAnswer) -> None:
        """Raise AgentFeedback unless every file is real."""
        self.decode(answer)

    def decode(self, answer: IndexAnswer) -> tuple[LineEdit, ...]:
        """Return the edits."""
        found = []
        for edit in answer.edits:
            if edit.file >= len(self._files):
                raise AgentFeedback(f"There is no file {edit.file}; files are 0 to {len(self._files) - 1}.")
            path = self._files[edit.file].path
            count = max(0, edit.last - edit.first + 1)
            found.append(LineEdit(path=path, first=edit.first, count=count, lines=edit.lines))
        return settle(found, self._files)


def edit_grammar(
    files: Sequence[EditFile], capabilities: Capabilities, limits: EditLimits | None = None
) -> EditGrammar[Any]:  # each grammar has an answer of its own, used only together with it
    """Return the grammar for this engine. Raises AgentFeedback when there is no file to edit, or one twice."""
    if len(_by_path(files)) != len(files) or not files:
        raise AgentFeedback("Edits need at least one file, each given once; choose the files to edit.")
    bounds = limits or EditLimits()
    if capabilities.schema_support in ("grammar", "json_schema"):
        if capabilities.grammar == "llguidance":
            return LinesGrammar(files, bounds)
        if capabilities.grammar == "gbnf":
            return IndexGrammar(files, bounds)
    return SearchGrammar(files, bounds)


class Choice(Bounded):
    """A place in the code: a path, and a symbol of it or '' for the file as a whole."""

    path: _Path
    symbol: Annotated[str, Field(max_length=400)]


class Choices(Bounded):
    """Places, the most important first."""

    choices: tuple[Choice, ...] = Field(min_length=1, max_length=100)


def choice_schema(paths: Sequence[str], symbols: Mapping[str, Sequence[str]], most: int = 5) -> Schema:
    """Return the schema of :class:`Choices` in which every path is one of ``paths``, every symbol one of its own.

    ``symbols``: names by path; a path without any can be chosen with the symbol ''. At most ``most`` choices. Paths
    with quotes, backslashes or control characters are left out: engines cannot be trusted with them. Raises
    AgentFeedback when none is left.
    """
    paths = [path for path in paths if plain(path) == path]
    if not paths:
        raise AgentFeedback("There is no path to choose from; give paths without quotes and backslashes.")
    bare = [path for path in paths if not symbols.get(path)]
    shapes: list[dict[str, JsonValue]] = [
        {"path": one_of([path]), "symbol": one_of(list(dict.fromkeys(symbols[path])))}
        for path in paths
        if symbols.get(path)
    ]
    if bare:
        shapes.append({"path": one_of(list(bare)), "symbol": one_of([""])})
    return _object({"choices": _list(_any_of(shapes), 1, most)})


def by_range(files: Sequence[EditFile]) -> list[EditFile]:
    """Return the files whose ranges are given before the others."""
    return sorted(files, key=lambda file: not file.ranges)


def _by_path(files: Sequence[EditFile]) -> dict[str, EditFile]:
    return {plain(file.path): file for file in files}


def _unique(file: EditFile) -> dict[str, int]:
    """Return the places of ``file`` by the text of lines that no other line looks like."""
    texts = [plain(line) for line in file.lines]
    counts = Counter(texts)
    numbers = (number for number in file.places() if number <= len(texts))
    places = {texts[number - 1]: number for number in numbers if _searchable(texts[number - 1], counts)}
    return places or {file.label(number): number for number in file.places()}


def _searchable(text: str, counts: Mapping[str, int]) -> bool:
    return bool(text.strip()) and len(text) <= SEARCH_CHARACTERS and counts[text] == 1


def _within(
    places: Mapping[str, Mapping[str, int]], size: int, values: int | None = None
) -> tuple[dict[str, dict[str, int]], int]:
    """Take places in order until their bytes or their number are used up; return them and how many were left.

    The first is always taken: a schema needs something to choose from.
    """
    taken: dict[str, dict[str, int]] = {}
    used = left = count = 0
    for path, known in places.items():
        for text, number in known.items():
            used += len(text.encode("utf-8", "surrogatepass"))
            if taken and (left or used > size or (values is not None and count >= values)):
                left += 1
                continue
            count += 1
            taken.setdefault(path, {})[text] = number
    return taken, left


def _find(
    path: str, text: str, files: Mapping[str, EditFile], places: Mapping[str, Mapping[str, int]]
) -> tuple[EditFile, int]:
    """Return the file and the place named. Raises AgentFeedback with the nearest real path or line."""
    name, words = plain(path), plain(text)
    if name not in places:
        raise AgentFeedback(f"{name[:160]!r} may not be edited; the nearest that may is {nearest(name, places)!r}.")
    if words not in places[name]:
        raise AgentFeedback(
            f"{words[:80]!r} is not a line of {name} that may be edited; copy one exactly. "
            f"The nearest is {nearest(words, places[name])!r}."
        )
    return files[name], places[name][words]


def _edits(limits: EditLimits, shapes: Iterable[dict[str, JsonValue]]) -> Schema:
    return _object({"edits": _list(_any_of(shapes), 1, limits.edits)})


def _any_of(shapes: Iterable[dict[str, JsonValue]]) -> Schema:
    branches: list[JsonValue] = [_object(shape) for shape in shapes]
    only = branches[0]
    return only if len(branches) == 1 and isinstance(only, dict) else {"anyOf": branches}


def _object(properties: dict[str, JsonValue]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema, least: int, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _lines(limits: EditLimits) -> Schema:
    return _list(_text(limits.characters), 0, limits.lines)


def _text(characters: int) -> Schema:
    return {"type": "string", "maxLength": characters}


def _whole(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}
