"""Understand with a model: what is wanted, in structured form, every claim about the repository looked up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from covey.agents.definitions import defined, files_named, words
from covey.agents.desk import PROMPTS, Question
from covey.agents.preprocessor import clean
from covey.agents.slots import Assumption, Brief, Spec, UnderstandRequest
from covey.agents.workbench import Workbench
from covey.core.model import Schema
from covey.core.protocols import Role
from covey.core.redact import redact
from covey.core.testing import Frame
from covey.models.prompts import render
from covey.models.schema import Bounded, one_of, plain, schema_of
from covey.repair.sources import parse_tolerant

FILES, SYMBOLS, EXAMPLES = 12, 20, 6
"""Names and pieces of code that a model chooses from."""
SHORTEST_S = 20.0
"""With less time for models than this they had better write patches: a specification takes some seconds."""
LONG_TITLE = 80
"""A first line longer than this is no title."""
_NONE = "-"
_INLINE = re.compile(r"(?<!`)`([^`\n]{3,160})`(?!`)")
_INDENTED = re.compile(r"(?:^(?: {4}|\t)[^\n]*\n?)+", re.MULTILINE)


class Assumed(Bounded):
    """Something that must exist."""

    kind: Literal["file", "symbol", "test"]
    name: Annotated[str, Field(max_length=80)]


class Understood(Bounded):
    """What a model makes of a problem text."""

    title: Annotated[str, Field(max_length=LONG_TITLE)]
    expected: Annotated[str, Field(max_length=140)]
    actual: Annotated[str, Field(max_length=140)]
    files: tuple[Annotated[str, Field(max_length=400)], ...] = Field(max_length=3)
    symbols: tuple[Annotated[str, Field(max_length=100)], ...] = Field(max_length=4)
    examples: tuple[Annotated[int, Field(ge=0, le=EXAMPLES)], ...] = Field(max_length=2)
    stories: tuple[Annotated[str, Field(max_length=140)], ...] = Field(max_length=2)
    assumes: tuple[Assumed, ...] = Field(max_length=3)


@dataclass(frozen=True)
class Choice:
    """What occurs in the text and exists in the repository."""

    files: tuple[str, ...]
    symbols: tuple[str, ...]
    examples: tuple[str, ...]

    def schema(self) -> Schema:
        """The schema of an answer that names nothing else."""
        schema = schema_of(Understood)
        properties = schema["properties"]
        assert isinstance(properties, dict)
        for name, values in (("files", self.files), ("symbols", self.symbols)):
            part = properties[name]
            assert isinstance(part, dict)
            part["items"] = one_of(values or (_NONE,))
        return schema


class Requirements:
    """Asks a model what the problem text means. It only adds to what the floor finds by rules."""

    name = "requirements"

    def __init__(self, floor: Role[UnderstandRequest, Workbench, Brief]) -> None:
        self._floor = floor

    async def run(self, request: UnderstandRequest, tools: Workbench) -> Brief:
        """Fill the slot. Raises what a model can do wrong; an empty problem, or too little time, asks no model."""
        brief = await self._floor.run(request, tools)
        if not request.statement.strip() or tools.desk.left() < SHORTEST_S:
            return brief
        text = clean(redact(request.statement))
        known = await asyncio.to_thread(defined, tools.sources)
        choice = choose_from(text, brief, known, tools.sources)
        note = render(
            PROMPTS,
            "requirements.jinja",
            files=choice.files,
            symbols=choice.symbols,
            examples=[example.strip().splitlines()[0] for example in choice.examples],
        )
        answer: Understood = await tools.desk.ask(
            self.name, Question(note=note, answer=Understood, schema=choice.schema())
        )
        return merged(brief, answer, choice, known, tools.sources)


def choose_from(text: str, brief: Brief, known: Mapping[str, Sequence[str]], sources: Mapping[str, bytes]) -> Choice:
    """Files, symbols and code that stand in ``text``; what looks like code there, and rare names, come first."""
    marked = [frame.function for frame in brief.mentioned if frame.function in known]
    others = sorted((name for name in words(text) if name in known), key=lambda name: len(known[name]))
    files = tuple(path for path in (*brief.files, *files_named(text, sources)) if plain(path) == path)
    return Choice(
        files=tuple(dict.fromkeys(files))[:FILES],
        symbols=tuple(dict.fromkeys((*marked, *others)))[:SYMBOLS],
        examples=tuple(code for code in quoted_code(text) if code not in brief.snippets)[:EXAMPLES],
    )


def quoted_code(text: str) -> tuple[str, ...]:
    """Indented blocks and inline code of ``text`` that are Python and call something."""
    found = [match.group() for match in _INDENTED.finditer(text)] + _INLINE.findall(text)
    blocks = dict.fromkeys(_dedented(code) for code in found)
    return tuple(code for code in blocks if "(" in code and ">>>" not in code and parse_tolerant(code) is not None)


def _dedented(code: str) -> str:
    lines = code.rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:].rstrip() for line in lines)


def merged(
    brief: Brief,
    answer: Understood,
    choice: Choice,
    known: Mapping[str, Sequence[str]],
    sources: Mapping[str, bytes],
) -> Brief:
    """The floor's findings with the model's added; what the model names is looked up, whatever its engine allowed."""
    files = tuple(path for path in answer.files if path in choice.files and path not in brief.files)
    have = {frame.function for frame in brief.mentioned}
    symbols = tuple(name for name in answer.symbols if name in choice.symbols and name not in have)
    assumptions = tuple(dict.fromkeys(looked_up(one, known, sources) for one in answer.assumes if one.name.strip()))
    wrong = [f"{one.kind} {one.name}" for one in assumptions if not one.holds]
    notes = (f"The problem was read as if these existed, and they do not: {', '.join(wrong)}.",) if wrong else ()
    spec = Spec(
        expected=_line(answer.expected),
        actual=_line(answer.actual),
        stories=tuple(story for one in answer.stories if (story := _line(one))),
        assumptions=assumptions,
        examples=tuple(
            choice.examples[number - 1]
            for number in dict.fromkeys(answer.examples)
            if 0 < number <= len(choice.examples)
        ),
    )
    return brief.model_copy(
        update={
            "title": brief.title if len(brief.title) <= LONG_TITLE else _line(answer.title) or brief.title,
            "files": (*brief.files, *dict.fromkeys(files)),
            "mentioned": (
                *brief.mentioned,
                *(Frame(path="", line=0, function=name) for name in dict.fromkeys(symbols)),
            ),
            "spec": spec,
            "notes": (*brief.notes, *notes),
        }
    )


def looked_up(assumed: Assumed, known: Mapping[str, Sequence[str]], sources: Mapping[str, bytes]) -> Assumption:
    """Whether the repository has it: a file by (the end of) its path, a name that is defined, a test by its name."""
    name = _line(assumed.name).removesuffix("()")
    path, _, inner = name.partition("::")
    last = re.split(r"[.:]", inner or name)[-1].partition("[")[0]
    if assumed.kind == "file":
        holds = _is_file(name, sources)
    elif assumed.kind == "symbol":
        holds = last in known
    else:
        holds = (last in known and last.startswith("test")) or (not inner and _is_file(path, sources))
        holds = holds and (not inner or _is_file(path, sources))
    return Assumption(kind=assumed.kind, name=name, holds=holds)


def _is_file(name: str, sources: Mapping[str, bytes]) -> bool:
    return name in sources or any(path.endswith(f"/{name}") for path in sources)


def _line(text: str) -> str:
    """A model's words as one line that can be printed."""
    return " ".join(plain(text).split())
