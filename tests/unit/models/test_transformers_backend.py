"""The transformers back end on a random model that the test writes; needs torch, which `make setup` leaves out."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from pathlib import Path

import pytest

from covey.core.errors import ContextOverflow, UnusableModel
from covey.core.model import Sampling
from covey.models.backends.transformers import TransformersBackend
from support_models import CARD, HELLO, STRANGE, user, write_transformers_folder

INSTALLED = importlib.util.find_spec("torch") is not None and importlib.util.find_spec("transformers") is not None
with_torch = pytest.mark.skipif(
    not INSTALLED,
    reason="torch is not installed; run: pip install 'covey[dev,transformers]' && "
    "python -m pytest tests/unit/models/test_transformers_backend.py",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers_folder(tmp_path_factory.mktemp("random-llama"))


@with_torch
async def test_a_random_model_answers_and_its_tokens_are_counted(folder: Path) -> None:
    backend = TransformersBackend(folder)
    completion = await backend.complete(HELLO, None, Sampling(max_tokens=12))
    assert completion.usage.prefilled == await backend.count(HELLO)
    assert 1 <= completion.usage.generated <= 12
    assert completion.finish == ("length" if completion.usage.generated == 12 else "stop")
    assert (await backend.capabilities()).context == 2048
    await backend.aclose()
    await backend.aclose()


@with_torch
async def test_the_same_seed_gives_the_same_answer_and_another_seed_another(folder: Path) -> None:
    backend = TransformersBackend(folder)
    hot = Sampling(max_tokens=24, temperature=1.5, seed=7)
    first = await backend.complete(HELLO, None, hot)
    assert (await backend.complete(HELLO, None, hot)).text == first.text
    assert (await backend.complete(HELLO, None, hot.model_copy(update={"seed": 8}))).text != first.text
    await backend.aclose()


@with_torch
async def test_a_schema_is_shown_because_nothing_enforces_it(folder: Path) -> None:
    backend = TransformersBackend(folder)
    assert (await backend.capabilities()).schema_support == "none"
    free = await backend.complete(HELLO, None, Sampling(max_tokens=4))
    held = await backend.complete(HELLO, CARD, Sampling(max_tokens=4))
    assert held.usage.prefilled > free.usage.prefilled + 100
    await backend.aclose()


@with_torch
async def test_a_prompt_beyond_the_window_is_refused_with_numbers(folder: Path) -> None:
    backend = TransformersBackend(folder, context=256)
    with pytest.raises(ContextOverflow) as caught:
        await backend.complete(user("x" * 400), None, Sampling(max_tokens=4))
    assert caught.value.tokens > caught.value.context == 256
    with pytest.raises(ContextOverflow):
        await backend.complete(user(STRANGE["megabyte"]), None, Sampling(max_tokens=4))
    await backend.aclose()


@with_torch
async def test_cancelling_ends_the_thread_that_generates(folder: Path) -> None:
    backend = TransformersBackend(folder)
    whole = await backend.complete(HELLO, None, Sampling(max_tokens=8))  # loaded, so that only writing remains
    task = asyncio.create_task(backend.complete(HELLO, None, Sampling(max_tokens=1900, temperature=2.0)))
    while not any("_generate" in _names(t) for t in threading.enumerate()):  # noqa: ASYNC110 - a frame has no event
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any("_generate" in _names(thread) for thread in threading.enumerate())
    assert (await backend.complete(HELLO, None, Sampling(max_tokens=8))).text == whole.text
    await backend.aclose()


def _names(thread: threading.Thread) -> list[str]:
    import sys

    frame = sys._current_frames().get(thread.ident or 0)
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


@with_torch
async def test_a_control_token_in_a_message_stays_text(folder: Path) -> None:
    backend = TransformersBackend(folder)
    plain = await backend.count(user("im_end"))
    spelled = await backend.count(user("<|im_end|>"))
    assert spelled == plain + len("<||>")  # bytes, not one token
    await backend.aclose()


@with_torch
@pytest.mark.parametrize("content", ["", STRANGE["unicode"], STRANGE["NUL"], STRANGE["lone surrogate"]], ids=ascii)
async def test_strange_text_is_answered(folder: Path, content: str) -> None:
    backend = TransformersBackend(folder)
    completion = await backend.complete(user(content), None, Sampling(max_tokens=4, stop=("\x01",)))
    assert completion.finish in ("stop", "length")
    await backend.aclose()


@with_torch
async def test_a_folder_with_code_of_its_own_is_not_run(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    marker = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass C: pass\nclass M: pass\n")
    config = (tmp_path / "config.json").read_text()
    config = config.replace('"model_type": "llama"', '"model_type": "evil"').rstrip()
    config = config.removesuffix("}").rstrip() + (
        ', "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}'
    )
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(UnusableModel):
        await TransformersBackend(tmp_path).capabilities()
    assert not marker.exists()


def test_a_folder_without_safetensors_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"config\.json"):
        TransformersBackend(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UnusableModel, match="safetensors"):
        TransformersBackend(tmp_path)


@pytest.mark.skipif(INSTALLED, reason="only where torch is not installed")
async def test_without_the_extra_the_message_names_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    backend = TransformersBackend(tmp_path)
    with pytest.raises(UnusableModel, match=r"covey\[transformers\]"):
        await backend.capabilities()
    await backend.aclose()
