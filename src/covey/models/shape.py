"""What a model file says about the memory a model needs: layers, caches, experts, windows.

The metadata keys are those of the GGUF format; which layers slide, hold a state or share a cache follows what
llama.cpp does when the metadata does not say (https://github.com/ggml-org/llama.cpp, src/models). Whatever is not
known there counts as full attention, so the plan may be too large, never too small.
"""

from __future__ import annotations

import re
from collections import Counter

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.errors import UnusableModel
from covey.models.gguf import GgufFile, LongArray, TensorInfo, Value

# Every how manyeth layer attends to everything where the metadata has a window but no pattern; the others slide.
_PERIODS = {
    "afmoe": 4,
    "cohere2": 4,
    "exaone4": 4,
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "llama4": 4,
    "olmo2": 4,
    "plamo3": 8,
    "smallthinker": 4,
}
_FULL_LAYER_FIRST = {"smallthinker"}  # elsewhere the last layer of a period is the full one
_WINDOWS = {"llama4": 8192}  # where the file does not say
_SHARED_FROM = {"gemma3n": 20}  # layers from here on use the cache of earlier ones
_NO_MODELS = {"clip": "a projector for images or sound", "mmproj": "a projector for images or sound"}
_NO_MODELS |= {"adapter": "an adapter", "vocab": "a vocabulary", "imatrix": "statistics for quantising"}
_LAYER = re.compile(r"blk\.(\d{1,4})\.(.+)")
_STATE = re.compile(r"ssm_|shortconv|time_mix")
_KEYS = re.compile(r"attn_(k|kv_a_mqa|kv_b|k_b)\.weight")

