"""Asking a model for a typed answer.

An engine that enforces schemas answers validly by construction; from all others the answer is read leniently,
validated and, when it does not fit, asked for again with the reason, a bounded number of times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from pydantic import JsonValue, ValidationError

from covey.core.errors import AgentFeedback, AnswerInvalid, ContextOverflow
from covey.core.model import ChatMessage, Completion, Sampling, Schema
from covey.core.protocols import ModelBackend
from covey.core.run import Usage
from covey.models.schema import BoundedT, max_tokens_for, schema_of

ANSWER_CHARACTERS = 1 << 20
"""Longest answer that is read at all."""
KEPT_CHARACTERS = 2_000
"""A failed answer longer than this stays in the prompt with its beginning only, or it would fill the window."""
ATTEMPTS = 64
"""Opening braces at which a lenient reader tries to find an object."""
_SHOWN = 500
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answered(Generic[BoundedT]):
    """A valid answer and what it took.

    ``completions`` are all of them, failed ones first. ``messages`` are the turns to append to the prompt that was
    sent: failed answers, the reasons given to the model, the good answer last.
    """

    value: BoundedT
    completions: tuple[Completion, ...]
    messages: tuple[ChatMessage, ...]

    @property
    def usage(self) -> Usage:
        """Tokens of all completions together."""
        return sum((completion.usage for completion in self.completions), Usage())


async def ask(
    backend: ModelBackend,
    prompt: Sequence[ChatMessage],
    answer: type[BoundedT],
    *,
    sampling: Sampling | None = None,
    repairs: int = 2,
    schema: Schema | None = None,
    check: Callable[[BoundedT], None] | None = None,
) -> Answered[BoundedT]:
    """Ask for an ``answer``; after a failed one ask again, at most ``repairs`` times.

    ``schema`` narrows what the engine may write (default: the schema of ``answer``). ``check`` looks at what a schema
    cannot say and raises AgentFeedback with a sentence for the model. Of ``sampling``, ``max_tokens`` and ``thinking``
    are replaced: the limit follows from the schema and the room in the window. An engine that enforces no schema is
    shown it at the end of the last message of the prompt.

    Raises AnswerInvalid when no answer fits (``detail`` holds the beginning of the last one), ContextOverflow when
    there is no room for one; EngineError and UnusableModel pass through.
    """
    found = await backend.capabilities()
    enforced = found.schema_support in ("grammar", "json_schema")
    wanted = schema_of(answer) if schema is None else schema
    sent = list(prompt) if enforced else _with_schema(prompt, wanted)
    turns: list[ChatMessage] = []
    completions: list[Completion] = []
    problem = ""
    for _ in range(repairs + 1):
        tokens = await backend.count([*sent, *turns])
        if tokens >= found.context:
            raise ContextOverflow(
                f"The prompt has {tokens} tokens and the window {found.context}: there is no room for an answer; "
                "shorten the prompt.",
                tokens=tokens,
                context=found.context,
            )
        limits = {"max_tokens": max_tokens_for(wanted, found.context - tokens), "thinking": False}
        completion = await backend.complete([*sent, *turns], wanted, (sampling or Sampling()).model_copy(update=limits))
        completions.append(completion)
        try:
            value = _read(completion, answer, lenient=not enforced)
            if check is not None:
                check(value)
        except AgentFeedback as error:
            problem = str(error)
            turns += _repair_turns(completion.text, problem)
            continue
        turns.append(ChatMessage(role="assistant", content=completion.text))
        return Answered(value, tuple(completions), tuple(turns))
    raise AnswerInvalid(
        f"{backend.name} gave no usable {answer.__name__} in {repairs + 1} tries: {problem} "
        "A larger model, or an engine that enforces schemas, would do.",
        detail=completions[-1].text[:_SHOWN],
    )


def _with_schema(prompt: Sequence[ChatMessage], schema: Schema) -> list[ChatMessage]:
    """Show the schema to a model whose engine does not enforce it: without it nobody could answer."""
    text = "Answer with one JSON object that fits this JSON schema, and nothing else:\n" + json.dumps(
        schema, separators=(",", ":"), ensure_ascii=False
    )
    if prompt and prompt[-1].role == "user":
        last = ChatMessage(role="user", content=f"{prompt[-1].content}\n\n{text}")
        return [*prompt[:-1], last]
    return [*prompt, ChatMessage(role="user", content=text)]


def _repair_turns(text: str, problem: str) -> list[ChatMessage]:
    kept = text if len(text) <= KEPT_CHARACTERS else text[: KEPT_CHARACTERS // 2] + " [...]"
    return [
        ChatMessage(role="assistant", content=kept or "(nothing)"),
        ChatMessage(role="user", content=f"{problem} Answer again with one JSON object, and nothing else."),
    ]


def _read(completion: Completion, answer: type[BoundedT], *, lenient: bool) -> BoundedT:
    """Turn a completion into an answer. Raises AgentFeedback with one short sentence for the model."""
    if completion.finish == "length":
        raise AgentFeedback("That answer was too long and was cut off; give a shorter one.")
    value = parse_object(completion.text, lenient=lenient)
    try:
        return answer.model_validate(value)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'the answer'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_context=False, include_input=False)[:3]
        ]
        raise AgentFeedback(f"That answer does not fit: {'; '.join(faults)[:300]}.") from None


def parse_object(text: str, *, lenient: bool = False) -> dict[str, JsonValue]:
    """Read one JSON object. Raises AgentFeedback, with a sentence for the model, when there is none.

    ``lenient`` also finds the first object after a reasoning block, prose or an opening code fence, whatever follows
    it. Refused in any case: a key given twice, NaN and infinities, nesting that exhausts the parser, more than
    :data:`ANSWER_CHARACTERS`. A lone surrogate, which an escape can spell but no file can hold, becomes U+FFFD.
    """
    if len(text) > ANSWER_CHARACTERS:
        raise AgentFeedback("That answer was too long; give a shorter one.")
    if not text.strip():
        raise AgentFeedback("That answer was empty.")
    decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse_constant)
    try:
        value = _first_object(decoder, text) if lenient else decoder.decode(text)
    except RecursionError:
        raise AgentFeedback("That answer is nested too deeply.") from None
    except ValueError as error:
        raise AgentFeedback(f"That answer is not valid JSON: {str(error)[:120]}.") from None
    if not isinstance(value, dict):
        raise AgentFeedback("That answer is not a JSON object.")
    return {_whole_text(key): _whole_characters(item) for key, item in value.items()}


def _first_object(decoder: json.JSONDecoder, text: str) -> JsonValue:
    start = 0 if text.lstrip().startswith("{") else text.rfind("</think>") + 1
    for _ in range(ATTEMPTS):
        start = text.find("{", start)
        if start < 0:
            break
        try:
            value: JsonValue = decoder.raw_decode(text, start)[0]
        except ValueError:
            start += 1
        else:
            return value
    raise AgentFeedback("That answer holds no complete JSON object.")


def _pairs(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in found:
            raise AgentFeedback(f"That answer has the key {name[:60]!r} twice in one object.")
        found[name] = value
    return found


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not a JSON number")


def _whole_characters(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _whole_text(value)
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_text(key): _whole_characters(item) for key, item in value.items()}
    return value


def _whole_text(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
