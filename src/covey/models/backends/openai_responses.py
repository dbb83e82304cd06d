"""OpenAI's Responses API through the official SDK (extra ``openai``): structured answers, hosted tools, provenance.

The code interpreter is on. Web and file search are off unless asked for together with a policy for sources; whatever
an answer rests on passes that policy, and every answer's provenance is handed out. Nothing is stored at the provider.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import JsonValue

from covey.core.errors import ConfigError, EngineError, UnusableModel
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.models import probe, responseitems
from covey.models.calls import prompt_digest
from covey.models.discovery import choose
from covey.models.http import LOOPBACK, HttpClient
from covey.models.httperrors import HttpLimits, Unreachable, refuse, well_formed
from covey.models.sourcepolicy import Provenance, SourceBlocked, SourcePolicy, without_policy

if TYPE_CHECKING:
    import openai

CONTEXT = 128_000
"""Tokens of the window unless given: the smallest of OpenAI's models that take hosted tools. The API does not say."""

PARALLEL = 4
"""Requests at a time: a hosted service takes them, its rate limit allows for few."""

_OPTIONAL = ("temperature", "top_p", "reasoning", "include")
_MINIMUM = 16  # of max_output_tokens, by the API


class OpenAIResponsesBackend:
    """A model behind ``/v1/responses``.

    ``model`` may be left out where the server lists one only. ``code_interpreter``, ``web_search`` and
    ``vector_stores`` (ids, for file search) are the hosted tools; the latter two need ``policy``. ``on_provenance``
    is told about every answer, blocked ones included, before it is used. ``context``: tokens of the window.
    Stop strings are applied to the answer here, since the API has none.

    Raises UnusableModel without the extra ``openai``, ConfigError for a search without a policy.
    """

    def __init__(
        self,
        base_url: str = "https://api.openai.com/v1",
        *,
        model: str | None = None,
        key: str | None = None,
        code_interpreter: bool = True,
        web_search: bool = False,
        vector_stores: Sequence[str] = (),
        policy: SourcePolicy | None = None,
        on_provenance: Callable[[Provenance], None] | None = None,
        context: int = CONTEXT,
        verify: bool | str = True,
        limits: HttpLimits | None = None,
    ) -> None:
        if (web_search or vector_stores) and policy is None:
            raise ConfigError(
                "Web and file search bring in text of others: give a policy for sources with them, or leave them off."
            )
        self._tools: list[dict[str, Any]] = []
        if code_interpreter:
            self._tools.append({"type": "code_interpreter", "container": {"type": "auto"}})
        if web_search:
            self._tools.append({"type": "web_search"})
        if vector_stores:
            self._tools.append({"type": "file_search", "vector_store_ids": list(vector_stores)})
        self._limits = limits or HttpLimits()
        self._api = HttpClient(base_url, key or "", verify=verify, limits=self._limits)
        self._key, self._model, self._context = key or "", model, context
        self._policy: SourcePolicy = policy or without_policy
        self._on_provenance = on_provenance
        self._sdk = _sdk(self._api.url, self._key, self._limits, verify=verify)
        self._known = False
        self._refused: set[str] = set()
        self._strict = True
        self._density = 1.0
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name; the address as long as none is known."""
        return self._model or self._api.url

    async def aclose(self) -> None:
        """Close all connections."""
        await self._sdk.close()
        await self._api.aclose()

    async def capabilities(self) -> Capabilities:
        """Say what the API promises; the first call checks key and model. Raises EngineError, UnusableModel."""
        await self._ready()
        support = "json_schema" if self._strict else "json_object"
        return Capabilities(context=self._context, schema_support=support, timings=True, parallel=PARALLEL)

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Estimate from above by the API's own counts of earlier prompts; one token a byte before the first."""
        return math.ceil(probe.prompt_bytes(prompt) * self._density) + 8 * len(prompt)

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``; see :class:`covey.core.protocols.ModelBackend`.

        Raises SourceBlocked when the answer rests on a source that the policy does not allow.
        """
        model = await self._ready()
        clock = asyncio.get_running_loop().time
        start = clock()
        response = await self._ask(model, prompt, schema, sampling)
        self._record(response, prompt, model)
        finish = responseitems.finish_of(response)
        text = responseitems.text_of(response)
        for stop in sampling.stop:
            text = text.split(stop, 1)[0]
        usage = responseitems.usage_of(response)
        if usage:
            self._learn(usage, prompt)
        seconds = clock() - start
        return Completion(
            text=text,
            finish=finish,
            usage=usage or Usage(prefilled=await self.count(prompt), generated=min(len(text), sampling.max_tokens)),
            model=str(response.get("model") or model),
            reasoning=responseitems.reasoning_of(response),
            first_token_s=seconds,
            duration_s=seconds,
        )

    async def _ready(self) -> str:
        async with self._lock:
            if not self._known:
                self._model = await self._find()
                self._known = True
            return self._model or ""

    async def _find(self) -> str:
        listing = await self._api.get_json("/models")
        data = listing.get("data") if isinstance(listing, dict) else None
        if not isinstance(data, list):
            raise EngineError(f"{self._api.url}/models does not list models. Is it the base URL of an OpenAI API?")
        names = [str(entry["id"]) for entry in data if isinstance(entry, dict) and entry.get("id")]
        if self._model is None and len(names) > 1:
            raise UnusableModel(f"{self._api.url} has {len(names)} models. Name one after '#' in the address.")
        return choose(names, self._model, self._api.url)

    async def _ask(
        self, model: str, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling
    ) -> dict[str, Any]:
        """Send until it is answered: without what the model refuses, with an unchecked schema where need be."""
        while True:
            body = self._body(model, prompt, schema, sampling)
            sent = {name: value for name, value in body.items() if name not in self._refused}
            try:
                return await self._send(sent)
            except EngineError as error:
                words = f"{error} {error.detail}"
                named = {name for name in _OPTIONAL if name in sent and re.search(rf"\b{name}\b", words)}
                about_schema = schema is not None and self._strict and re.search(r"schema|text\.format", words)
                if getattr(error, "status", 0) != 400 or not (named or about_schema):
                    raise
                self._refused |= named
                self._strict = self._strict and bool(named)

    def _body(
        self, model: str, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling
    ) -> dict[str, Any]:
        shown = prompt if schema is None or self._strict else probe.shown(prompt, schema)
        body: dict[str, Any] = {
            "model": model,
            "input": [{"role": message.role, "content": well_formed(message.content)} for message in shown],
            "max_output_tokens": max(_MINIMUM, sampling.max_tokens),
            "store": False,
            "truncation": "disabled",
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "include": ["web_search_call.action.sources", "file_search_call.results"],
        }
        if self._tools:
            body["tools"] = self._tools
        if not sampling.thinking:
            body["reasoning"] = {"effort": "none"}
        if schema is not None:
            held = {key: value for key, value in schema.items() if not key.startswith("x-")}
            form = {"type": "json_schema", "name": "answer", "schema": held, "strict": True}
            body["text"] = {"format": form if self._strict else {"type": "json_object"}}
        return body

    async def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        import openai

        url = self._api.url
        try:
            async with asyncio.timeout(self._limits.overall_s):
                raw = await self._sdk.responses.with_raw_response.create(**body)
                response: JsonValue = json.loads(raw.http_response.content)
        except (TimeoutError, openai.APITimeoutError) as error:
            raise EngineError(f"{url}/responses was silent for too long. The server hangs; try later.") from error
        except openai.APIStatusError as error:
            refuse(url, "/responses", error.status_code, error.response.text, limits=self._limits, key=self._key)
        except openai.APIConnectionError as error:
            raise Unreachable(f"Nothing answers at {url}. Check host, port, network and certificates.") from error
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            raise EngineError(
                f"{url}/responses answered something other than a response. Is it the address of an OpenAI API?",
                detail=self._api.quote(str(error)),
            ) from error
        if not isinstance(response, dict) or not isinstance(response.get("output"), list):
            raise EngineError(f"{url}/responses answered without output. Is it the address of an OpenAI API?")
        return response

    def _record(self, response: dict[str, Any], prompt: Sequence[ChatMessage], model: str) -> None:
        """Hand out where the answer came from, then refuse it when the policy does not allow a source."""
        used = responseitems.tools_of(response)
        decisions = tuple(self._policy(source) for source in responseitems.sources_of(response))
        if self._on_provenance:
            self._on_provenance(
                Provenance(
                    url=self._api.url,
                    response=str(response.get("id") or ""),
                    model=str(response.get("model") or model),
                    status=str(response.get("status") or ""),
                    prompt_sha256=prompt_digest(prompt),
                    offered=tuple(tool["type"] for tool in self._tools),
                    used=used,
                    sources=decisions,
                    containers=tuple(dict.fromkeys(use.container for use in used if use.container)),
                )
            )
        if blocked := [decision for decision in decisions if not decision.allowed]:
            named = "; ".join(f"{d.source.location[:200]} ({d.why})" for d in blocked[:5])
            raise SourceBlocked(f"The answer rests on sources that are not allowed: {named}. Answer without them.")

    def _learn(self, usage: Usage, prompt: Sequence[ChatMessage]) -> None:
        size = probe.prompt_bytes(prompt)
        if size >= probe.prompt_bytes(probe.SCHEMA_PROBE):
            seen = (usage.prefilled + usage.reused) / size
            self._density = seen if self._density == 1.0 else max(self._density, seen)


def _sdk(url: str, key: str, limits: HttpLimits, *, verify: bool | str) -> openai.AsyncOpenAI:
    try:
        import httpx2
        import openai
    except ImportError as error:
        raise UnusableModel("The Responses API needs the extra 'openai': pip install 'covey[openai]'.") from error
    context: ssl.SSLContext | bool = ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify
    timeout = httpx2.Timeout(limits.first_s, connect=limits.connect_s)
    client = httpx2.AsyncClient(
        verify=context, timeout=timeout, follow_redirects=False, trust_env=urlsplit(url).hostname not in LOOPBACK
    )
    # the SDK wants a key even where a server wants none
    return openai.AsyncOpenAI(base_url=url, api_key=key or "none", max_retries=2, timeout=timeout, http_client=client)