# general.file_type, as the quantising tool names it.
_FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S"}
_FILE_TYPES |= {12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K"}
_FILE_TYPES |= {19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL"}
_FILE_TYPES |= {26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16"}
_FILE_TYPES |= {36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4"}


class LayerShape(Frozen):
    """One layer. Lengths are those of one head's key and value; ``value_length`` 0 where keys serve as values (MLA).

    ``kv_heads`` 0: the layer has no cache of its own. ``windowed``: only the last ``ModelShape.window`` tokens are
    cached. ``state_bytes``: recurrent state of one sequence. ``weight_bytes`` include ``expert_bytes``.
    """

    kv_heads: int = Field(0, ge=0)
    key_length: int = Field(0, ge=0)
    value_length: int = Field(0, ge=0)
    windowed: bool = False
    state_bytes: int = Field(0, ge=0)
    weight_bytes: int = Field(0, ge=0)
    expert_bytes: int = Field(0, ge=0)


class ModelShape(Frozen):
    """A model as the memory plan sees it. Sizes in bytes, lengths in elements, contexts in tokens.

    ``input_bytes``: token embeddings, which engines keep in RAM. ``output_bytes``: what turns the last layer into
    logits. ``tied``: there is no output matrix, the embeddings serve as it. ``feed_forward``: width of a token's
    feed-forward network, for a mixture of experts the width of one expert.
    """

    architecture: str
    name: str = ""
    quantisation: str = ""
    context_train: int
    vocabulary: int
    embedding: int
    heads: int
    feed_forward: int
    experts: int = 0
    experts_used: int = 0
    window: int = 0
    layers: tuple[LayerShape, ...]
    input_bytes: int = 0
    output_bytes: int = 0
    other_bytes: int = 0
    tied: bool = False
    chat_template: bool = False
    file_bytes: int = 0

    @property
    def weights_bytes(self) -> int:
        """Bytes of all tensors."""
        return self.input_bytes + self.output_bytes + self.other_bytes + sum(one.weight_bytes for one in self.layers)

    @property
    def expert_bytes(self) -> int:
        """Bytes of all routed experts."""
        return sum(layer.expert_bytes for layer in self.layers)


def model_shape(gguf: GgufFile) -> ModelShape:
    """Read the shape from a model file's header. Raises UnusableModel where it is not a language model's."""
    return _Shape(gguf).read()


class _Shape:
    def __init__(self, gguf: GgufFile) -> None:
        self._gguf = gguf
        self._metadata = gguf.metadata
        self._architecture = self._text("general.architecture")
        kind = self._text("general.type")
        for word in (self._architecture, kind):
            if word in _NO_MODELS:
                raise UnusableModel(f"The file holds {_NO_MODELS[word]}, not a language model. Give the model's file.")
        if not self._architecture:
            raise UnusableModel("The file does not say its architecture. Download a current conversion of the model.")
        if not gguf.tensors:
            raise UnusableModel("The file holds a vocabulary without weights. Give the model's file.")

    def read(self) -> ModelShape:
        count = self._number("block_count", 1, 1024) - self._number("nextn_predict_layers", 0, 64, 0)
        if count < 1:
            raise UnusableModel("The file has no layers besides its draft layers. Give the whole model's file.")
        self._count = count
        embedding = self._number("embedding_length", 1, 1 << 20)
        heads = self._each("attention.head_count", 0)
        feed = self._each("feed_forward_length", 0)
        experts = self._number("expert_count", 0, 65_536, 0)
        window, slides = self._window()
        by_layer, rest = self._tensors()
        tied = "output.weight" not in rest
        inputs = sum(rest.pop(name, 0) for name in ("token_embd.weight", "per_layer_token_embd.weight"))
        output = sum(rest.pop(name) for name in list(rest) if name.startswith("output"))
        template = self._metadata.get("tokenizer.chat_template")
        return ModelShape(
            architecture=self._architecture,
            name=self._text("general.name"),
            quantisation=self._quantisation(),
            context_train=self._number("context_length", 0, 1 << 31, 0),
            vocabulary=self._vocabulary(),
            embedding=embedding,
            heads=max(heads),
            feed_forward=self._number("expert_feed_forward_length", 0, 1 << 24, max(feed)) if experts else max(feed),
            experts=experts,
            experts_used=self._number("expert_used_count", 0, 65_536, 0),
            window=window,
            layers=self._layers(embedding, heads, slides, by_layer),
            input_bytes=inputs,
            output_bytes=output,
            other_bytes=sum(rest.values()),
            tied=tied,
            chat_template=isinstance(template, str) and bool(template.strip()),
            file_bytes=self._gguf.size,
        )

    def _layers(
        self, embedding: int, heads: list[int], slides: list[bool], by_layer: list[list[TensorInfo]]
    ) -> tuple[LayerShape, ...]:
        kv_heads = self._each("attention.head_count_kv", None)
        usual = embedding // max(1, heads[0])
        key = self._number("attention.key_length", 0, 1 << 16, usual)
        value = self._number("attention.value_length", 0, 1 << 16, usual)
        narrow_key = self._number("attention.key_length_swa", 0, 1 << 16, key)
        narrow_value = self._number("attention.value_length_swa", 0, 1 << 16, value)
        if self._number("attention.key_length_mla", 0, 1 << 16, 0):
            value = narrow_value = 0
        state = self._state_bytes(embedding, heads)
        own = _SHARED_FROM.get(self._architecture, self._count)
        own = min(own, self._count - self._number("attention.shared_kv_layers", 0, 1024, 0))
        layers = []
        for number, tensors in enumerate(by_layer):
            names = [tensor.name.split(".", 2)[2] for tensor in tensors]
            recurrent = any(_STATE.match(name) for name in names)
            attends = any(_KEYS.match(name) for name in names) or (not recurrent and "attn_qkv.weight" in names)
            layers.append(
                LayerShape(
                    kv_heads=(heads[number] if kv_heads[number] < 0 else kv_heads[number])
                    if attends and number < own
                    else 0,
                    key_length=narrow_key if slides[number] else key,
                    value_length=narrow_value if slides[number] else value,
                    windowed=slides[number],
                    state_bytes=state if recurrent else 0,
                    weight_bytes=sum(tensor.nbytes for tensor in tensors),
                    expert_bytes=sum(tensor.nbytes for tensor in tensors if "_exps." in tensor.name),
                )
            )
        return tuple(layers)

    def _window(self) -> tuple[int, list[bool]]:
        """The window, and which layers slide."""
        name = self._architecture
        window = self._number("attention.sliding_window", 0, 1 << 31, _WINDOWS.get(name, 0))
        pattern = self._metadata.get(f"{name}.attention.sliding_window_pattern", _PERIODS.get(name))
        if not window or pattern is None:
            return 0, [False] * self._count
        if isinstance(pattern, tuple):
            slides = [bool(one) for one in pattern[: self._count]]
            return window, slides + [False] * (self._count - len(slides))
        period = self._within("attention.sliding_window_pattern", pattern, 0, 1024)
        full = 0 if name in _FULL_LAYER_FIRST else period - 1
        return window, [period == 0 or number % period != full for number in range(self._count)]

    def _state_bytes(self, embedding: int, heads: list[int]) -> int:
        """Recurrent state of one layer and sequence: the convolution's last inputs and the state, in f32."""
        convolution = max(0, self._number("ssm.conv_kernel", 0, 4096, 0) - 1)
        if short := self._number("shortconv.l_cache", 0, 4096, 0):
            return 4 * embedding * (short - 1)
        if head := self._number("wkv.head_size", 0, 65_536, 0):
            return 4 * embedding * (self._number("token_shift_count", 0, 16, 2) + head)
        if head := self._number("kda.head_dim", 0, 65_536, 0):
            return 4 * max(heads) * head * (3 * convolution + head)
        inner, state = self._number("ssm.inner_size", 0, 1 << 24, 0), self._number("ssm.state_size", 0, 1 << 20, 0)
        groups = self._number("ssm.group_count", 0, 65_536, 0)
        return 4 * (convolution * (inner + 2 * groups * state) + state * inner)

    def _tensors(self) -> tuple[list[list[TensorInfo]], dict[str, int]]:
        """Tensors of each layer, and bytes of those that belong to none; draft layers count among the latter."""
        layers: list[list[TensorInfo]] = [[] for _ in range(self._count)]
        rest: dict[str, int] = {}
        for tensor in self._gguf.tensors:
            match = _LAYER.fullmatch(tensor.name)
            if match and int(match[1]) < self._count:
                layers[int(match[1])].append(tensor)
            else:
                rest[tensor.name] = tensor.nbytes
        return layers, rest

    def _vocabulary(self) -> int:
        tokens = self._metadata.get("tokenizer.ggml.tokens")
        if isinstance(tokens, LongArray):
            return tokens.count
        return len(tokens) if isinstance(tokens, tuple) else self._number("vocab_size", 0, 1 << 31, 0)

    def _quantisation(self) -> str:
        kind = self._metadata.get("general.file_type")
        if isinstance(kind, int) and kind in _FILE_TYPES:
            return _FILE_TYPES[kind]
        sizes: Counter[str] = Counter()
        for tensor in self._gguf.tensors:
            sizes[tensor.type] += tensor.nbytes
        return sizes.most_common(1)[0][0]

    def _text(self, key: str) -> str:
        value = self._metadata.get(key, "")
        # Names are shown to people: nothing in them may steer a terminal.
        return "".join(filter(str.isprintable, value[:200])) if isinstance(value, str) else ""

    def _number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self._metadata.get(f"{self._architecture}.{key}", default)
        if value is None:
            raise UnusableModel(
                f"The file does not say {self._architecture}.{key}. Download a current conversion of the model."
            )
        if isinstance(value, tuple) and value:  # one number for each layer, where one is asked for
            return max(self._within(key, one, low, high) for one in value)
        return self._within(key, value, low, high)

    def _each(self, key: str, default: int | None) -> list[int]:
        """One number for each layer; -1 where the file is silent and ``default`` is None."""
        value = self._metadata.get(f"{self._architecture}.{key}", -1 if default is None else default)
        if isinstance(value, tuple):
            if len(value) < self._count:
                raise UnusableModel(
                    f"The file has {len(value)} values of {key} for {self._count} layers. Download another conversion."
                )
            return [self._within(key, one, 0, 1 << 24) for one in value[: self._count]]
        return [self._within(key, value, -1, 1 << 24)] * self._count

    def _within(self, key: str, value: Value, low: int, high: int) -> int:
        if not isinstance(value, int) or not low <= value <= high:
            raise UnusableModel(
                f"The file says {self._architecture}.{key} = {value!r:.60}, which cannot be. Download it again."
            )
        return value
