"""Document with a model: the story in plainer words, every name and figure of it from the recorded facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from covey.agents.desk import PROMPTS, Question
from covey.agents.slots import DocumentRequest, Story
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.core.protocols import Role
from covey.core.redact import redact
from covey.models.context import clip
from covey.models.prompts import render
from covey.models.schema import Bounded, plain

SHORTEST_S = 5.0
"""With less time left no model is asked: the story is there already."""
WORDS = 4
"""A sentence has at least so many words: what is shorter, or no words at all, explains nothing."""
_WORD = re.compile(r"[A-Za-z]{2,}")
_FACT, _DIFF = 300, 1_200
_TARGETS = 3
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"[\w./:-]*[./_:]\w[\w./:-]*|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*|\b\w+(?=\()|(?<=`)[^`\n]+(?=`)")
_WORDS = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozens?|hundreds?|thousands?|millions?|"
    r"all|every|verif\w*|prov(?:e[ds]?|en|ing)|guarantee\w*|certain\w*|correct(?:ly|ness)?|secur\w+|safe(?:ly)?|"
    r"pass(?:es|ed|ing)?|approv\w*|complete(?:ly)?|success\w*|perfect\w*|100\s*%)\b",
    re.IGNORECASE,
)
"""Counts, and words that judge: what they claim is for tests to say, so they must stand in the facts."""


class Told(Bounded):
    """A story."""

    sentences: tuple[Annotated[str, Field(max_length=200)], ...] = Field(min_length=1, max_length=3)


class Narrator:
    """Asks a model for plain words. They come before the floor's sentences; headline and figures stay the floor's."""

    name = "narrator"

    def __init__(self, floor: Role[DocumentRequest, Workbench, Story]) -> None:
        self._floor = floor

    async def run(self, request: DocumentRequest, tools: Workbench) -> Story:
        """Fill the slot. Raises what a model can do wrong; without a patch there is nothing to explain."""
        story = await self._floor.run(request, tools)
        patch = request.patch
        if patch is None or tools.desk.left() < SHORTEST_S:
            return story
        facts = [
            story.headline,
            *story.sentences,
            *(f"Test: {test}" for test in request.reproduction.targets[:_TARGETS]),
        ]
        facts = [clip(redact(fact), _FACT, _FACT // 3) for fact in facts]
        diff = redact(clip(patch.diff, _DIFF, _DIFF // 3))

        def check(answer: Told) -> None:
            grounded(answer.sentences, "\n".join((*facts, diff)))

        note = render(PROMPTS, "narrator.jinja", facts=facts, diff=diff)
        answer: Told = await tools.desk.ask(self.name, Question(note=note, answer=Told, check=check))
        told = tuple(line for one in answer.sentences if (line := " ".join(plain(one).split())))
        return story.model_copy(update={"sentences": (*told, *story.sentences)})


def grounded(sentences: Sequence[str], facts: str) -> None:
    """Raise AgentFeedback for a figure, a name or a judgement that does not stand in ``facts``."""
    text = " ".join(sentences)
    if any(len(_WORD.findall(sentence)) < WORDS for sentence in sentences):
        raise AgentFeedback(f"Write whole sentences, of at least {WORDS} words each.")
    low = facts.lower()
    figures = frozenset(_NUMBER.findall(facts))
    for number in _NUMBER.findall(text):
        if number not in figures:
            raise AgentFeedback(f"The number {number[:40]} is not among the facts; leave it out.")
    for match in _NAME.finditer(text):
        name = match.group().strip(".:/-")
        if name and name.lower() not in low:
            raise AgentFeedback(f"{name[:80]} is not among the facts; leave it out.")
    for match in _WORDS.finditer(text):
        if not re.search(rf"\b{re.escape(match.group().lower())}\b", low):
            raise AgentFeedback(
                f"'{match.group()[:40]}' is not yours to say; tell what was wrong and what the change does."
            )
