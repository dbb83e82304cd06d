"""A model folder in the format of Hugging Face, run by ``transformers`` in this process (extra ``transformers``).

For models that no other engine here loads. Only local files, only safetensors, never code from the model's folder.
Nothing keeps an answer inside a schema, and no prompt is reused: answers under a schema are for the caller to check.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from covey.core.errors import ContextOverflow, EngineError, EngineOutOfMemory, UnusableModel
from covey.core.model import Capabilities, ChatMessage, Completion, Sampling, Schema
from covey.core.run import Usage
from covey.models import probe
from covey.models.chatstream import split_thoughts
from covey.models.httperrors import clip, well_formed

_NO_WINDOW = 1 << 20  # tokenizers and configurations name a larger number where they know none


@dataclass(frozen=True)
class _Loaded:
    torch: Any
    transformers: Any
    tokenizer: Any
    model: Any
    context: int
    ends: frozenset[int]
    controls: tuple[str, ...]


@dataclass(frozen=True)
class _Generated:
    tokens: list[int]
    first_s: float


class TransformersBackend:
    """The model in ``model_path``, loaded when it is first used, on ``device`` (default: a GPU if torch has one).

    ``context`` lowers the window that the model's configuration names. One request runs at a time. Cancelling one
    waits until the token, or the prompt, that is being computed is done. Raises UnusableModel at once for a folder
    that holds no usable model, and when loading without the extra ``transformers``.
    """

    def __init__(self, model_path: str | Path, *, context: int | None = None, device: str | None = None) -> None:
        self._path = Path(model_path)
        self._context, self._device = context, device
        self._loaded: _Loaded | None = None
        self._lock = asyncio.Lock()
        if not (self._path / "config.json").is_file():
            raise UnusableModel(f"{self._path} holds no config.json. Give the folder of a downloaded model.")
        if not any(self._path.glob("*.safetensors")):
            raise UnusableModel(
                f"{self._path} holds no .safetensors file; other formats may run code when loaded. Convert the model."
            )

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._path.resolve().name

    async def capabilities(self) -> Capabilities:
        """Say what was loaded; loads it first. Raises UnusableModel, EngineError."""
        async with self._lock:
            loaded = await self._ready()
        return Capabilities(context=loaded.context, tokenizer=True, timings=True)

    async def count(self, prompt: Sequence[ChatMessage]) -> int:
        """Count with the model's tokenizer and chat template."""
        async with self._lock:
            loaded = await self._ready()
            return len(await asyncio.to_thread(_encode, loaded, prompt, thinking=False))

    async def complete(self, prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> Completion:
        """Answer ``prompt``; see :class:`covey.core.protocols.ModelBackend`. A schema is shown, not enforced."""
        shown = prompt if schema is None else probe.shown(prompt, schema)
        async with self._lock:
            loaded = await self._ready()
            tokens = await asyncio.to_thread(_encode, loaded, shown, thinking=sampling.thinking)
            if len(tokens) >= loaded.context:
                raise ContextOverflow(
                    f"The prompt has {len(tokens)} tokens and the window {loaded.context}. Shorten the prompt.",
                    tokens=len(tokens),
                    context=loaded.context,
                )
            start = time.monotonic()
            generated = await self._run(loaded, tokens, sampling)
            seconds = time.monotonic() - start
        text, finish = _text(loaded, generated.tokens, sampling)
        answer, reasoning = split_thoughts(text)
        return Completion(
            text=answer,
            finish=finish,
            usage=Usage(prefilled=len(tokens), generated=len(generated.tokens)),
            model=self.name,
            reasoning=reasoning,
            first_token_s=generated.first_s,
            duration_s=seconds,
        )

    async def aclose(self) -> None:
        """Forget the model and give its memory back."""
        async with self._lock:
            loaded, self._loaded = self._loaded, None
            if loaded is None:
                return
            torch = loaded.torch
            del loaded
            await asyncio.to_thread(gc.collect)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    async def _ready(self) -> _Loaded:
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(_load, self._path, self._context, self._device)
        return self._loaded

    async def _run(self, loaded: _Loaded, tokens: list[int], sampling: Sampling) -> _Generated:
        cancelled = threading.Event()
        work = asyncio.ensure_future(asyncio.to_thread(_generate, loaded, tokens, sampling, cancelled))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([work])
            raise


def _load(path: Path, context: int | None, device: str | None) -> _Loaded:
    try:
        torch: Any = importlib.import_module("torch")
        transformers: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise UnusableModel(
            "Model folders need the extra 'transformers': pip install 'covey[transformers]'. A GGUF file does without."
        ) from error
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(path), **local)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(path), use_safetensors=True, dtype="auto", **local
        )
        model = model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise EngineOutOfMemory(f"There is no memory to load {path}. Use a smaller model.") from error
    except Exception as error:  # the many libraries behind it share no error of their own
        raise UnusableModel(f"{path} cannot be loaded ({type(error).__name__}).", detail=clip(str(error))) from error
    if not tokenizer.chat_template:
        raise UnusableModel(f"The tokenizer in {path} has no chat template. Use a model made for instructions.")
    window = getattr(model.config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length
    window = int(window) if window <= _NO_WINDOW else 4096
    ends = model.generation_config.eos_token_id
    ends = frozenset(ends if isinstance(ends, list) else [ends]) | {tokenizer.eos_token_id}
    controls = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
    return _Loaded(
        torch=torch,
        transformers=transformers,
        tokenizer=tokenizer,
        model=model,
        context=min(window, context or window),
        ends=ends - {None},
        controls=tuple(sorted(controls, key=len, reverse=True)),
    )


def _encode(loaded: _Loaded, prompt: Sequence[ChatMessage], *, thinking: bool) -> list[int]:
    """Return the tokens of ``prompt``; what spells a control token inside a message stays text.

    Messages that spell none are tokenised in one go with the template, as the model was trained.
    """
    texts = [well_formed(message.content) for message in prompt]
    guarded = any(control in text for text in texts for control in loaded.controls)
    shown = [f"\ue000{index}\ue001" for index in range(len(texts))] if guarded else texts
    messages = [{"role": message.role, "content": text} for message, text in zip(prompt, shown, strict=True)]
    try:
        rendered = loaded.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, enable_thinking=thinking
        )
    except Exception as error:  # templates raise what they like
        raise EngineError("The model's chat template refused the prompt.", detail=clip(str(error))) from error
    pieces = re.split("\ue000([0-9]+)\ue001", rendered) if guarded else [rendered]
    tokens: list[int] = []
    for index, piece in enumerate(pieces):
        text = texts[int(piece)] if index % 2 else piece
        found = loaded.tokenizer(text, add_special_tokens=False, split_special_tokens=bool(index % 2))
        tokens += found["input_ids"]
    return tokens


