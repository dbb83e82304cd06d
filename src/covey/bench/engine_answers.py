"""Does an engine keep every answer inside its schema? ``python -m covey.bench.engine_answers``.

A model of random weights, which means nothing it says, runs in the real embedded engine. It gives structured answers
over several schemas, and edits over this project's own source files, big and small. Every answer must fit its schema
without a repair, and every edit must decode and apply to the real bytes of its file. Exit code 1 when one does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

import covey
from covey.app.engines import open_local
from covey.core.canonical import Frozen
from covey.core.errors import CoveyError
from covey.core.model import Capabilities, ChatMessage, Sampling
from covey.core.protocols import ModelBackend
from covey.models.edits import Choices, EditLimits, choice_schema, edit_grammar
from covey.models.lineedits import EditFile, byte_edits
from covey.models.schema import Bounded
from covey.models.spec import EngineSpec
from covey.models.structured import ask
from covey.testing.gguf import write_random
from covey.workspace.edits import changes_of

CONTEXT = 16_384
LIMITS = EditLimits(edits=2, lines=4, characters=60)
_Words = Annotated[str, Field(max_length=40)]


class Severity(StrEnum):
    """How bad a finding is."""

    low = "low"
    high = "high"


class Judgement(Bounded):
    """A flat answer."""

    approved: bool
    confidence: int = Field(ge=0, le=100)
    reason: str = Field(min_length=1, max_length=80)


class Finding(Bounded):
    """Part of a nested answer."""

    severity: Severity
    line: int = Field(ge=1, le=2_500)
    words: tuple[_Words, ...] = Field(max_length=3)


class Review(Bounded):
    """A nested answer with unions, nulls and lists of objects."""

    verdict: Literal["approve", "reject", None]
    findings: tuple[Finding, ...] = Field(min_length=1, max_length=3)
    worst: Finding | None
    follow_up: Judgement | Finding
    offset: int = Field(ge=-1_000, le=1_000)


class Plan(Bounded):
    """Lists in lists."""

    steps: tuple[Annotated[tuple[_Words, ...], Field(max_length=2)], ...] = Field(min_length=1, max_length=3)
    done: Literal[False]


SCHEMAS: tuple[type[Bounded], ...] = (Judgement, Review, Plan, Choices)


class Share(Frozen):
    """How many of ``asked`` were right, in seconds; ``faults`` name some that were not."""

    asked: int
    right: int
    seconds: float
    generated: int
    faults: tuple[str, ...] = ()


class Measured(Frozen):
    """What one run of the benchmark found. ``engine`` is what was probed; edits by the way they were written."""

    engine: Capabilities
    answers: Share
    edits: dict[str, Share]

    @property
    def good(self) -> bool:
        """True when nothing failed."""
        return all(share.right == share.asked for share in (self.answers, *self.edits.values()))


async def measure(count: int, folder: Path) -> Measured:
    """Ask for ``count`` structured answers and ``count`` edits, and for a quarter as many in each other notation."""
    model = write_random(folder / "random.gguf", context=CONTEXT)
    async with open_local(EngineSpec(path=str(model), context=CONTEXT, threads=1), engine="embedded") as backend:
        found = await backend.capabilities()
        answers = await _answers(backend, count)
        hosted = Capabilities(context=found.context, schema_support="json_schema")
        edits = {"lines": await _edits(backend, found, count)}
        for engine in (hosted, hosted.model_copy(update={"grammar": "gbnf"})):
            grammar = edit_grammar([EditFile(path="a", lines=())], engine)
            edits[grammar.name] = await _edits(backend, engine, max(1, count // 4))
        return Measured(engine=found, answers=answers, edits=edits)


async def _answers(backend: ModelBackend, count: int) -> Share:
    files = own_files()
    symbols = {path: [f"symbol_{index}" for index in range(index % 4)] for index, path in enumerate(files)}
    start, right, generated = time.perf_counter(), 0, 0
    faults: list[str] = []
    for index in range(count):
        answer = SCHEMAS[index % len(SCHEMAS)]
        schema = choice_schema(list(files), symbols) if answer is Choices else None
        try:
            done = await ask(
                backend, _prompt(answer.__name__), answer, schema=schema, sampling=_sampling(index), repairs=0
            )
        except CoveyError as error:
            faults.append(f"{answer.__name__} with seed {index}: {error} {error.detail[:200]}")
            continue
        right += 1
        generated += done.usage.generated
    return _share(count, right, start, generated, faults)


async def _edits(backend: ModelBackend, engine: Capabilities, count: int) -> Share:
    files = own_files()
    start, right, generated = time.perf_counter(), 0, 0
    faults: list[str] = []
    for index in range(count):
        sources = _chosen(files, index)
        grammar = edit_grammar([EditFile.of(path, data) for path, data in sources.items()], engine, LIMITS)
        try:
            done = await ask(
                backend,
                _prompt(grammar.name),
                grammar.answer,
                schema=grammar.schema,
                check=grammar.check,
                sampling=_sampling(index),
                repairs=0,
            )
            changes_of(sources, byte_edits(grammar.decode(done.value), sources))
        except CoveyError as error:
            faults.append(f"{', '.join(sources)} with seed {index}: {error} {error.detail[:200]}")
            continue
        right += 1
        generated += done.usage.generated
    return _share(count, right, start, generated, faults)


def own_files() -> dict[str, bytes]:
    """Return the sources of this package by path, and files that are awkward: empty, one line, CR LF, 2,500 lines."""
    root = Path(covey.__file__).parent
    found = {f"src/covey/{path.relative_to(root).as_posix()}": path.read_bytes() for path in sorted(root.rglob("*.py"))}
    found["empty.py"] = b""
    found["one_line.py"] = b"x = 1"
    found["windows.py"] = "def f():\r\n\treturn 'naïve ✓'\r\n".encode()
    found["same.py"] = b"pass\n" * 50
    found["long.py"] = b"".join(b"value_%d = %d  # of usual length\n" % (number, number) for number in range(2_500))
    return found


def _chosen(files: Mapping[str, bytes], index: int) -> dict[str, bytes]:
    """Return one to three files; each file has its turn."""
    paths = list(files)
    chosen = [paths[(-1 - index * 7 - step * 31) % len(paths)] for step in range(index % 3 + 1)]
    return {path: files[path] for path in chosen}


def _prompt(name: str) -> Sequence[ChatMessage]:
    return (
        ChatMessage(role="system", content="You answer with one JSON object."),
        ChatMessage(role="user", content=f"Give a {name}."),
    )


def _sampling(seed: int) -> Sampling:
    """High temperature: the model wanders as far as its grammar lets it."""
    return Sampling(temperature=1.5, seed=seed)


def _share(asked: int, right: int, start: float, generated: int, faults: Sequence[str]) -> Share:
    seconds = round(time.perf_counter() - start, 2)
    return Share(asked=asked, right=right, seconds=seconds, generated=generated, faults=tuple(faults[:5]))


def table(measured: Measured) -> str:
    """Show the result as text."""
    lines = [f"engine: {measured.engine.grammar}, window {measured.engine.context}; model: random weights"]
    rows = {"structured answers": measured.answers, **{f"edits ({name})": s for name, s in measured.edits.items()}}
    for name, share in rows.items():
        rate = 1_000 * share.seconds / max(1, share.generated)
        lines.append(
            f"{name:20} {share.right:4} of {share.asked:4} right   {share.generated:7} tokens   {share.seconds:7.2f} s"
            f"   {rate:5.2f} ms a token"
        )
        lines += [f"  {fault}" for fault in share.faults]
    return "\n".join(lines)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m covey.bench.engine_answers", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--count", type=int, default=200, help="structured answers, and edits, to ask for")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="covey-answers-") as folder:
        measured = asyncio.run(measure(given.count, Path(folder)))
    sys.stdout.write(table(measured) + "\n")
    if given.json:
        Path(given.json).write_text(json.dumps(measured.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    if not measured.good:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
