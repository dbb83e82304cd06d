"""From what was measured to what Covey does with the engine. Pure: the same report gives the same advice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from covey.core.canonical import Frozen
from covey.models.measure_report import EngineReport

Protocol = Literal["none", "grammar", "json_schema", "validate-and-retry"]
EditVariant = Literal["none", "lines", "index", "search"]

STEP = 256
"""Windows are used in whole multiples of this, so that small differences between measurements change nothing."""
UNPROVEN = 4096
"""Window to use when nothing showed how much the engine reads: what every server in use reads."""
LONGEST_ANSWER = 2048
READING = 0.25
"""Part of a run's seconds that reading one full window may take."""
ANSWERING = 0.1
"""Part of a run's seconds that one answer may take."""
MOST_DRAFTS = 4


class Choice(Frozen):
    """One decision and why; ``value`` is ready for a table."""

    name: str
    value: str
    why: str


class Advice(Frozen):
    """How to use an engine in a run of ``seconds``.

    ``protocol``: what keeps answers valid. ``edits``: how edits are written (:mod:`covey.models.edits`). ``context``:
    tokens of prompt and answer together, ``answer`` of the answer at most. ``calls``: how many model calls fit into
    the run, ``call_s`` seconds each when the prompt has half its window. ``tokens``: what these calls read anew and
    write together. ``drafts`` to ask for at the same time. ``choices`` hold the same with a reason for each.
    """

    seconds: float
    usable: bool
    protocol: Protocol = "none"
    edits: EditVariant = "none"
    context: int = Field(0, ge=0)
    answer: int = Field(0, ge=0)
    calls: int = Field(0, ge=0)
    call_s: float = Field(0.0, ge=0)
    tokens: int = Field(0, ge=0)
    drafts: int = Field(0, ge=0)
    choices: tuple[Choice, ...] = ()


def advise(report: EngineReport, seconds: float = 300.0) -> Advice:
    """Say how to use the engine in a run of ``seconds``."""
    if not report.usable:
        why = f"The engine cannot be used: {report.error or 'it was not measured.'} Covey works without a model."
        return Advice(seconds=seconds, usable=False, choices=(Choice(name="model", value="none", why=why),))
    protocol, protocol_why = _protocol(report)
    edits, edits_why = _edits(report, protocol)
    context, context_why = _context(report, seconds)
    answer, answer_why = _answer(report, context, seconds)
    calls, call_s, tokens, calls_why = _calls(report, context, answer, seconds)
    drafts, drafts_why = _drafts(report)
    return Advice(
        seconds=seconds,
        usable=True,
        protocol=protocol,
        edits=edits,
        context=context,
        answer=answer,
        calls=calls,
        call_s=call_s,
        tokens=tokens,
        drafts=drafts,
        choices=(
            Choice(name="protocol", value=protocol, why=protocol_why),
            Choice(name="edits", value=edits, why=edits_why),
            Choice(name="context", value=f"{context} tokens", why=context_why),
            Choice(name="longest answer", value=f"{answer} tokens", why=answer_why),
            Choice(name="model calls", value=f"{calls} in {seconds:.0f} s", why=calls_why),
            Choice(name="token budget", value=f"{tokens} tokens", why="What these calls read anew and write."),
            Choice(name="parallel drafts", value=str(drafts), why=drafts_why),
        ),
    )


def _protocol(report: EngineReport) -> tuple[Protocol, str]:
    claimed = report.claimed.schema_support if report.claimed else "none"
    answers = [each for each in (report.schema_answers, report.actions) if each.asked]
    asked, valid = sum(each.asked for each in answers), sum(each.valid for each in answers)
    if answers and not any(max(each.valid, each.shown) for each in answers):
        return "validate-and-retry", (
            f"None of {asked} bounded answers was valid. They are checked and asked for again, but most work will be "
            "done without this model: choose another one."
        )
    if claimed not in ("grammar", "json_schema"):
        return "validate-and-retry", "The engine holds no schema itself: answers are checked, and asked for again."
    if not answers:
        return "validate-and-retry", "Whether the engine holds schemas could not be measured, so answers are checked."
    if valid < asked:
        return "validate-and-retry", (
            f"The engine says that it holds schemas, but only {valid} of {asked} answers were valid: answers are "
            "checked, and asked for again."
        )
    why = f"All {asked} bounded answers were valid at the first try: the engine holds schemas itself."
    return ("grammar" if claimed == "grammar" else "json_schema"), why


