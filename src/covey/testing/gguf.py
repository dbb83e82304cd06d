"""Model files made on the spot: real GGUF files that a real engine loads, with nothing downloaded.

:func:`write_random` gives random weights: every feature of an engine works on them, answers are noise.
:func:`write_speaking` gives a model that says a given text and stops: engine-level tests with meaningful answers.

Both share a tokenizer of single bytes (SentencePiece kind with byte fallback), so any UTF-8 text has tokens, and a chat
template in the manner of ChatML. They need the extra ``testing`` (gguf, numpy).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from covey.core.errors import ConfigError

if TYPE_CHECKING:
    import gguf

Architecture = Literal["llama", "qwen2", "gemma3"]

SPECIALS = ("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")
END = SPECIALS.index("<|im_end|>")
BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
_SPACE = "\u2581"  # how SentencePiece writes a blank; without this token a blank would become the bytes of this sign
_NORMAL, _CONTROL, _BYTE = 1, 3, 6  # token types of the format
_WIDTH = 256  # of a speaking model's vectors: random signs of this length are as good as orthogonal

_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)


def write_random(
    path: Path | str,
    *,
    architecture: Architecture = "llama",
    layers: int = 2,
    embedding: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    feed_forward: int = 128,
    context: int = 4096,
    sliding_window: int | None = None,
    vocabulary: int = 0,
    weights: Literal["f32", "f16", "q8_0"] = "f16",
    seed: int = 0,
) -> Path:
    """Write a model of random weights to ``path`` and return it.

    ``vocabulary``: number of tokens, filled up with control tokens that never match text (0: the bytes and specials
    only). ``weights``: type of the matrices. The same arguments give the same weights.
    Raises ConfigError without the extra ``testing``, ValueError when the widths do not go together.
    """
    if embedding % heads or heads % kv_heads or (embedding // heads) % 2:
        raise ValueError("embedding must be an even multiple of heads, and heads a multiple of kv_heads.")
    gguf, numpy = _tools()
    writer = gguf.GGUFWriter(path, architecture)
    tokens = [*SPECIALS, *BYTES, _SPACE]
    tokens += [f"<|unused {number}|>" for number in range(vocabulary - len(tokens))]
    _header(writer, layers=layers, embedding=embedding, heads=heads, feed_forward=feed_forward, context=context)
    head = embedding // heads
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    if sliding_window is not None:
        writer.add_sliding_window(sliding_window)
    _tokenizer(writer, tokens, _TEMPLATE)
    random = numpy.random.default_rng(seed)
    kind = gguf.GGMLQuantizationType[weights.upper()]

    def matrix(name: str, rows: int, columns: int) -> None:
        values = random.standard_normal((rows, columns), dtype=numpy.float32) * (columns**-0.5)
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)

    def vector(name: str, length: int, value: float = 1.0) -> None:
        writer.add_tensor(name, numpy.full(length, value, numpy.float32))

    matrix("token_embd.weight", len(tokens), embedding)
    vector("output_norm.weight", embedding)
    if architecture != "gemma3":  # gemma ties its output to the embeddings
        matrix("output.weight", len(tokens), embedding)
    for layer in range(layers):
        block = f"blk.{layer}."
        for name in ("attn_norm", "ffn_norm"):
            vector(f"{block}{name}.weight", embedding)
        if architecture == "gemma3":
            for name in ("post_attention_norm", "post_ffw_norm"):
                vector(f"{block}{name}.weight", embedding)
            for name in ("attn_q_norm", "attn_k_norm"):
                vector(f"{block}{name}.weight", head)
        for name, width in (("attn_q", embedding), ("attn_k", head * kv_heads), ("attn_v", head * kv_heads)):
            matrix(f"{block}{name}.weight", width, embedding)
            if architecture == "qwen2":
                vector(f"{block}{name}.bias", width, 0.0)
        matrix(f"{block}attn_output.weight", embedding, embedding)
        for name in ("ffn_gate", "ffn_up"):
            matrix(f"{block}{name}.weight", feed_forward, embedding)
        matrix(f"{block}ffn_down.weight", embedding, feed_forward)
    return _write(writer, path)


def write_speaking(path: Path | str, text: str, *, cues: Mapping[str, str] | None = None, context: int = 4096) -> Path:
    """Write a model that answers ``text``, byte for byte, and stops; return ``path``.

    With ``cues``, an answer to a chat whose last message contains a cue is the cue's text instead; the first cue in
    the mapping's order counts. The model's own chat template does this: it ends the generation prompt with a token of
    that cue. A grammar that the answer satisfies changes nothing.

    The next token depends on the last one alone: every byte of every answer has a token of its own (all byte tokens
    of the same byte share a text for the reader, none for the tokenizer), layers add nothing, and the output matrix
    maps each token's vector to its successor. About 1.3 KB a byte of text. Raises ConfigError without ``testing``.
    """
    gguf, numpy = _tools()
    cues = dict(cues or {})
    answers = [text.encode(), *(answer.encode() for answer in cues.values())]
    marks = [f"<|cue {number}|>" for number in range(len(answers))]
    tokens = [*SPECIALS, *BYTES, _SPACE, *marks]
    random = numpy.random.default_rng(0)

    def direction() -> Any:  # noqa: ANN401 - an array, of a package that may be absent
        return random.integers(0, 2, _WIDTH).astype(numpy.float32) * 2 - 1

    starts, end = [direction() for _ in answers], direction()
    # Whatever ends a prompt leads to the first byte of the first answer, cues to the first byte of theirs.
    vectors = [starts[0]] * (len(tokens) - len(marks)) + starts
    successors: list[Any] = [numpy.zeros(_WIDTH, numpy.float32)] * len(tokens)
    successors[END] = end
    for number, answer in enumerate(answers):
        before = starts[number]
        for position, value in enumerate(answer):
            tokens.append(f"{BYTES[value]} {number}.{position}")
            successors.append(before)
            before = end if position == len(answer) - 1 else direction()
            vectors.append(before)
        if not answer:
            vectors[tokens.index(marks[number])] = end
            if number == 0:
                vectors[: len(SPECIALS) + len(BYTES) + 1] = [end] * (len(SPECIALS) + len(BYTES) + 1)
    writer = gguf.GGUFWriter(path, "llama")
    _header(writer, layers=1, embedding=_WIDTH, heads=4, feed_forward=32, context=context)
    writer.add_head_count_kv(1)
    _tokenizer(writer, tokens, _cue_template(list(cues)))
    writer.add_tensor("token_embd.weight", numpy.stack(vectors).astype(numpy.float16))
    writer.add_tensor("output.weight", numpy.stack(successors).astype(numpy.float16))
    writer.add_tensor("output_norm.weight", numpy.ones(_WIDTH, numpy.float32))
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", numpy.ones(_WIDTH, numpy.float32))
    for name, rows, columns in (
        ("attn_q", _WIDTH, _WIDTH),
        ("attn_k", _WIDTH // 4, _WIDTH),
        ("attn_v", _WIDTH // 4, _WIDTH),
        ("attn_output", _WIDTH, _WIDTH),
        ("ffn_gate", 32, _WIDTH),
        ("ffn_up", 32, _WIDTH),
        ("ffn_down", _WIDTH, 32),
    ):
        writer.add_tensor(f"blk.0.{name}.weight", numpy.zeros((rows, columns), numpy.float16))
    return _write(writer, path)


def _tools() -> tuple[Any, Any]:
    try:
        import gguf
        import numpy as np
    except ImportError as error:
        raise ConfigError(
            f"Writing model files needs packages that are not installed ({error.name}): pip install 'covey[testing]'."
        ) from None
    return gguf, np


def _header(
    writer: gguf.GGUFWriter, *, layers: int, embedding: int, heads: int, feed_forward: int, context: int
) -> None:
    writer.add_name("covey-testing")
    writer.add_block_count(layers)
    writer.add_context_length(context)
    writer.add_embedding_length(embedding)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)


def _tokenizer(writer: gguf.GGUFWriter, tokens: Sequence[str], template: str) -> None:
    kinds = [_NORMAL if token == _SPACE else _BYTE if token.startswith("<0x") else _CONTROL for token in tokens]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(tokens))
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(value=False)
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template(template)


def _cue_template(cues: Sequence[str]) -> str:
    """ChatML whose assistant turns begin with the token of the cue found in the message before."""
    if not cues:
        return _TEMPLATE
    tests = "".join(
        f"{{%- {'if' if number == 1 else 'elif'} {_literal(cue)} in turn.said -%}}"
        f"{{%- set turn.mark = '<|cue {number}|>' -%}}"
        for number, cue in enumerate(cues, start=1)
    )
    return (
        "{%- set turn = namespace(said='', mark='') -%}"
        "{%- for message in messages -%}"
        "{{- '<|im_start|>' + message['role'] + '\n' -}}"
        "{%- if message['role'] == 'assistant' -%}{{- turn.mark -}}{%- endif -%}"
        "{{- message['content'] + '<|im_end|>\n' -}}"
        "{%- set turn.said = message['content'] -%}"
        + tests
        + "{%- else -%}{%- set turn.mark = '<|cue 0|>' -%}{%- endif -%}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' + turn.mark -}}{%- endif -%}"
    )


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _write(writer: gguf.GGUFWriter, path: Path | str) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Path(path)
