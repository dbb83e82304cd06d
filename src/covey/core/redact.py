"""Keeps secrets out of what is stored, and escape sequences out of what is printed.

:func:`redact` goes over text that is about to be kept (logs, messages, reports); :func:`visible` over text from a
repository that is about to reach a terminal. Both run in time linear in the length of the text: every repetition in a
pattern is bounded, possessive, or cannot start again inside what it has read.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import JsonValue

from covey.core.canonical import Frozen


class Secret(Frozen):
    """Something in a text that looks like a secret: its kind and its line, counted from 1. Never the value."""

    kind: str
    line: int


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


class _Rule(NamedTuple):
    """A secret known by its public prefix. The pattern runs only when one of ``hints`` is in the text."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    mixed: bool = False  # the match must hold both letters and digits


def _rule(kind: str, hints: str, pattern: str, *, mixed: bool = False) -> _Rule:
    return _Rule(kind, tuple(hints.split()), re.compile(r"(?<![A-Za-z0-9])" + pattern, re.ASCII), mixed=mixed)


_RULES = (
    _rule("aws_access_key", "AKIA ASIA ABIA ACCA", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _rule("gcp_api_key", "AIza", r"AIza[A-Za-z0-9_-]{35,}+"),
    _rule("gcp_oauth", "ya29. GOCSPX-", r"(?:ya29\.|GOCSPX-)[A-Za-z0-9_-]{20,}+"),
    _rule("azure_secret", "Q~", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,}+"),
    _rule("azure_sas", "sig=", r"sig=[A-Za-z0-9%+/]{40,}+"),
    _rule("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,}+"),
    _rule("github_token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,}+"),
    _rule(
        "gitlab_token",
        "glpat- glptt- gldt- glrt- glsoat- glcbt- glagent- glft- glimt-",
        r"gl(?:pat|ptt|dt|rt|soat|cbt|agent|ft|imt)-[A-Za-z0-9_.-]{20,}+",
    ),
    _rule("slack_token", "xox xapp-", r"(?:xox[abceoprs]|xapp)-[A-Za-z0-9-]{10,}+", mixed=True),
    _rule(
        "slack_webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}+"
    ),
    _rule("anthropic_key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,}+"),
    _rule("openai_key", "sk-", r"sk-[A-Za-z0-9_-]{20,}+", mixed=True),
    _rule("huggingface_token", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{30,}+"),
    _rule("stripe_key", "_live_ _test_", r"[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}+"),
    _rule("stripe_key", "whsec_", r"whsec_[A-Za-z0-9+/=]{32,}+"),
    _rule("pypi_token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{40,}+"),
    _rule("npm_token", "npm_", r"npm_[A-Za-z0-9]{36,}+"),
    _rule("sendgrid_key", "SG.", r"SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,}+"),
    _rule("digitalocean_token", "_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _rule("docker_token", "dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}+"),
    _rule("databricks_token", "dapi", r"dapi[a-f0-9]{32}"),
    _rule("vault_token", "hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_-]{24,}+"),
    _rule("grafana_token", "glsa_ glc_", r"gl(?:sa|c)_[A-Za-z0-9_+/=]{32,}+"),
    _rule("groq_key", "gsk_", r"gsk_[A-Za-z0-9]{40,}+"),
    _rule("replicate_token", "r8_", r"r8_[A-Za-z0-9]{36,}+"),
    _rule("xai_key", "xai-", r"xai-[A-Za-z0-9]{60,}+"),
    _rule("shopify_token", "shp", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _rule("twilio_key", "SK", r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    _rule("mailgun_key", "key-", r"key-[0-9a-f]{32}(?![A-Za-z0-9])"),
    _rule("telegram_token", ":AA", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9])"),
    _rule("atlassian_token", "ATATT3", r"ATATT3[A-Za-z0-9_=-]{40,}+"),
    _rule("age_key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}+"),
    _rule("tailscale_key", "tskey-", r"tskey-[a-z]{2,12}-[A-Za-z0-9-]{16,}+"),
    # A run of the body's own characters cannot start a second attempt, which keeps the failing case linear.
    _rule("jwt", "eyJ", r"(?<![_-])eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+"),
)

_TOKEN = r"[A-Za-z0-9+/=_.~-]"  # noqa: S105 - a character class
_HEADER = re.compile(
    rf"authorization[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}\\?[\"']?"
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9-]{{1,20}})[ \t]{{1,4}})?(?P<value>{_TOKEN}{{8,}}+)",
    re.ASCII | re.IGNORECASE,
)
_BEARER = re.compile(rf"(?<![A-Za-z0-9])bearer[ \t]{{1,4}}(?P<value>{_TOKEN}{{16,}}+)", re.ASCII | re.IGNORECASE)
_URL = re.compile(
    r"://(?:[^\s/:@\"'<>\[\]]{0,128}:(?P<password>[^\s/@\"'<>]{1,256})|(?P<user>[A-Za-z0-9_-]{20,256}))@", re.ASCII
)
_ASSIGNMENT = re.compile(
    r"(?P<key>pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|(?:access|account|auth|private|signing)[_-]?key|token|credential)"
    r"(?P<suffix>[A-Za-z0-9_-]{0,24}+)\\?[\"']?"
    r"(?:[ \t]{0,4}:[ \t]{0,4}[A-Za-z_][A-Za-z0-9_.| \[\]]{0,40}(?==))?"  # an annotation: `token: str = …`
    r"(?:[ \t]{0,4}(?P<operator>=>|:=|=(?!=)|:)[ \t]{0,4}|[ \t]{1,4})"
    r"(?:[brfuBRFU]{0,2}\\?(?P<quote>[\"'])(?P<quoted>[^\s\"'\\]{8,256})\\?(?P=quote)"
    r"|(?P<bare>[A-Za-z0-9+/=_.~!@#%^&*$-]{8,256}+)(?![\[(]))",
    re.ASCII | re.IGNORECASE,
)
_OPTION = re.compile(r"--[A-Za-z0-9_-]*\Z")
_KEY_HINTS = ("pass", "pwd", "secret", "key", "token", "credential")
_NOT_SECRET_NAME = re.compile(
    r"(?:hash|digest|sha\d+|id|ids|name|file|path|dir|url|uri|type|kind|class|len|length|size|count|index|pos|expiry|ttl)$",
    re.IGNORECASE,
)
_FINGERPRINT = re.compile(
    r"(?:sha(?:1|256|512)[:-])?(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}"
    r"|[0-9a-fA-F]{128}|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
)
_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[A-Za-z]*[0-9]{0,4}")
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"[A-Za-z0-9+/=]{16}")
_PEM_LINE = re.compile(r"(?:\r?\n|\\r|\\n)[ \t+>|\"']{0,8}[A-Za-z0-9+/=]{16,}+[\"',]{0,2}")
_PEM_LIMIT = 16_384
_TAIL = re.compile(r"[A-Za-z0-9_+/=-]*+")
_EXAMPLES = frozenset({"pass", "passwd", "password", "pw", "pwd", "secret", "token", "xxx", "xxxx", "x-oauth-basic"})
_PLACEHOLDER = ("{", "$", "<", "%(", "%s", "[", "*")


