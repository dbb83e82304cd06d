"""Speaks to a llama-server, whoever built and started it: upstream's binary, or the embedded engine.

Prompts are rendered by the engine's own chat template (``/apply-template``) and answered through ``/completion``:
there a JSON schema holds from the first byte to the last, which ``/v1/chat/completions`` does not give (its parser of
answers fails on some of them). Answers are streamed, so that a hang shows, and handed over whole.

What stands in a message is text, also when it spells a control token such as ``<|im_end|>``. The server itself parses
control tokens wherever they stand, so a prompt whose messages hold one is sent as token ids: the message's spelling
cut into plain pieces, the template's own tokens kept. Tokens of the kind "user defined" have no plain pieces; engines
read them as one token everywhere.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Literal

from pydantic import JsonValue

from covey.core.errors import EngineError, UnusableModel
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.models.http import HttpClient
from covey.models.httperrors import HttpFailure, well_formed

Prompt = str | list[int]
"""A rendered prompt: text, or token ids where text would be misread."""

GUIDANCE: Schema = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
"""Options of LLGuidance (key ``x-guidance`` of a schema): no blanks, so that no answer wanders off in them."""

_CANDIDATE = re.compile(r"<[^<>\s]{1,48}>|\[/?[A-Z_]{2,32}\]")
"""What control tokens look like in the vocabularies of known models; the tokenizer decides."""

_PROBE = '%llguidance {}\nstart: "ok"'
_THOUGHT_END = "</think>"


class SchemaIgnored(EngineError):
    """The engine answered without keeping to the schema, usually because it does not understand it."""


class LlamaClient:
    """A client of one llama-server. ``http`` is its own to close."""

    def __init__(self, http: HttpClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._clock = clock
        self._plain: dict[str, bool] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def health(self) -> None:
        """Return when the server is ready; a server that loads is waited for. Raises HttpFailure, Unreachable."""
        await self._http.get_json("/health")

    async def props(self) -> dict[str, JsonValue]:
        """Return what the server says about itself and its model."""
        return _object(await self._http.get_json("/props"), "/props")

    async def capabilities(self) -> Capabilities:
        """Ask the server what it can do; nothing is assumed."""
        props = await self.props()
        defaults = props.get("default_generation_settings")
        context = defaults.get("n_ctx") if isinstance(defaults, dict) else None
        parallel = props.get("total_slots")
        if not isinstance(context, int) or context < 1 or not isinstance(parallel, int) or parallel < 1:
            raise EngineError("The server's /props name no window and slots. Is it a llama-server?")
        modalities = props.get("modalities")
        return Capabilities(
            context=context,
            schema_support="grammar",
            grammar=await self._grammar(),
            tokenizer=True,
            timings=True,
            slots=await self._saves_slots(),
            parallel=parallel,
            images=isinstance(modalities, dict) and modalities.get("vision") is True,
        )

    async def _grammar(self) -> Literal["llguidance", "gbnf"]:
        """Find out which engine enforces grammars: only LLGuidance understands its own language."""
        body: JsonValue = {"prompt": "x", "grammar": _PROBE, "n_predict": 8, "temperature": 0, "cache_prompt": False}
        try:
            answer = _object(await self._http.post_json("/completion", body), "/completion")
        except HttpFailure as error:
            if error.status in (400, 500):
                return "gbnf"
            raise
        return "llguidance" if answer.get("content") == "ok" else "gbnf"

    async def _saves_slots(self) -> bool:
        """Tell whether slot states can be saved: without a folder the server says so before it looks at the name."""
        try:
            await self._http.post_json("/slots/0?action=restore", {"filename": "/"})
        except HttpFailure as error:
            return "filename" in error.detail.lower()
        except UnusableModel:
            return False
        return True

    async def render(self, prompt: Sequence[ChatMessage], *, thinking: bool = False) -> Prompt:
        """Render ``prompt`` as the model wants it, up to where its answer begins."""
        texts = [well_formed(message.content) for message in prompt]
        controls = await self._controls(texts)
        masked = {token: f"\ue000{index}\ue001" for index, token in enumerate(controls)}
        hidden = [_replaced(text, masked) for text in texts]
        body: JsonValue = {
            "messages": [{"role": message.role, "content": text} for message, text in zip(prompt, hidden, strict=True)],
            "add_generation_prompt": True,
            "chat_template_kwargs": {"enable_thinking": thinking},
        }
        rendered = _object(await self._http.post_json("/apply-template", body), "/apply-template").get("prompt")
        if not isinstance(rendered, str):
            raise EngineError("The server's /apply-template answered without a prompt.")
        return await self._joined(rendered, controls) if controls else rendered

    async def _controls(self, texts: Sequence[str]) -> list[str]:
        """Return the control tokens that ``texts`` spell. What a spelling means is asked once."""
        found = sorted({match for text in texts for match in _CANDIDATE.findall(text)})
        new = [spelling for spelling in found if spelling not in self._plain]
        if new and await self._is_plain("\n".join(new)):
            self._plain.update(dict.fromkeys(new, True))
            new = []
        for spelling in new:
            self._plain[spelling] = await self._is_plain(spelling)
        return [spelling for spelling in found if not self._plain[spelling]]

    async def _is_plain(self, text: str) -> bool:
        return await self.tokenize(text, special=True) == await self.tokenize(text, special=False)

    async def _joined(self, rendered: str, controls: Sequence[str]) -> list[int]:
        """Tokenise a rendered prompt piece by piece: the template's pieces with control tokens, the masked without."""
        tokens: list[int] = []
        for index, piece in enumerate(re.split("\ue000([0-9]+)\ue001", rendered)):
            if index % 2:
                known = int(piece) < len(controls)
                text = controls[int(piece)] if known else f"\ue000{piece}\ue001"
                tokens += await self.tokenize(text, special=False)
            elif piece:
                tokens += await self.tokenize(piece, special=True, begin=index == 0)
        return tokens

    async def tokenize(self, text: str, *, special: bool, begin: bool = False) -> list[int]:
        """Return the tokens of ``text``. ``special``: control tokens are parsed; ``begin``: a prompt begins here."""
        body: JsonValue = {"content": well_formed(text), "parse_special": special, "add_special": begin}
        tokens = _object(await self._http.post_json("/tokenize", body), "/tokenize").get("tokens")
        if not isinstance(tokens, list):
            raise EngineError("The server's /tokenize answered without tokens.")
        return [token for token in tokens if isinstance(token, int)]

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Count the tokens of ``prompt`` as it is sent."""
        rendered = await self.render(prompt)
        return (
            len(await self.tokenize(rendered, special=True, begin=True)) if isinstance(rendered, str) else len(rendered)
        )

    async def complete(
        self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling, *, id_slot: int | None = None
    ) -> Completion:
        """Answer ``prompt``; structured answers never begin with thinking. Errors: see :class:`HttpClient`."""
        thinking = sampling.thinking and schema is None
        rendered = await self.render(prompt, thinking=thinking)
        completion = await self.completion(rendered, schema, sampling, id_slot=id_slot)
        return _without_thoughts(completion, rendered) if thinking else completion

    async def completion(
        self, prompt: Prompt, schema: Schema | None, sampling: Sampling, *, id_slot: int | None = None
    ) -> Completion:
        """Let the model continue ``prompt``, byte for byte.

        Raises SchemaIgnored when the answer is no JSON (or, cut off, no beginning of any) although a schema was given.
        """
        started = self._clock()
        first: float | None = None
        parts: list[str] = []
        final: dict[str, JsonValue] | None = None
        async with aclosing(self._http.stream("/completion", _request(prompt, schema, sampling, id_slot))) as events:
            async for event in events:
                content = event.get("content")
                if isinstance(content, str) and content:
                    parts.append(content)
                    first = self._clock() - started if first is None else first
                if event.get("stop") is True:
                    final = event
                    break
        if final is None:
            raise EngineError("The engine's stream ended before its answer did. The engine may have been killed.")
        text = "".join(parts)
        finish = _finish(final)
        # LLGuidance lets the model run free where it cannot read the schema, and tells only its log.
        if schema is not None and not (_is_json(text) if finish == "stop" else _begins_json(text)):
            raise SchemaIgnored(
                "The engine's answer is not JSON although a schema was given. Its grammar engine does not understand "
                "the schema: use fewer keywords of JSON schema.",
            )
        return Completion(
            text=text,
            finish=finish,
            usage=_usage(final),
            model=str(final.get("model", "")),
            first_token_s=first or 0.0,
            duration_s=self._clock() - started,
        )

    async def save_slot(self, slot: int, name: str) -> int:
        """Save the state of a slot as the file ``name`` in the server's folder; return its number of tokens."""
        return await self._slot(slot, "save", "n_saved", {"filename": name})

    async def restore_slot(self, slot: int, name: str) -> int:
        """Bring a saved state back; return its number of tokens, 0 when there is none or the engine refuses it.

        Whether it really holds shows only in :attr:`Usage.reused` of the next answer.
        """
        try:
            return await self._slot(slot, "restore", "n_restored", {"filename": name})
        except HttpFailure as error:
            if error.status == 400:
                return 0
            raise

    async def erase_slot(self, slot: int) -> None:
        """Forget the state of a slot."""
        await self._slot(slot, "erase", "n_erased", {})

    async def _slot(self, slot: int, action: str, count: str, body: Mapping[str, JsonValue]) -> int:
        path = f"/slots/{slot}?action={action}"
        tokens = _object(await self._http.post_json(path, dict(body)), path).get(count)
        return tokens if isinstance(tokens, int) else 0