def _generate(loaded: _Loaded, tokens: list[int], sampling: Sampling, cancelled: threading.Event) -> _Generated:
    start = time.monotonic()
    first: list[float] = []

    def stopped(_ids: object, _scores: object, **_more: object) -> bool:
        first.append(time.monotonic() - start)
        return cancelled.is_set()

    torch = loaded.torch
    prompt = torch.tensor([tokens], device=loaded.model.device)
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p} if sampling.temperature else {}
    stops = {"stop_strings": list(sampling.stop), "tokenizer": loaded.tokenizer} if sampling.stop else {}
    try:
        torch.manual_seed(sampling.seed)
        with torch.inference_mode():
            output = loaded.model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=min(sampling.max_tokens, loaded.context - len(tokens)),
                do_sample=bool(drawn),
                pad_token_id=min(loaded.ends, default=0),
                stopping_criteria=loaded.transformers.StoppingCriteriaList([stopped]),
                **drawn,
                **stops,
            )
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise EngineOutOfMemory("There is no memory for this prompt. Use a smaller model or context.") from error
    except (RuntimeError, ValueError, IndexError) as error:
        raise EngineError("The model failed while it wrote its answer.", detail=clip(str(error))) from error
    return _Generated(output[0, len(tokens) :].tolist(), first[0] if first else 0.0)


def _text(loaded: _Loaded, tokens: list[int], sampling: Sampling) -> tuple[str, Literal["stop", "length"]]:
    ended = bool(tokens) and tokens[-1] in loaded.ends
    text = loaded.tokenizer.decode(tokens, skip_special_tokens=True)
    for stop in sampling.stop:
        if stop in text:
            text, ended = text.split(stop, 1)[0], True
    return text, "stop" if ended else "length"
