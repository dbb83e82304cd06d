"""How much of a prompt an engine really reads, whatever it claims.

Servers have claimed 32k tokens and read the last 4k. So growing prompts with a code word at their very beginning are
sent; they share that beginning, which makes them cheap for an engine that reuses prefixes. A prompt was cut when the
engine's own count stays behind what the first two, small ones predict, or when a model that found the code word before
does not find it any more. Counts alone do not suffice: some servers count the prompt before they cut it. The code word
alone does not suffice either: small models forget.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from covey.core.budget import Deadline
from covey.core.errors import ContextOverflow, CoveyError
from covey.core.model import ChatMessage, Sampling
from covey.core.protocols import ModelBackend
from covey.models.measure_report import Overflow, Window

ANSWER = 24
"""Tokens left for the answer of a probe."""
WORDS = ("KINGFISHER", "LAPWING", "NUTHATCH", "SANDPIPER", "TURNSTONE", "WAGTAIL")

_SMALL = 24  # lines of the second prompt
_SHORT = 0.95  # a count below this part of the expected one: something was cut
_PLAUSIBLE = 10  # the engine's count and the back end's may differ by this factor: estimates are upper ones
_REFINE = 4
_PATIENCE = 0.9  # of the time left for one prompt, so that what was found before is not lost


def code_word(salt: str) -> str:
    """The code word that goes with ``salt``."""
    return WORDS[sum(salt.encode()) % len(WORDS)]


def window_prompt(lines: int, salt: str) -> tuple[ChatMessage, ...]:
    """A prompt with a code word, then ``lines`` numbered lines, then the question for the code word."""
    numbers = (number * 7919 % 100_000 for number in range(lines))  # scattered: alike in tokens near and far
    body = "".join(f"{number:05d} the parcel was weighed, labelled and put away\n" for number in numbers)
    return (
        ChatMessage(role="system", content=f"The code word is {code_word(salt)}. Remember it. ({salt})"),
        ChatMessage(role="user", content=f"{body}\nWhat is the code word? Answer with that one word."),
    )


@dataclass(frozen=True)
class _Shot:
    """What became of one prompt: ``tokens`` by the engine's count, ``found`` the code word, ``words`` of an error."""

    lines: int
    end: Literal["answered", "refused", "failed", "slow"]
    tokens: int = 0
    found: bool = False
    context: int = 0
    words: str = ""


@dataclass(frozen=True)
class _Scale:
    """Tokens of a prompt by its lines: by the engine's count (``counts``), and at most (what the back end expects)."""

    counts: bool
    base: float
    line: float
    most_base: float
    most_line: float
    finds: bool

    def tokens(self, lines: int) -> int:
        return round(self.base + self.line * lines)

    def lines_within(self, tokens: int) -> int:
        """The most lines that are sure to stay within ``tokens``."""
        by_count = (tokens - self.base) / self.line
        return max(0, int(min(by_count, (tokens - self.most_base) / self.most_line)))

    def lines_beyond(self, tokens: int) -> int:
        """So many lines that the prompt is sure to be longer than ``tokens``."""
        return int(tokens * 1.3 / min(self.line, self.most_line)) + _SMALL

    def cut_by_count(self, shot: _Shot) -> bool:
        return self.counts and shot.end == "answered" and shot.tokens < _SHORT * self.tokens(shot.lines)

    def read_whole(self, shot: _Shot) -> bool:
        return (shot.found or not self.finds) and not self.cut_by_count(shot)