def _request(prompt: Prompt, schema: Schema | None, sampling: Sampling, id_slot: int | None) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {
        "prompt": well_formed(prompt) if isinstance(prompt, str) else [*prompt],
        "stream": True,
        "return_progress": True,  # so that a long prompt is not taken for a hang
        "cache_prompt": True,
        "n_predict": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed % (1 << 32),
        "stop": list(sampling.stop),
    }
    if schema is not None:
        body["json_schema"] = {**schema, "x-guidance": GUIDANCE}
    if id_slot is not None:
        body["id_slot"] = id_slot
    return body


def _finish(final: Mapping[str, JsonValue]) -> Literal["stop", "length"]:
    kind = final.get("stop_type")
    if kind in ("eos", "word"):
        return "stop"
    if kind == "limit" or final.get("truncated") is True:
        return "length"
    raise EngineError(f"The engine ended its answer without a reason that is known ({str(kind)[:40]!r}).")


def _usage(final: Mapping[str, JsonValue]) -> Usage:
    timings = final.get("timings")
    counts = timings if isinstance(timings, dict) else {}

    def count(name: str) -> int:
        value = counts.get(name)
        return value if isinstance(value, int) and value >= 0 else 0

    return Usage(prefilled=count("prompt_n"), reused=count("cache_n"), generated=count("predicted_n"))


def _without_thoughts(completion: Completion, rendered: Prompt) -> Completion:
    """Part what a reasoning model thought from what it answered; an answer cut off while thinking has no text."""
    before, end, after = completion.text.partition(_THOUGHT_END)
    opened = before.lstrip().startswith("<think>")
    opened = opened or (isinstance(rendered, str) and rendered.rstrip().endswith("<think>"))
    if not end and not opened:
        return completion
    return completion.model_copy(
        update={"reasoning": before.replace("<think>", "", 1).strip(), "text": after.lstrip() if end else ""}
    )


def _replaced(text: str, masked: Mapping[str, str]) -> str:
    return _CANDIDATE.sub(lambda match: masked.get(match.group(), match.group()), text) if masked else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _begins_json(text: str) -> bool:
    return text.lstrip()[:1] in tuple('{["-0123456789tfn') or not text.strip()


def _object(value: JsonValue, path: str) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise EngineError(f"The server's {path} answered something other than a JSON object. Is it a llama-server?")
    return value
