"""What measuring an engine found: numbers, and for each a sentence that a person can act on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.model import Capabilities

State = Literal["ok", "reduced", "failed", "skipped"]
"""``ok`` as good as it gets · ``reduced`` usable, with a loss · ``failed`` not usable · ``skipped`` not measured."""

Overflow = Literal["typed", "silent", "accepted", "error", "unknown"]
"""What a prompt beyond the window gets: a typed refusal, a silent cut, an answer after all, some other failure."""


class Probed(Frozen):
    """One thing that was measured. ``explanation`` says in plain words what was found."""

    state: State = "skipped"
    explanation: str = "Not measured: there was no time left."


class ColdStart(Probed):
    """Seconds until the engine had said what it can do (a stopped engine starts for it), and until its first answer."""

    ready_s: float = 0.0
    first_answer_s: float = 0.0


class Window(Probed):
    """How many tokens of a prompt the engine really reads.

    ``claimed`` by the engine or its settings. ``real``: so many tokens, answer included, were seen to be read whole.
    ``counted``: the engine's own count of the largest prompt that it took; 0 when it does not count, or counts what
    cannot be. ``truncates``: prompts within the claim lose a part without an error. ``complete``: tried up to the
    claim. ``evidence``: what showed that prompts were read whole; empty when nothing could. ``overflow``: what happens
    to a prompt beyond the claim.
    """

    claimed: int = 0
    real: int = 0
    counted: int = 0
    truncates: bool = False
    complete: bool = False
    evidence: tuple[Literal["count", "code word"], ...] = ()
    overflow: Overflow = "unknown"


class Answers(Probed):
    """``valid`` of ``asked`` bounded answers fit their schema at the first try; ``obeyed`` were also the right ones.

    ``shown``: valid answers of as many, when the schema was only shown in the prompt; -1 where that was not tried.
    """

    asked: int = 0
    valid: int = 0
    obeyed: int = 0
    shown: int = -1


class ToolCalls(Probed):
    """``called`` of ``asked`` tool calls came as calls with arguments that fit, ``as_text`` as text."""

    asked: int = 0
    called: int = 0
    as_text: int = 0


class Speed(Probed):
    """Tokens a second, reading and writing. ``prompt_tokens`` is the size at which it was measured."""

    prefill_per_s: float = 0.0
    decode_per_s: float = 0.0
    first_token_s: float = 0.0
    prompt_tokens: int = 0


class Prefix(Probed):
    """Tokens of a prompt sent a second time that were not read again, of ``of``.

    ``estimated``: the engine does not say, so it follows from the time to the first token.
    """

    reused: int = 0
    of: int = 0
    estimated: bool = False


class Parallel(Probed):
    """Seconds for two requests one after the other and at once; ``gain`` is their ratio."""

    claimed: int = 1
    serial_s: float = 0.0
    together_s: float = 0.0
    gain: float = 1.0


class Row(Frozen):
    """One line of a table."""

    name: str
    state: State
    value: str
    explanation: str


class EngineReport(Frozen):
    """All that was measured of one engine. ``error`` when it could not be used at all."""

    model: str
    claimed: Capabilities | None = None
    cold_start: ColdStart = ColdStart()
    speed: Speed = Speed()
    prefix: Prefix = Prefix()
    schema_answers: Answers = Answers()
    actions: Answers = Answers()
    tool_calls: ToolCalls = ToolCalls()
    parallel: Parallel = Parallel()
    window: Window = Window()
    seconds: float = Field(0.0, ge=0)
    error: str = ""

    @property
    def usable(self) -> bool:
        """False when the engine answered nothing."""
        return self.claimed is not None and not self.error

    def rows(self) -> tuple[Row, ...]:
        """The report as a table, in the order of reading."""
        window, speed, prefix, parallel = self.window, self.speed, self.prefix, self.parallel
        values: tuple[tuple[str, Probed, str], ...] = (
            ("start", self.cold_start, f"{self.cold_start.ready_s + self.cold_start.first_answer_s:.1f} s"),
            ("window", window, f"{window.real} of {window.claimed} tokens"),
            ("schema", self.schema_answers, f"{self.schema_answers.valid} of {self.schema_answers.asked} valid"),
            ("actions", self.actions, f"{self.actions.valid} of {self.actions.asked} valid"),
            ("tool calls", self.tool_calls, f"{self.tool_calls.called} of {self.tool_calls.asked} came as calls"),
            ("speed", speed, f"{speed.prefill_per_s:.0f} read, {speed.decode_per_s:.1f} written tokens/s"),
            ("prefix", prefix, f"{'about ' * prefix.estimated}{prefix.reused} of {prefix.of} tokens reused"),
            ("parallel", parallel, f"{parallel.gain:.1f} times as fast for two"),
        )
        return tuple(
            Row(
                name=name,
                state=probed.state,
                value="-" if probed.state == "skipped" else value,
                explanation=probed.explanation,
            )
            for name, probed, value in values
        )
