"""What a model server's refusals mean, whatever words it uses for them."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.errors import ContextOverflow, EngineError, UnusableModel
from covey.core.redact import redact, visible


class HttpLimits(Frozen):
    """Bounds of one exchange: seconds and bytes.

    ``first_s`` bounds the wait for the head of an answer and, in a stream, for its first event; ``silence_s`` the wait
    for each further one (comments that only keep a connection alive do not count). ``loading_s`` is how long a server
    may say that it is still loading, ``rate_s`` how long all waits for a rate limit may take together.
    """

    connect_s: float = Field(10.0, gt=0)
    first_s: float = Field(600.0, gt=0)
    silence_s: float = Field(120.0, gt=0)
    overall_s: float = Field(3600.0, gt=0)
    loading_s: float = Field(300.0, ge=0)
    rate_s: float = Field(90.0, ge=0)
    line_bytes: int = Field(1 << 20, gt=0)
    total_bytes: int = Field(64 << 20, gt=0)


class HttpFailure(EngineError):
    """A server answered with a status that no other error stands for; 0 where it gave none."""

    def __init__(self, message: str, *, status: int = 0, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.status = status


class Unreachable(UnusableModel):
    """Nothing answers at the address: refused, unknown host, or TLS that does not hold."""


class NotFound(UnusableModel):
    """The server has no such path or model (404, 405, 501)."""


def well_formed(text: str) -> str:
    """Return ``text`` as every server can take it: lone surrogates and NUL become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def clip(text: str, limit: int = 500) -> str:
    """Return the words of a server fit to be shown: at most ``limit`` characters, no secrets, nothing invisible."""
    short = text.strip()
    return redact(visible(short if len(short) <= limit else short[:limit] + " …"))


def quote(text: str, key: str = "") -> str:
    """Return the words of a server fit to be shown: clipped, visible, neither ``key`` nor other secrets in them."""
    return clip(text.replace(key, "[key]") if key else text)


def refuse(url: str, path: str, status: int, text: str, *, limits: HttpLimits, key: str = "") -> NoReturn:
    """Raise the error that ``status`` and the server's words stand for."""
    words = quote(error_words(text), key)
    where = f"{url}{path}"
    if overflow := context_overflow(status, text):
        tokens, context = overflow
        counts = f" ({tokens} tokens, window {context})" if tokens and context else ""
        raise ContextOverflow(
            f"The prompt does not fit the model's window{counts}. Shorten it, or start the model with more context.",
            tokens=tokens,
            context=context,
            detail=words,
        )
    if 300 <= status < 400:
        raise UnusableModel(f"{where} sends elsewhere (HTTP {status}). Give the final address.")
    if status in (401, 402, 403) or (status == 429 and "quota" in text):
        raise UnusableModel(
            f"{url} does not accept the key, or the account behind it (HTTP {status}). Check COVEY_MODEL_KEY.",
            detail=words,
        )
    if status in (404, 405, 501):
        raise NotFound(
            f"{where} is not there (HTTP {status}): {words or 'no reason given'}. Check the address (it usually "
            "ends with /v1) and the model's name.",
            detail=words,
        )
    if status == 503:
        raise HttpFailure(
            f"{url} still loads its model, or is overloaded, after {limits.loading_s:.0f} s. Wait for it.",
            status=status,
            detail=words,
        )
    if status == 429:
        raise HttpFailure(
            f"{url} limits the rate of requests (HTTP 429) and asks for more patience than "
            f"{limits.rate_s:.0f} s. Try later.",
            status=status,
            detail=words,
        )
    how = f"HTTP {status}" if status else "in the middle of its answer"
    raise HttpFailure(f"{where} failed ({how}): {words or 'no reason given'}.", status=status, detail=words)


def error_words(text: str) -> str:
    """Return the message within an error body; servers agree on ``{"error": {"message": …}}`` at best."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text
    error = body.get("error", body) if isinstance(body, dict) else body
    for key in ("message", "detail", "msg"):
        if isinstance(error, dict) and isinstance(error.get(key), str):
            return str(error[key])
    return error if isinstance(error, str) else text


_OVERFLOW = re.compile(
    r"exceed_context_size|context_length_exceeded|exceeds? (?:the )?(?:available |maximum )?(?:model'?s? )?context"
    r"|maximum context length|context (?:length|window|size) (?:is )?exceeded|(?:longer|larger|greater) than the "
    r"(?:model'?s? |maximum )?context|prompt is too long|context overflow",
    re.IGNORECASE,
)
_PROMPT_TOKENS = re.compile(
    r"n_prompt_tokens\W{1,4}(\d+)|request \((\d+) tokens|requested (\d+) tokens|resulted in (\d+) tokens"
    r"|prompt (?:contains|has|of)(?: at least)? (\d+)",
    re.IGNORECASE,
)
_WINDOW = re.compile(r"n_ctx\W{1,4}(\d+)|context (?:length|size|window) (?:is |of |\()(?:only )?(\d+)", re.IGNORECASE)


def context_overflow(status: int, text: str) -> tuple[int, int] | None:
    """Tell a prompt that does not fit from other refusals: (tokens, window), 0 where the server does not say.

    The words are those of llama.cpp, OpenAI, vLLM, Ollama and LM Studio.
    """
    if status == 413:
        return 0, 0
    if status not in (0, 400, 422, 500) or not _OVERFLOW.search(text[:4000]):
        return None
    return _number(_PROMPT_TOKENS, text), _number(_WINDOW, text)


def _number(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text[:4000])
    return int(next(group for group in match.groups() if group)[:12]) if match else 0
