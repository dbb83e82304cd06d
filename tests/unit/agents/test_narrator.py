"""A model may tell the story; what it may not do is add a name, a figure or a judgement."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.agents.documenter import Documenter
from covey.agents.narrator import Narrator
from covey.agents.slots import Brief, DocumentRequest, Localisation, Reproduction, Story
from covey.core.errors import AnswerInvalid
from covey.core.patch import Patch
from covey.models.backends.scripted import ScriptedBackend
from support_asking import asking_bench, said
from support_roles import candidate_of

DIFF = "--- a/shop/cart.py\n+++ b/shop/cart.py\n@@ -4 +4 @@\n-        result -= value\n+        result += value\n"


async def told(
    tmp_path: Path, script: list[str], *, patched: bool = True, left: float = 60.0
) -> tuple[Story, Story, ScriptedBackend]:
    """What narrator and floor say."""
    tools, backend = await asking_bench(tmp_path, script, left=left)
    candidate = candidate_of(tools, "shop/cart.py", "-=", "+=")
    patch = Patch(
        id="p",
        base="b",
        diff=DIFF,
        files=("shop/cart.py",),
        candidate=candidate,
        explanation="Adds instead of subtracts.",
    )
    request = DocumentRequest(
        brief=Brief(),
        reproduction=Reproduction(targets=("tests.test_cart.CartTest.test_total",)),
        localisation=Localisation(),
        patch=patch if patched else None,
        review=None,
        evaluation=None,
        alternatives=2,
        tried=7,
    )
    return await Narrator(Documenter()).run(request, tools), await Documenter().run(request, tools), backend


async def test_plain_words_come_before_the_facts_and_replace_none(tmp_path: Path) -> None:
    words = (
        "Values were taken away; now they are added in shop/cart.py.",
        "`CartTest.test_total` shows it, see line 4.",
    )
    story, floor, _ = await told(tmp_path, [said(sentences=words)])
    assert story.headline == floor.headline
    assert story.sentences == (*words, *floor.sentences)


@pytest.mark.parametrize(
    "sentence",
    [
        "It changes shop/till.py.",
        "The fault was in line 17.",
        "See test_everything for more.",
        "compute() was wrong.",
        "All tests pass now.",
        "This patch is verified and correct.",
        "It was proven safe by twelve tests.",
        "`rm -rf` is what to run next.",
        "Read https://example.org/x for more.",
        "The CartManager was wrong.",
        "",
        " ",
    ],
)
async def test_whatever_is_not_among_the_facts_is_refused(tmp_path: Path, sentence: str) -> None:
    with pytest.raises(AnswerInvalid):
        await told(tmp_path, [said(sentences=[sentence])] * 3)


async def test_without_a_patch_or_time_no_model_is_asked(tmp_path: Path) -> None:
    story, floor, _ = await told(tmp_path, [], patched=False)
    assert story == floor
    story, floor, _ = await told(tmp_path / "late", [], left=1.0)
    assert story == floor


async def test_escapes_in_a_story_cannot_steer_a_terminal(tmp_path: Path) -> None:
    story, _, _ = await told(tmp_path, [said(sentences=["Values are\nadded \x1b[mnow\u202e."])])
    assert "\x1b" not in "".join(story.sentences)
    assert "\n" not in "".join(story.sentences)


async def test_what_is_not_a_sentence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnswerInvalid, match="whole sentences"):
        await told(tmp_path, [said(sentences=["h"]), said(sentences=["12 12"]), said(sentences=["ok."])])
