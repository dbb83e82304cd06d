"""Model files made on the spot: real GGUF files that a real engine loads, with nothing downloaded.

:func:`write_random` gives random weights: every feature of an engine works on them, answers are noise.
:func:`write_speaking` gives a model that says a given text and stops: engine-level tests with meaningful answers.

Both share a tokenizer of single bytes (SentencePiece kind with byte fallback), so any UTF-8 text has tokens, and a chat
template in the manner of ChatML. They need the extra ``testing`` (gguf, numpy).
"""

from __future__ import annotations

import math
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
ROPE_BASE = 10_000.0

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
    head_width: int = 0,
    feed_forward: int = 128,
    experts: int = 0,
    experts_used: int = 2,
    context: int = 4096,
    sliding_window: int | None = None,
    vocabulary: int = 0,
    weights: Literal["f32", "f16", "q8_0"] = "f16",
    seed: int = 0,
) -> Path:
    """Write a model of random weights to ``path`` and return it.

    ``head_width``: length of a head's vectors (0: ``embedding / heads``). ``experts``: feed-forward networks to choose
    from in each layer, each ``feed_forward`` wide (0: one, always used). ``vocabulary``: number of tokens, filled up
    with control tokens that never match text (0: the bytes and specials only). ``weights``: type of the matrices. The
    same arguments give the same weights.
    Raises ConfigError without the extra ``testing``, ValueError when the numbers do not go together.
    """
    head = head_width or embedding // heads
    if heads % kv_heads or head % 2 or not (head_width or embedding % heads == 0):
        raise ValueError("embedding must be an even multiple of heads, and heads a multiple of kv_heads.")
    if experts and architecture != "llama":
        raise ValueError("Only the architecture llama can be written with experts.")
    gguf, numpy = _tools()
    writer = gguf.GGUFWriter(path, architecture)
    tokens = [*SPECIALS, *BYTES, _SPACE]
    tokens += [f"<|unused {number}|>" for number in range(vocabulary - len(tokens))]
    _header(writer, layers=layers, embedding=embedding, heads=heads, feed_forward=feed_forward, context=context)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(experts_used)
    if sliding_window is not None:
        writer.add_sliding_window(sliding_window)
    _tokenizer(writer, tokens, _TEMPLATE)
    random = numpy.random.default_rng(seed)
    kind = gguf.GGMLQuantizationType[weights.upper()]

    shapes: dict[str, tuple[int, ...]] = {"token_embd": (len(tokens), embedding), "output_norm": (embedding,)}
    if architecture != "gemma3":  # gemma ties its output to the embeddings
        shapes["output"] = (len(tokens), embedding)
    block = _attention_shapes(architecture, embedding, head, heads, kv_heads)
    block |= _feed_forward_shapes(architecture, embedding, feed_forward, experts)
    for layer in range(layers):
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    for name, shape in shapes.items():
        if name.endswith(".bias"):
            writer.add_tensor(name, numpy.zeros(shape, numpy.float32))
        elif len(shape) == 1:
            writer.add_tensor(f"{name}.weight", numpy.ones(shape, numpy.float32))
        else:
            values = random.standard_normal(shape, dtype=numpy.float32) * (shape[-1] ** -0.5)
            writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, kind), raw_dtype=kind)
    return _write(writer, path)


def _attention_shapes(
    architecture: Architecture, embedding: int, head: int, heads: int, kv_heads: int
) -> dict[str, tuple[int, ...]]:
    widths = {"attn_q": head * heads, "attn_k": head * kv_heads, "attn_v": head * kv_heads}
    shapes: dict[str, tuple[int, ...]] = {name: (width, embedding) for name, width in widths.items()}
    shapes |= {"attn_norm": (embedding,), "attn_output": (embedding, head * heads)}
    if architecture == "qwen2":
        shapes |= {f"{name}.bias": (width,) for name, width in widths.items()}
    if architecture == "gemma3":
        shapes |= {"attn_q_norm": (head,), "attn_k_norm": (head,), "post_attention_norm": (embedding,)}
    return shapes