def redact(text: str) -> str:
    """Replace each secret in ``text`` by ``[REDACTED:kind]``; doing it twice changes nothing more.

    Hashes and UUIDs stay, and so does ordinary code such as ``token = tokens[0]``. It is a net, not a proof: a
    password that looks like a word is not recognised.
    """
    parts: list[str] = []
    done = 0
    for span in _spans(text):
        parts += (text[done : span.start], f"[REDACTED:{span.kind}]")
        done = span.end
    return "".join([*parts, text[done:]]) if parts else text


def find_secrets(text: str) -> tuple[Secret, ...]:
    """Return kind and line of each secret in ``text``, in order."""
    found: list[Secret] = []
    line, done = 1, 0
    for span in _spans(text):
        line += text.count("\n", done, span.start)
        done = span.start
        found.append(Secret(kind=span.kind, line=line))
    return tuple(found)


def redact_json(value: JsonValue) -> JsonValue:
    """Redact every string of a JSON value; the key of an object counts as the name of its value."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_json(item) for item in value]
    if isinstance(value, dict):
        return {redact(key): _redact_field(key, item) for key, item in value.items()}
    return value


def _redact_field(key: str, value: JsonValue) -> JsonValue:
    clean = redact_json(value)
    if isinstance(value, str) and clean == value:
        named = find_secrets(f'"{key}": "{value}"')
        return f"[REDACTED:{named[0].kind}]" if named else value
    return clean


def _spans(text: str) -> list[_Span]:
    """Return the secrets of ``text`` in order, without overlaps; what is glued to a secret belongs to it."""
    merged: list[_Span] = []
    # A stable sort keeps the order of the rules among equal starts, so the most specific name wins.
    for span in sorted(_matches(text), key=lambda found: found.start):
        start, end, kind = span
        if merged and start < merged[-1].end:
            if end <= merged[-1].end:
                continue
            start, _, kind = merged.pop()
        tail = _TAIL.match(text, end)
        merged.append(_Span(start, tail.end() if tail else end, kind))
    return merged


def _matches(text: str) -> Iterator[_Span]:
    yield from _private_keys(text)
    for rule in _RULES:
        if any(hint in text for hint in rule.hints):
            for match in rule.pattern.finditer(text):
                if not rule.mixed or _mixed(match.group()):
                    yield _Span(match.start(), match.end(), rule.kind)
    lower = text.lower()
    yield from _credentials(text, lower)
    if any(hint in lower for hint in _KEY_HINTS):
        yield from _assignments(text)


def _credentials(text: str, lower: str) -> Iterator[_Span]:
    """Find what authorisation headers and addresses carry."""
    if "authorization" in lower:
        for match in _HEADER.finditer(text):
            if (match["scheme"] or "").lower() == "basic" or _secret_like(match["value"], weak=False):
                yield _Span(*match.span("value"), "authorization")
    if "bearer" in lower:
        for match in _BEARER.finditer(text):
            if _mixed(match["value"]):
                yield _Span(*match.span("value"), "authorization")
    if "://" in text:
        for match in _URL.finditer(text):
            name = "password" if match["password"] else "user"
            if not match[name].startswith(_PLACEHOLDER) and match[name].lower() not in _EXAMPLES:
                yield _Span(*match.span(name), "url_credentials")


def _assignments(text: str) -> Iterator[_Span]:
    """Find ``password=…`` and its like where the value is too random to be code or words."""
    at = 0
    while match := _ASSIGNMENT.search(text, at):
        name = "quoted" if match["quoted"] else "bare"
        key = match["key"].lower()
        if (
            (match["operator"] or _OPTION.search(text, max(0, match.start() - 24), match.start()))
            and _secret_like(match[name], weak=key in ("token", "credential"))
            and not _NOT_SECRET_NAME.search(match["suffix"])
        ):
            yield _Span(*match.span(name), _KINDS.get(key, "key"))
            at = match.end()
        else:
            at = match.end("suffix")  # the value may itself name a secret


_KINDS = {"password": "password", "passwd": "password", "pwd": "password", "passphrase": "password"} | {
    name: name for name in ("secret", "token", "credential")
}


def _secret_like(value: str, *, weak: bool) -> bool:
    """Tell a random value from words, code, paths, numbers and placeholders."""
    if value.startswith(_PLACEHOLDER) or not _mixed(value) or "[REDACTED:" in value:
        return False
    if weak and _FINGERPRINT.fullmatch(value):
        return False
    return _entropy(value) >= 2.5 and not all(_WORD.fullmatch(word) for word in _WORDS.split(value))


def _mixed(value: str) -> bool:
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


def _entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def _private_keys(text: str) -> Iterator[_Span]:
    """Find private key blocks, also those cut short; a header without a body is code, not a key."""
    begins = [match.span() for match in _PEM_BEGIN.finditer(text)]
    ends = [match.span() for match in _PEM_END.finditer(text)] if begins else []
    starts = [start for start, _ in ends]
    for index, (start, body) in enumerate(begins):
        following = begins[index + 1][0] if index + 1 < len(begins) else len(text)
        limit = min(following, body + _PEM_LIMIT)
        place = bisect_left(starts, body)
        if place < len(ends) and starts[place] < limit:
            if _PEM_BODY.search(text, body, starts[place]):
                yield _Span(start, ends[place][1], "private_key")
            continue
        end = body
        while (line := _PEM_LINE.match(text, end)) and line.end() <= limit:
            end = line.end()
        if end > body:
            yield _Span(start, end, "private_key")


_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters; line feed and tab stay
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
    "|\r(?!\n)"
)


def visible(text: str) -> str:
    """Return ``text`` safe to print: escape sequences, controls, bidi and zero-width characters as hexadecimal.

    Line feeds, tabs and CR LF line ends stay. A terminal can then neither be moved, recoloured nor made to show
    code in another order than it has.
    """
    return _INVISIBLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
