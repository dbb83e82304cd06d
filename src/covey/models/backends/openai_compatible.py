"""Any server that speaks OpenAI's chat completions: Ollama, LM Studio, vLLM, TabbyAPI, llama-swap, hosted providers.

Nothing is assumed about it. What it holds of a schema is found out with one tiny request, which request fields it
knows by its refusals, its window by its own words (:mod:`covey.models.discovery`), and a prompt that it cut without
a word by its own count of tokens. A server that turns out to be a llama-server is spoken to as one.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from pydantic import JsonValue

from covey.core.canonical import sha256
from covey.core.errors import ContextOverflow, CoveyError, EngineError
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.models import probe
from covey.models.chatstream import Collected
from covey.models.discovery import ask, find_context, find_model, props_context
from covey.models.http import HttpClient
from covey.models.httperrors import HttpFailure, HttpLimits, well_formed
from covey.models.llamaclient import LlamaClient, SchemaIgnored
from covey.models.probe import SchemaSupport
from covey.models.toolcalls import ToolCallSeen, call_tool

DEFAULT_CONTEXT = 4096
"""Tokens of the window where a server says nothing: what Ollama gives a model on a small machine."""

TRIES = 3
"""How often a request is sent at most when the connection breaks or the server fails."""

_TELLING = 400
"""Bytes of a prompt from which on its count of tokens tells how dense text is."""

_OPTIONAL = ("chat_template_kwargs", "reasoning_effort", "stream_options", "seed")
"""Fields that a server may refuse without changing what an answer means."""

_ON_DEMAND = ("temperature", "top_p", "stop")
"""Left out only when a refusal names them: some hosted models take no sampling parameters."""

_ABOUT_SCHEMA = re.compile(r"response_format|json_schema|json schema|grammar|structured output", re.IGNORECASE)
_LOWER: Mapping[SchemaSupport, SchemaSupport] = {"json_schema": "json_object", "json_object": "none"}


@dataclass
class _Server:
    """What was found out about the server so far."""

    model: str
    llama: Capabilities | None = None
    context: int = 0
    tokenizer: bool = False  # vLLM's
    support: SchemaSupport = "none"
    timings: bool = False
    refused: set[str] = field(default_factory=set)
    limit: str = "max_tokens"
    density: float = 1.0  # most tokens a byte that were seen, the chat template among them
    measured: bool = False
    counts_all: bool | None = None  # whether prompt_tokens includes what came from a cache; None: not known

    def saw(self, tokens: int, prompt: Sequence[ChatMessage]) -> None:
        """Learn from the server's own count of a prompt; a short one can raise the estimate, not lower it."""
        if tokens:
            tells = probe.prompt_bytes(prompt) >= _TELLING
            lowest = 0.0 if tells and not self.measured else self.density
            self.density = max(lowest, tokens / _size(prompt))
            self.measured = self.measured or tells