def _feed_forward_shapes(
    architecture: Architecture, embedding: int, width: int, experts: int
) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"ffn_norm": (embedding,)}
    ending, each = ("_exps", (experts,)) if experts else ("", ())
    shapes |= {f"{name}{ending}": (*each, width, embedding) for name in ("ffn_gate", "ffn_up")}
    shapes[f"ffn_down{ending}"] = (*each, embedding, width)
    if experts:
        shapes["ffn_gate_inp"] = (experts, embedding)
    if architecture == "gemma3":
        shapes["post_ffw_norm"] = (embedding,)
    return shapes


def write_speaking(path: Path | str, text: str, *, cues: Mapping[str, str] | None = None, context: int = 4096) -> Path:
    """Write a model that answers ``text``, byte for byte, and stops; return ``path``.

    With ``cues``, the answer to a chat whose last message contains a cue is the cue's text instead; the first cue in
    the mapping's order counts. The model's own chat template does this: it ends the generation prompt with a token of
    the answer to give, so prompts must come from that template; after any other prompt the model stops at once.
    Answers may be up to 5,543 bytes long. A grammar that the answer satisfies changes nothing, however the engine
    cuts the answer into tokens of a byte each: the next byte depends only on the distance to the cue token, as worked
    out in :class:`_Speaker`. About 2 MB, and 2 KB more for each byte of the answers. Raises ConfigError without the
    extra ``testing``, ValueError for an answer that is too long.
    """
    gguf, numpy = _tools()
    cues = dict(cues or {})
    speaker = _Speaker([text.encode(), *(answer.encode() for answer in cues.values())])
    writer = gguf.GGUFWriter(path, "llama")
    _header(
        writer,
        layers=1,
        embedding=speaker.width,
        heads=len(speaker.heads),
        feed_forward=sum(len(answer) + 1 for answer in speaker.answers),
        context=context,
    )
    writer.add_head_count_kv(1)
    writer.add_key_length(speaker.head_width)
    writer.add_value_length(speaker.head_width)
    writer.add_rope_dimension_count(speaker.head_width)
    marks = [f"<|cue {number}|>" for number in range(len(speaker.answers))]
    _tokenizer(writer, [*SPECIALS, *BYTES, _SPACE, *marks], _cue_template(list(cues)))
    for name, values in speaker.tensors(numpy).items():
        kind = numpy.float32 if values.ndim == 1 else numpy.float16
        writer.add_tensor(name, values.astype(kind))
    return _write(writer, path)


