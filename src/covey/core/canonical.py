"""Canonical JSON, stable projections and hashes.

A run's event log must hash to the same value whenever the same task is solved in the same way, however long it
took. So each field of a recorded model is either *stable* (it decides what happens next) or *volatile* (clock
readings, durations, raw output, which limits a machine could apply). Volatile fields are stored but not hashed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


class _VolatileMark:
    """Marks a field that is recorded but never hashed."""


Volatile = Annotated[T, _VolatileMark()]


class Frozen(BaseModel):
    """Base of all words: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@cache
def _stable_fields(kind: type[BaseModel]) -> tuple[str, ...]:
    marked = (
        name for name, field in kind.model_fields.items() if any(isinstance(m, _VolatileMark) for m in field.metadata)
    )
    volatile = frozenset(marked)
    return tuple(name for name in kind.model_fields if name not in volatile)


def stable(value: Any) -> Any:  # noqa: ANN401 - any recorded value
    """Return the JSON-compatible projection of ``value`` without its volatile fields."""
    if isinstance(value, BaseModel):
        return {name: stable(getattr(value, name)) for name in _stable_fields(type(value))}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): stable(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((stable(item) for item in value), key=canonical_json)
    if isinstance(value, (list, tuple)):
        return [stable(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be recorded: use JSON types or a pydantic model")


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Serialise a JSON value in one way only: sorted keys, no blanks, ASCII, no NaN."""
    return _ENCODER.encode(value)


def sha256(data: bytes | str) -> str:
    """Return the hexadecimal SHA-256 of bytes, or of text as UTF-8 (lone surrogates escaped)."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return hashlib.sha256(raw).hexdigest()


def stable_hash(value: Any) -> str:  # noqa: ANN401 - any recorded value
    """Hash the stable projection of ``value``."""
    return sha256(canonical_json(stable(value)))


_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,16}\b")
_SECONDS = re.compile(r"\b\d+\.\d+ ?s(?:econds)?\b")


def scrub(text: str) -> str:
    """Replace what differs from one identical run to the next: memory addresses and durations."""
    return _SECONDS.sub("0.0s", _ADDRESS.sub("0x0", text))
