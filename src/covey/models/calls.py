"""One call of a model as it is recorded, and the digests by which it is found again."""

from __future__ import annotations

from collections.abc import Sequence

from covey.core.canonical import Frozen, canonical_json, sha256, stable_hash
from covey.core.model import ChatMessage, Completion, Sampling, Schema


def prompt_digest(prompt: Sequence[ChatMessage]) -> str:
    """Name a prompt by its roles and contents."""
    return stable_hash([message.model_dump() for message in prompt])


def schema_digest(schema: Schema | None) -> str:
    """Name a schema by its content; the empty string stands for no schema."""
    return "" if schema is None else sha256(canonical_json(schema))


class RecordedCall(Frozen):
    """What a role asked of a model and the whole answer. ``schema_sha256`` is empty where no schema was given."""

    role: str = ""
    prompt: tuple[ChatMessage, ...]
    schema_sha256: str = ""
    sampling: Sampling = Sampling()
    completion: Completion

    @property
    def digest(self) -> str:
        """Name the question: prompt, schema and sampling, without the role and the answer."""
        return call_digest(self.prompt, self.schema_sha256, self.sampling)


def call_digest(prompt: Sequence[ChatMessage], schema_sha256: str, sampling: Sampling) -> str:
    """Name a question by everything that decides its answer."""
    return stable_hash([prompt_digest(prompt), schema_sha256, sampling.model_dump()])


def record(
    prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling, completion: Completion, *, role: str = ""
) -> RecordedCall:
    """Record one call."""
    return RecordedCall(
        role=role,
        prompt=tuple(prompt),
        schema_sha256=schema_digest(schema),
        sampling=sampling,
        completion=completion,
    )