def _edits(report: EngineReport, protocol: Protocol) -> tuple[EditVariant, str]:
    grammar = report.claimed.grammar if report.claimed else "unknown"
    if protocol == "validate-and-retry":
        return "search", "Without a schema, copying a unique line is what models get right most often."
    if grammar == "llguidance":
        return "lines", "The engine's grammars do not slow down with the many real lines an edit may choose from."
    if grammar == "gbnf":
        return "index", "The engine's grammars are slow with many choices, so edits name line numbers."
    return "search", "It is not known how the engine enforces schemas, so they are kept as small as hosted ones."


def _context(report: EngineReport, seconds: float) -> tuple[int, str]:
    window, claimed = report.window, report.claimed.context if report.claimed else 0
    limit = claimed
    why = f"All that is claimed was seen to be read ({claimed} tokens)."
    if window.state in ("skipped", "failed") or not window.evidence:
        limit, why = min(claimed, UNPROVEN), f"Nothing shows how much of the {claimed} claimed tokens is read."
    elif window.real < claimed:
        limit, why = window.real, f"Of {claimed} claimed tokens {window.real} were seen to be read."
    speed = report.speed.prefill_per_s
    if speed and limit > (affordable := round(speed * seconds * READING)) and affordable >= STEP:
        limit = affordable
        why = (
            f"At {speed:.0f} tokens read in a second, a longer prompt would take more than {READING:.0%} of the run; "
            f"{window.real} tokens were seen to be read."
        )
    return max(1, limit // STEP * STEP or limit), why


def _answer(report: EngineReport, context: int, seconds: float) -> tuple[int, str]:
    speed = report.speed.decode_per_s
    quarter = context // 4
    in_time = round(speed * seconds * ANSWERING) if speed else LONGEST_ANSWER
    answer = max(min(64, quarter), min(quarter, LONGEST_ANSWER, in_time), 1)
    if answer == LONGEST_ANSWER:
        return answer, "No answer that a role asks for is longer."
    if answer == quarter:
        return answer, "A quarter of the window; the rest is for the prompt."
    return answer, f"At {speed:.1f} tokens written in a second, more would take over {ANSWERING:.0%} of the run."


def _calls(report: EngineReport, context: int, answer: int, seconds: float) -> tuple[int, float, int, str]:
    """Calls after the first read what is new only, where prefixes are reused: the last answer and what followed it."""
    read, write = report.speed.prefill_per_s, report.speed.decode_per_s
    if not read or not write:
        return 1, 0.0, context, "The engine's speed could not be measured, so one call at a time is planned."
    prompt = min(context // 2, context - answer)
    reuses = report.prefix.of > 0 and report.prefix.reused * 2 >= report.prefix.of
    written = max(1, answer // 2)
    new = min(prompt, 2 * written) if reuses else prompt
    first = report.cold_start.ready_s + prompt / read + written / write
    each = new / read + written / write
    calls = 1 + int(max(0.0, seconds - first) / each) if first <= seconds else 0
    tokens = prompt + written + (calls - 1) * (new + written) if calls else 0
    habit = "only what is new is read again" if reuses else f"all {prompt} tokens are read again each time"
    why = f"A call takes about {each:.1f} s: {habit}, and {written} tokens are written."
    if not calls:
        why = f"The first call alone would take {first:.0f} s: a smaller model, or more time, is needed."
    return calls, round(each, 2), tokens, why


def _drafts(report: EngineReport) -> tuple[int, str]:
    parallel = report.parallel
    if parallel.state in ("skipped", "failed"):
        return 1, "Requests at the same time were not measured."
    if parallel.gain < 1.2:
        return 1, f"Two requests at once are only {parallel.gain:.1f} times as fast as one after the other."
    drafts = min(MOST_DRAFTS, max(2, parallel.claimed))
    return drafts, f"Two requests at once are {parallel.gain:.1f} times as fast as one after the other."