class _Speaker:
    """Weights, worked out by hand, of a one-layer llama that recites.

    *Attention* reads the distance ``d`` to the cue token as its residues modulo four coprime numbers. Head (m, r) has a
    query that turns by ``2*pi/m`` a position (the rotary embedding with frequencies of our own); only cue tokens have
    keys, so the score on the cue is ``ON`` when ``d = r (mod m)`` and at most ``OFF`` otherwise, and 0 on every other
    token: the head returns the cue's value, or nothing. *Feed-forward* has one unit for each (answer, d), open only
    when the cue and all four residues are right; it writes the next byte. The product of the moduli bounds an answer.

    Every entry of the residual stream that matters is 0 or 1, so the RMS norms divide by known numbers.
    """

    MODULI = (7, 8, 9, 11)
    ON, OFF = 22.0, -10.0  # far from ln(number of other tokens) on both sides
    GATE = 20.0  # the gate's input where a unit is open; minus that where it is closed

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.answers = answers
        if max(map(len, answers)) >= math.prod(self.MODULI):
            raise ValueError(f"A speaking model's answers must be shorter than {math.prod(self.MODULI)} bytes.")
        self.heads = [(index, residue) for index, modulus in enumerate(self.MODULI) for residue in range(modulus)]
        count = len(answers)
        self.head_width = -(-max(count, 32) // 32) * 32  # whole blocks of 32, for quantised caches
        # The residual stream: always 1; 1 for all but cues; which cue is here; which is ahead; residues; next byte.
        self.one, self.plain, self.here = 0, 1, 2
        self.ahead = self.here + count
        self.residues = self.ahead + count
        self.byte = self.residues + len(self.heads)
        self.width = -(-(self.byte + 257) // 32) * 32

    def tensors(self, numpy: Any) -> dict[str, Any]:  # noqa: ANN401 - a package that may be absent
        """All weights by their names in the file."""
        ones, count = numpy.ones(self.width), len(self.answers)
        tokens = len(SPECIALS) + len(BYTES) + 1
        embedding, output = numpy.zeros((2, tokens + count, self.width))
        embedding[:, self.one] = 1
        embedding[:tokens, self.plain] = 1
        for number in range(count):
            embedding[tokens + number, self.here + number] = 1
        for value in range(256):
            output[len(SPECIALS) + value, self.byte + value] = 20
        output[END, self.byte + 256] = output[END, self.one] = 20
        norms = dict.fromkeys(("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"), ones)
        matrices = {"token_embd.weight": embedding, "output.weight": output}
        return norms | matrices | self._attention(numpy) | self._feed_forward(numpy)

    def _attention(self, numpy: Any) -> dict[str, Any]:  # noqa: ANN401
        size, scale = self.head_width, math.sqrt(self.width / 2)  # two ones in every embedding
        query = numpy.zeros((len(self.heads) * size, self.width))
        key, value = numpy.zeros((2, size, self.width))
        output = numpy.zeros((self.width, len(self.heads) * size))
        still = 2 * len(self.MODULI)  # the first dimension that does not turn
        here = slice(self.here, self.here + len(self.answers))
        key[[*range(0, still, 2), still], here] = 1 / scale
        for head, (index, residue) in enumerate(self.heads):
            turn = 2 * math.pi / self.MODULI[index]
            swing = (self.ON - self.OFF) / (1 - math.cos(turn))
            for dimension, part in (
                (2 * index, swing * math.cos(turn * residue)),
                (2 * index + 1, -swing * math.sin(turn * residue)),
                (still, self.ON - swing),
            ):
                query[head * size + dimension, self.one] = part * math.sqrt(size) / scale
            for number in range(len(self.answers)):
                output[self.residues + head, head * size + number] = 1
                if index == 0:
                    output[self.ahead + number, head * size + number] = 1
        for number in range(len(self.answers)):
            value[number, self.here + number] = 1 / scale
        factors = numpy.full(size // 2, 1e30)  # turns nothing
        for index, modulus in enumerate(self.MODULI):
            factors[index] = ROPE_BASE ** (-2 * index / size) * modulus / (2 * math.pi)
        names = ("attn_q", "attn_k", "attn_v", "attn_output")
        weights = {
            f"blk.0.{name}.weight": tensor for name, tensor in zip(names, (query, key, value, output), strict=True)
        }
        return weights | {"rope_freqs.weight": factors}

    def _feed_forward(self, numpy: Any) -> dict[str, Any]:  # noqa: ANN401
        true = 3 + len(self.MODULI)  # ones in the stream: always, plain or cue, cue ahead, residues
        scale = math.sqrt(self.width / true)
        units = [(number, place) for number, answer in enumerate(self.answers) for place in range(len(answer) + 1)]
        gate, up = numpy.zeros((2, len(units), self.width))
        down = numpy.zeros((self.width, len(units)))
        up[:, self.one] = 1 / scale
        gate[:, self.one] = -(true - 2.5) * 2 * self.GATE / scale
        for unit, (number, place) in enumerate(units):
            wanted = [self.residues + self.heads.index((i, place % m)) for i, m in enumerate(self.MODULI)]
            gate[unit, [self.ahead + number, *wanted]] = 2 * self.GATE / scale
            answer = self.answers[number]
            down[self.byte + (answer[place] if place < len(answer) else 256), unit] = 50
        return {"blk.0.ffn_gate.weight": gate, "blk.0.ffn_up.weight": up, "blk.0.ffn_down.weight": down}


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
    writer.add_rope_freq_base(ROPE_BASE)


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
    """ChatML whose generation prompt ends with the token of the first cue found in the last message."""
    mark = "'<|cue 0|>'"
    for number, cue in reversed(list(enumerate(cues, start=1))):
        mark = f"('<|cue {number}|>' if {_literal(cue)} in messages[-1]['content'] else {mark})"
    return _TEMPLATE.replace("assistant\n'", "assistant\n' + " + mark)


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _write(writer: gguf.GGUFWriter, path: Path | str) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Path(path)