class WindowProbe:
    """Measures one window.

    ``per_s``: tokens that the engine reads in a second, 0 when that is not known; ``reuses``: prefixes once only.
    ``longest``: tokens of the longest prompt to send.
    """

    def __init__(
        self,
        backend: ModelBackend,
        claimed: int,
        deadline: Deadline,
        salt: str,
        *,
        per_s: float,
        reuses: bool,
        longest: int,
    ) -> None:
        self._backend = backend
        self._claimed = claimed
        self._deadline = deadline
        self._salt = salt
        self._per_s = per_s
        self._reuses = reuses
        self._longest = longest

    async def run(self) -> Window:
        """Measure; what fails is part of the answer."""
        lines = _SMALL
        while lines > 2 and await self._backend.count(window_prompt(lines, self._salt)) > self._claimed // 4:
            lines //= 2
        started = self._deadline.elapsed
        shots = [await self._shoot(lines // 2), await self._shoot(lines)]
        spent = self._deadline.elapsed - started
        for shot in shots:
            if shot.end != "answered":
                return self._unusable(shot)
        scale = await self._scale(shots[0], shots[1])
        self._per_s = self._per_s or scale.tokens(lines) / max(spent, 1e-6)
        good, bad, complete = await self._grow(scale, shots[1])
        if bad is not None and bad.end == "answered" and not scale.cut_by_count(bad):
            good, bad = await self._refine(scale, good, bad)
        beyond = await self._beyond(scale) if complete else None
        return self._judge(scale, good, bad, beyond, complete=complete)

    async def _shoot(self, lines: int) -> _Shot:
        prompt = window_prompt(lines, self._salt)
        try:
            async with asyncio.timeout(_PATIENCE * self._deadline.left):
                answer = await self._backend.complete(prompt, None, Sampling(max_tokens=ANSWER))
        except ContextOverflow as error:
            return _Shot(lines, "refused", context=error.context, words=str(error))
        except TimeoutError:
            return _Shot(lines, "slow")
        except CoveyError as error:
            return _Shot(lines, "failed", words=str(error))
        found = code_word(self._salt).lower() in (answer.text + answer.reasoning).lower()
        return _Shot(lines, "answered", tokens=answer.usage.prefilled + answer.usage.reused, found=found)

    async def _scale(self, first: _Shot, second: _Shot) -> _Scale:
        step = second.lines - first.lines
        most = [await self._backend.count(window_prompt(shot.lines, self._salt)) for shot in (first, second)]
        most_line = max(1.0, (most[1] - most[0]) / step)
        most_base = max(0.0, most[1] - most_line * second.lines)
        line = (second.tokens - first.tokens) / step
        counts = most_line / _PLAUSIBLE < line < most_line * _PLAUSIBLE
        if not counts:
            line = most_line
        base = max(0.0, second.tokens - line * second.lines) if counts else most_base
        return _Scale(counts, base, line, most_base, most_line, finds=first.found and second.found)

    def _affordable(self, new: int, whole: int) -> bool:
        if whole > self._longest:
            return False
        return (new if self._reuses else whole) <= 0.7 * self._per_s * self._deadline.left

    async def _grow(self, scale: _Scale, good: _Shot) -> tuple[_Shot, _Shot | None, bool]:
        """Send longer and longer prompts; returns the last one read whole, the first that was not, and if all were."""
        limit = scale.lines_within(self._claimed - ANSWER)
        while good.lines < limit:
            lines = min(good.lines * 2, limit)
            whole = scale.tokens(lines)
            if not self._affordable(whole - scale.tokens(good.lines), whole):
                return good, None, False
            shot = await self._shoot(lines)
            if shot.end == "slow":
                return good, None, False
            if shot.end != "answered" or not scale.read_whole(shot):
                return good, shot, False
            good = shot
        return good, None, True

    async def _refine(self, scale: _Scale, good: _Shot, bad: _Shot) -> tuple[_Shot, _Shot]:
        """Halve the distance between what was read whole and what was not."""
        for _ in range(_REFINE):
            lines = (good.lines + bad.lines) // 2
            if lines == good.lines or not self._affordable(scale.tokens(lines), scale.tokens(lines)):
                break
            shot = await self._shoot(lines)
            if shot.end == "answered" and scale.read_whole(shot):
                good = shot
            else:
                bad = shot
        return good, bad

    async def _beyond(self, scale: _Scale) -> _Shot | None:
        """Send a prompt that cannot fit."""
        lines = scale.lines_beyond(self._claimed)
        if not self._affordable(scale.tokens(lines) - self._claimed, scale.tokens(lines)):
            return None
        return await self._shoot(lines)

    def _unusable(self, shot: _Shot) -> Window:
        words = shot.words or "No answer came in time."
        return Window(
            state="failed",
            claimed=self._claimed,
            explanation=f"Not even a prompt of {shot.lines} lines was answered. {words}",
        )

    def _judge(self, scale: _Scale, good: _Shot, bad: _Shot | None, beyond: _Shot | None, *, complete: bool) -> Window:
        read = min(self._claimed, scale.tokens(good.lines) + ANSWER)
        evidence: list[Literal["count", "code word"]] = ["count"] if scale.counts else []
        if scale.finds:
            evidence.append("code word")
        window = Window(
            state="ok",
            claimed=self._claimed,
            real=self._claimed if complete else read,
            counted=good.tokens if scale.counts else 0,
            complete=complete,
            evidence=tuple(evidence),
            overflow=_overflow(scale, beyond),
        )
        if bad is not None:
            return self._lied(window, scale, good, bad)
        if not evidence:
            why = "the engine's count of tokens cannot be right, and the model does not repeat a word from its prompt"
            text = f"Prompts of up to {read} tokens were taken, but nothing shows that they were read whole: {why}."
            return window.model_copy(update={"state": "reduced", "real": read, "explanation": text})
        if not complete:
            why = "reading them takes too long, or costs too much"
            text = f"Prompts of up to {read} tokens are read whole; longer ones were not tried: {why}."
            return window.model_copy(update={"state": "reduced", "explanation": text})
        if beyond is not None and window.overflow == "silent" and scale.counts:
            window = window.model_copy(update={"real": min(self._claimed, beyond.tokens)})
        return window.model_copy(update=_at_the_end(window))

    def _lied(self, window: Window, scale: _Scale, good: _Shot, bad: _Shot) -> Window:
        """What to say of an engine that does not do what it claims."""
        about = scale.tokens(bad.lines)
        real, truncates, state = window.real, bad.end == "answered", "reduced"
        if truncates:  # the prompt was read, its answer may have pushed something out
            real = scale.tokens(good.lines)
        if bad.end == "refused":
            real = bad.context if 0 < bad.context < self._claimed else real
            text = f"A prompt of about {about} tokens is refused as too long, although {self._claimed} are claimed."
        elif bad.end == "failed":
            text = f"A prompt of about {about} tokens fails, although {self._claimed} are claimed. {bad.words}"
        elif scale.cut_by_count(bad):
            real = max(real, min(bad.tokens, self._claimed))
            text = (
                f"Long prompts are cut without an error: {self._claimed} tokens are claimed, of a prompt of about "
                f"{about} tokens {bad.tokens} were read."
            )
        else:
            text = (
                f"The beginning of a prompt of about {about} tokens is lost without an error, although {self._claimed} "
                f"tokens are claimed: the code word there was found up to about {scale.tokens(good.lines)} tokens only."
            )
        update = {"state": state, "real": real, "truncates": truncates, "explanation": text}
        return window.model_copy(update=update)


def _overflow(scale: _Scale, beyond: _Shot | None) -> Overflow:
    match beyond.end if beyond else "slow":
        case "answered" if beyond and scale.read_whole(beyond) and (scale.counts or scale.finds):
            return "accepted"
        case "answered":
            return "silent"
        case "refused":
            return "typed"
        case "failed":
            return "error"
        case _:
            return "unknown"


def _at_the_end(window: Window) -> dict[str, str]:
    text = f"All {window.real} tokens are read. "
    match window.overflow:
        case "typed":
            return {"explanation": text + "Longer prompts are refused with a clear error."}
        case "silent":
            more = "Longer prompts are cut without an error, so Covey counts before it sends."
            return {"state": "reduced", "explanation": text + more}
        case "accepted":
            return {"explanation": text + "Longer prompts are read too: the window is larger than claimed."}
        case "error":
            more = "Longer prompts make the engine fail, so Covey counts before it sends."
            return {"state": "reduced", "explanation": text + more}
        case _:
            return {"explanation": text + "What happens to longer prompts was not tried."}