class OpenAICompatibleBackend:
    """A model behind an OpenAI-compatible base URL such as ``http://127.0.0.1:11434/v1``.

    ``model``: its name there; the first one listed without it. ``context`` replaces what the server says about its
    window. ``slot`` pins requests to one slot of a llama-server. ``probe_s``: seconds for each question that finds out
    what the server does. ``verify`` and ``limits``: see :class:`covey.models.http.HttpClient`; ``sleep`` waits between
    tries. Capabilities may sink when a server fails at what its probe showed, so ask again before relying on them.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str | None = None,
        key: str | None = None,
        verify: bool | str = True,
        limits: HttpLimits | None = None,
        context: int | None = None,
        slot: int | None = None,
        probe_s: float = 120.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = HttpClient(base_url, key or "", verify=verify, limits=limits, sleep=sleep)
        root = self._api.url.removesuffix("/v1")
        self._root = HttpClient(root, key or "", verify=verify, limits=limits, sleep=sleep)
        self._llama = LlamaClient(self._root)
        self._wanted, self._given_context, self._slot = model, context, slot
        self._probe_s, self._sleep = probe_s, sleep
        self._server: _Server | None = None
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name at the server; before it was first asked, what is known of it."""
        return self._server.model if self._server else self._wanted or self._api.url

    async def aclose(self) -> None:
        """Close all connections; the server goes on."""
        await self._api.aclose()
        await self._root.aclose()

    async def capabilities(self) -> Capabilities:
        """Say what the server was found to do; the first call finds it out. Raises EngineError, UnusableModel."""
        server = await self._ready()
        return server.llama or Capabilities(
            context=server.context,
            schema_support=server.support,
            tokenizer=server.tokenizer,
            timings=server.timings,
        )

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Count with the server's tokenizer; an upper estimate from its own counts of earlier prompts without one."""
        server = await self._ready()
        if server.llama:
            return await self._llama.count(prompt)
        if server.tokenizer and (counted := await self._counted(server, prompt)):
            return counted
        return _estimate(server, prompt)

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``; see :class:`covey.core.protocols.ModelBackend`.

        A schema that the server cannot hold is put into the prompt in words unless it is there already. Broken
        connections and failures of the server are tried again, an answer that has come whole never.
        """
        server = await self._ready()
        probe.check_size(prompt, server.llama.context if server.llama else server.context)
        if server.llama:
            return await self._of_llama(prompt, schema, sampling)
        try:
            completion, collected = await self._persist(server, prompt, schema, sampling)
        except ContextOverflow:
            room = server.context - _estimate(server, prompt)
            if not 16 <= room < sampling.max_tokens:
                raise
            # some servers refuse a prompt that fits when the limit of the answer does not fit behind it
            sampling = sampling.model_copy(update={"max_tokens": room})
            completion, collected = await self._persist(server, prompt, schema, sampling)
        await self._check_truncation(server, prompt, collected)
        return completion

    async def call_tool(self, question: str) -> ToolCallSeen:
        """Ask for one tool call, for the doctor; roles ask for schemas instead."""
        server = await self._ready()
        return await call_tool(self._api, server.model, question)

    # What the server is

    async def _ready(self) -> _Server:
        async with self._lock:
            if self._server is None:
                self._server = await self._discover()
            return self._server

    async def _discover(self) -> _Server:
        entry = await find_model(self._api, self._wanted)
        server = _Server(model=str(entry["id"]))
        if props_context(await ask(self._root, "/props")) and (found := await self._llama_capabilities()):
            given = self._given_context or found.context
            server.llama = found.model_copy(update={"context": min(given, found.context)})
            return server
        if entry.get("owned_by") == "vllm" or "max_model_len" in entry:
            server.tokenizer = await self._counted(server, probe.SCHEMA_PROBE) > 0
        await self._probe_schema(server)  # loads the model where that is done on demand; only then is the window known
        known = await find_context(self._api, self._root, server.model, entry)
        server.context = self._given_context or known or DEFAULT_CONTEXT
        return server

    async def _probe_schema(self, server: _Server) -> None:
        levels: tuple[tuple[SchemaSupport, tuple[ChatMessage, ...], Callable[[str], bool]], ...] = (
            ("json_schema", probe.SCHEMA_PROBE, probe.holds_schema),
            ("json_object", probe.OBJECT_PROBE, probe.holds_object),
        )
        for level, prompt, held in levels:
            body = _body(server, prompt, Sampling(max_tokens=probe.PROBE_TOKENS))
            try:
                async with asyncio.timeout(self._probe_s):
                    completion, collected = await self._tolerate(
                        server, body | _format(level, probe.PROBE_SCHEMA), prompt, probe.PROBE_TOKENS
                    )
            except (EngineError, ContextOverflow):
                continue
            except TimeoutError:
                return
            server.timings = server.timings or collected.cached is not None
            if held(completion.text):
                server.support = level
                return

    async def _llama_capabilities(self) -> Capabilities | None:
        """Ask a llama-server what it can do; None when it is another server that only has ``/props`` as well."""
        try:
            async with asyncio.timeout(self._probe_s):
                await self._llama.count(probe.SCHEMA_PROBE)
                return await self._llama.capabilities()
        except (CoveyError, TimeoutError):
            return None

    async def _counted(self, server: _Server, prompt: Sequence[ChatMessage]) -> int:
        answer = await ask(self._root, "/tokenize", {"model": server.model, "messages": _messages(prompt)})
        count = answer.get("count")
        return count if isinstance(count, int) else 0

    # One answer

    async def _of_llama(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        failures = 0
        while True:
            try:
                return await self._llama.complete(prompt, schema, sampling, id_slot=self._slot)
            except EngineError as error:
                failures += 1
                if failures >= TRIES or not _may_pass(error):
                    raise
            await self._sleep(0.1 * 2**failures)

    async def _persist(
        self, server: _Server, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling
    ) -> tuple[Completion, Collected]:
        """Send until an answer is whole: again after failures, with less of the schema where the server fails on it."""
        level: SchemaSupport = server.support if schema is not None else "none"
        failures = 0
        while True:
            shown = prompt if schema is None or level == "json_schema" else probe.shown(prompt, schema)
            body = _body(server, shown, sampling) | _format(level, schema)
            try:
                answer = await self._tolerate(server, body, shown, sampling.max_tokens)
            except EngineError as error:
                failures += 1
                if _may_pass(error) and failures < TRIES:
                    await self._sleep(0.1 * 2**failures)
                elif level in _LOWER and isinstance(error, HttpFailure) and error.status in (400, 422, 500):
                    level, failures = _LOWER[level], 0
                else:
                    raise
            else:
                if schema is not None:
                    server.support = level
                return answer

    async def _tolerate(
        self, server: _Server, body: dict[str, JsonValue], prompt: Sequence[ChatMessage], limit: int
    ) -> tuple[Completion, Collected]:
        """Send one request; leave out fields that the server refuses, each once, and remember them when that helped."""
        dropped: set[str] = set()
        first: HttpFailure | None = None
        while True:
            try:
                answer = await self._once(server, {k: v for k, v in body.items() if k not in dropped}, prompt, limit)
            except HttpFailure as error:
                first = first or error
                words = f"{error} {error.detail}"
                if error.status in (400, 422) and "max_completion_tokens" in words and "max_tokens" in body:
                    server.limit = "max_completion_tokens"
                    body = {k: v for k, v in body.items() if k != "max_tokens"} | {server.limit: limit}
                    continue
                refused = _refused(error, words, body.keys() - dropped)
                if not refused:
                    raise first from None
                dropped |= refused
            else:
                server.refused |= dropped
                return answer

    async def _once(
        self, server: _Server, body: dict[str, JsonValue], prompt: Sequence[ChatMessage], limit: int
    ) -> tuple[Completion, Collected]:
        clock = asyncio.get_running_loop().time
        start, first_s = clock(), 0.0
        collected = Collected()
        most = 64 * limit + 1024  # characters that so many tokens can hardly have
        try:
            async with aclosing(self._api.stream("/chat/completions", body)) as events:
                async for event in events:
                    collected.take(event)
                    first_s = first_s or (clock() - start if collected.size else 0.0)
                    if collected.size > most:  # the server does not keep the limit of tokens
                        collected.finish = "length"
                        break
        except EngineError:
            if collected.finish is None:  # what breaks behind the end of an answer costs at most its token counts
                raise
        if collected.finish is None:
            raise EngineError(
                f"{self._api.url} ended its stream before the answer was whole. Restart the server if this goes on."
            )
        text, reasoning = collected.answer()
        server.saw(collected.prompt_tokens, prompt)
        generated = math.ceil(collected.size * server.density)
        completion = Completion(
            text=text,
            finish=collected.finish,
            usage=collected.counted(_estimate(server, prompt), min(generated, limit)),
            model=collected.model or server.model,
            reasoning=reasoning,
            first_token_s=first_s,
            duration_s=clock() - start,
        )
        return completion, collected

    async def _check_truncation(self, server: _Server, prompt: Sequence[ChatMessage], collected: Collected) -> None:
        """Find out when the server answered to a part of the prompt only.

        Each word is at least one token, so fewer tokens than words mean that something was left out, or that the
        server does not count what it had in its cache. The prompt is then sent once more with a new beginning, which
        no cache can hold. Raises ContextOverflow when it was cut.
        """
        text = "\n".join(message.content for message in prompt)
        words = len(text.split())
        if server.counts_all is False or not collected.prompt_tokens or collected.prompt_tokens >= words:
            return
        fresh = [ChatMessage(role=m.role, content=f"{sha256(text)[:16]} {m.content}") for m in prompt]
        body = _body(server, fresh, Sampling(max_tokens=1))
        _, again = await self._tolerate(server, body, fresh, 1)
        if again.prompt_tokens >= words:
            server.counts_all = False
            return
        if not self._given_context:
            server.context = min(server.context, max(1, again.prompt_tokens))
        raise ContextOverflow(
            f"{self._api.url} dropped a part of the prompt without saying so: it counts {again.prompt_tokens} tokens, "
            f"and the prompt has at least {words} words. Give the model more context there (Ollama: num_ctx), or "
            "shorten the prompt.",
            tokens=_estimate(server, prompt),
            context=again.prompt_tokens,
        )


def _may_pass(error: EngineError) -> bool:
    """True for what another try may mend: broken connections and failing servers, but no refusal and no silence."""
    status = error.status if isinstance(error, HttpFailure) else 0
    lasting = isinstance(error, SchemaIgnored) or isinstance(error.__cause__, TimeoutError) or status == 503
    return not lasting and (status == 0 or 500 <= status < 600)


def _refused(error: HttpFailure, words: str, sent: set[str]) -> set[str]:
    """Return the fields to leave out after ``error``: those that it names, else all that are optional."""
    if error.status not in (400, 422):
        return set()
    known = sent & {*_OPTIONAL, *_ON_DEMAND}
    named = {name for name in known if re.search(rf"\b{name}\b", words) or (name == "seed" and "`seed`" in words)}
    if named or _ABOUT_SCHEMA.search(words):
        return named
    return known & set(_OPTIONAL)


def _estimate(server: _Server, prompt: Sequence[ChatMessage]) -> int:
    return math.ceil(_size(prompt) * server.density) + 8 * len(prompt)


def _size(prompt: Sequence[ChatMessage]) -> int:
    """Return the bytes of a prompt; of a short one those of the probe, or its template would count for too much."""
    return max(probe.prompt_bytes(prompt), probe.prompt_bytes(probe.SCHEMA_PROBE))


def _messages(prompt: Sequence[ChatMessage]) -> list[JsonValue]:
    return [{"role": message.role, "content": well_formed(message.content)} for message in prompt]


def _body(server: _Server, prompt: Sequence[ChatMessage], sampling: Sampling) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {
        "model": server.model,
        "messages": _messages(prompt),
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        server.limit: sampling.max_tokens,
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if not sampling.thinking:
        body |= {"chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "none"}
    return {name: value for name, value in body.items() if name not in server.refused}


def _format(level: SchemaSupport, schema: Schema | None) -> dict[str, JsonValue]:
    if schema is None or level == "none":
        return {}
    if level == "json_object":
        return {"response_format": {"type": "json_object"}}
    # keys that begin with "x-" speak to one grammar engine only; others may refuse them
    held: JsonValue = {key: value for key, value in schema.items() if not key.startswith("x-")}
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": held}}
    }
