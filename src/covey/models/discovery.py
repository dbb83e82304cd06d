"""What a model server says about itself: its models, the window, a tokenizer. Nothing here generates a token.

Servers agree on ``/v1/models`` and on little else, so each one's own words are looked for: ``/props`` (llama-server),
``max_model_len`` (vLLM), ``/api/v0/models`` (LM Studio), ``/api/ps`` and ``/api/show`` (Ollama), ``/v1/model``
(TabbyAPI), ``/upstream/<model>/props`` (llama-swap). What is not there is not there: every question is short.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pydantic import JsonValue

from covey.core.errors import CoveyError, EngineError, UnusableModel
from covey.models.http import HttpClient
from covey.models.httperrors import NotFound

QUESTION_S = 10.0
"""Seconds that one question may take."""

_CONTEXT_FIELDS = ("max_model_len", "loaded_context_length", "context_length", "context_window", "max_seq_len")
_LISTED = 8


async def find_model(api: HttpClient, wanted: str | None) -> Mapping[str, JsonValue]:
    """Return the listing's entry of ``wanted``, or of the first model.

    A server without a listing is believed about a name that is given. Raises UnusableModel that names what is there.
    """
    try:
        listing = await api.get_json("/models")
    except NotFound:
        if wanted:
            return {"id": wanted}
        raise
    data = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(data, list):
        raise EngineError(f"{api.url}/models does not list models. Is {api.url} the base URL of a model server?")
    entries = {str(entry["id"]): entry for entry in data if isinstance(entry, dict) and entry.get("id")}
    return entries[choose(list(entries), wanted, api.url)]


def choose(names: Sequence[str], wanted: str | None, url: str) -> str:
    """Return the name to use: ``wanted`` (a tag such as ``:latest`` may be left out), else the first that can chat."""
    if wanted is not None and wanted in names:
        return wanted
    if not wanted:
        first = next((name for name in names if not name.startswith("text-embedding")), None)
        if first is None:
            raise UnusableModel(f"{url} lists no model. Load or pull one there first.")
        return first
    if tagged := [name for name in names if name == f"{wanted}:latest"]:
        return tagged[0]
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.4)
    has = ", ".join(near or names[:_LISTED]) or "none"
    raise UnusableModel(
        f"{url} has no model {wanted[:200]!r}. {'The nearest names are' if near else 'It has'}: {has}. "
        "Give one of them after '#' in the address, or load the model there."
    )


async def ask(client: HttpClient, path: str, body: JsonValue = None) -> Mapping[str, JsonValue]:
    """Ask for an object that may not be there; empty when it is not, whatever the reason."""
    try:
        async with asyncio.timeout(QUESTION_S):
            answer = await (client.get_json(path) if body is None else client.post_json(path, body))
    except (CoveyError, TimeoutError):
        return {}
    return answer if isinstance(answer, dict) else {}


async def find_context(api: HttpClient, root: HttpClient, model: str, entry: Mapping[str, JsonValue]) -> int:
    """Return the window in tokens by the server's own words, 0 when it says nothing.

    Only what is in force counts: the length for which a model was trained says nothing about what the server loaded.
    """
    if found := context_in(entry):
        return found
    if found := props_context(await ask(root, f"/upstream/{quote(model, safe='')}/props")):
        return found
    lm_studio = (await ask(root, "/api/v0/models")).get("data")
    for listed in lm_studio if isinstance(lm_studio, list) else []:
        if isinstance(listed, dict) and listed.get("id") == model:
            return _whole(listed.get("loaded_context_length"))
    running = (await ask(root, "/api/ps")).get("models")
    if isinstance(running, list):
        for listed in running:
            if isinstance(listed, dict) and listed.get("name") == model and _whole(listed.get("context_length")):
                return _whole(listed.get("context_length"))
        return ollama_context(await ask(root, "/api/show", {"model": model}))
    tabby = (await ask(api, "/model")).get("parameters")
    return context_in(tabby) if isinstance(tabby, dict) else 0


def context_in(entry: Mapping[str, JsonValue]) -> int:
    """Return the first field of ``entry`` that means a window, 0 when none does."""
    return next((_whole(entry.get(name)) for name in _CONTEXT_FIELDS if _whole(entry.get(name))), 0)


def props_context(props: Mapping[str, JsonValue]) -> int:
    """Return the window of one slot that llama-server's ``/props`` names, 0 when it does not."""
    settings = props.get("default_generation_settings")
    return _whole(settings.get("n_ctx")) if isinstance(settings, dict) else 0


def ollama_context(shown: Mapping[str, JsonValue]) -> int:
    """Return ``num_ctx`` of a model's own parameters, 0 when its author set none."""
    parameters = shown.get("parameters")
    match = re.search(r"^num_ctx\s+(\d{1,9})\s*$", parameters, re.MULTILINE) if isinstance(parameters, str) else None
    return int(match.group(1)) if match else 0


def _whole(value: JsonValue) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
