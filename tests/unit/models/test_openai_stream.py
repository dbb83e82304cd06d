"""Pure parts of the OpenAI-compatible back end: events to answers, names to models, words to windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from covey.core.errors import EngineError, UnusableModel
from covey.core.run import Usage
from covey.models import discovery, probe
from covey.models.chatstream import Collected, split_thoughts
from support_models import CARD, HELLO, user


def _delta(**delta: JsonValue) -> dict[str, JsonValue]:
    return {"choices": [{"index": 0, "delta": delta}]}


def _end(reason: JsonValue) -> dict[str, JsonValue]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


@pytest.mark.parametrize(
    ("text", "answer", "thoughts"),
    [
        ("plain", "plain", ""),
        ("<think>hm</think>\n\nyes", "yes", "hm"),
        ("\n<think>\nhm\n</think>yes", "yes", "hm"),
        ("<think>never ends", "", "never ends"),
        ("opened by the template</think>yes", "yes", "opened by the template"),
        ("say <think>x</think> literally", "say <think>x</think> literally", ""),
        ("  indented", "  indented", ""),
    ],
)
def test_thoughts_are_parted_from_the_answer(text: str, answer: str, thoughts: str) -> None:
    assert split_thoughts(text) == (answer, thoughts)


@given(st.text(), st.text(alphabet="ab c\n"))
def test_a_thinking_block_never_leaks_into_the_answer(answer: str, thoughts: str) -> None:
    text, inner = split_thoughts(f"<think>{thoughts}</think>{answer}")
    assert text == answer.lstrip("\r\n")
    assert inner == thoughts.strip()


def test_reasoning_fields_of_either_name_are_kept_apart() -> None:
    collected = Collected()
    for event in (_delta(reasoning_content="a"), _delta(reasoning="b"), _delta(content="x"), _end("stop")):
        collected.take(event)
    assert collected.answer() == ("x", "ab")
    assert collected.finish == "stop"


@pytest.mark.parametrize(("reason", "finish"), [("stop", "stop"), ("length", "length"), ("tool_calls", "stop")])
def test_ends_are_mapped(reason: str, finish: str) -> None:
    collected = Collected()
    collected.take(_end(reason))
    assert collected.finish == finish


@pytest.mark.parametrize(
    "event",
    [
        {"hello": 1},
        {"choices": "x"},
        {"choices": [1]},
        _delta(content=5),
        _end("content_filter"),
        _end(7),
        {"choices": None},
    ],
    ids=str,
)
def test_events_of_another_shape_are_errors(event: dict[str, JsonValue]) -> None:
    with pytest.raises(EngineError):
        Collected().take(event)


def test_tokens_are_the_servers_where_it_counts_and_the_estimates_where_not() -> None:
    collected = Collected()
    assert collected.counted(10, 3) == Usage(prefilled=10, generated=3)
    collected.take({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})
    assert collected.counted(10, 3) == Usage(prefilled=7, generated=2)
    collected.take(
        {"usage": {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 5}}}
    )
    assert collected.counted(10, 3) == Usage(prefilled=2, reused=5, generated=2)
    collected.take({"timings": {"prompt_n": 1, "cache_n": 6, "predicted_n": 2}})
    assert collected.counted(10, 3) == Usage(prefilled=1, reused=6, generated=2)


def test_numbers_that_are_none_are_not_believed() -> None:
    collected = Collected()
    collected.take({"choices": [], "usage": {"prompt_tokens": True, "completion_tokens": -4}})
    assert collected.counted(10, 3) == Usage(prefilled=10, generated=3)


def test_the_first_model_that_can_chat_is_used_unless_one_is_named() -> None:
    names = ["text-embedding-nomic", "qwen3:8b", "llama3:latest"]
    assert discovery.choose(names, None, "u") == "qwen3:8b"
    assert discovery.choose(names, "llama3:latest", "u") == "llama3:latest"
    assert discovery.choose(names, "llama3", "u") == "llama3:latest"


def test_an_unknown_name_gets_the_nearest_ones() -> None:
    with pytest.raises(UnusableModel, match=r"no model 'qwen3:8'.*nearest names are: qwen3:8b"):
        discovery.choose(["qwen3:8b", "zephyr"], "qwen3:8", "u")
    with pytest.raises(UnusableModel, match="It has: qwen3:8b, zephyr"):
        discovery.choose(["qwen3:8b", "zephyr"], "0", "u")
    with pytest.raises(UnusableModel, match="lists no model"):
        discovery.choose([], None, "u")


@pytest.mark.parametrize(
    ("entry", "context"),
    [
        ({"max_model_len": 32768}, 32768),
        ({"context_length": 8192, "max_context_length": 1}, 8192),
        ({"context_length": 0}, 0),
        ({"context_length": "8192"}, 0),
        ({"meta": {"n_ctx_train": 131072}}, 0),
    ],
)
def test_only_a_window_in_force_is_believed(entry: dict[str, JsonValue], context: int) -> None:
    assert discovery.context_in(entry) == context


def test_ollamas_parameters_and_llama_servers_properties_are_read() -> None:
    assert discovery.ollama_context({"parameters": 'stop "<|im_end|>"\nnum_ctx             16384\n'}) == 16384
    assert discovery.ollama_context({"parameters": "temperature 1", "model_info": {"x.context_length": 9}}) == 0
    assert discovery.props_context({"default_generation_settings": {"n_ctx": 2048}}) == 2048
    assert discovery.props_context({"default_generation_settings": 5}) == 0


def test_a_schema_is_shown_once() -> None:
    shown = probe.shown(HELLO, CARD)
    assert "colour" in shown[-1].content
    assert shown[-1].content.startswith("Say hello.")
    assert probe.shown(shown, CARD) == shown
    answered = [*HELLO, *[message.model_copy(update={"role": "assistant"}) for message in user("x")]]
    assert [message.role for message in probe.shown(answered, CARD)] == ["user", "assistant", "user"]


def test_probes_tell_held_schemas_from_luck() -> None:
    assert probe.holds_schema('{"probe":"kept","digit":7}')
    assert not probe.holds_schema('{"probe":"kept"}')
    assert probe.holds_object("{}")
    assert not probe.holds_object("[]")
    assert not probe.holds_object("```json\n{}\n```")
    assert "json" not in probe.SCHEMA_PROBE[0].content.lower()
    assert "JSON" in probe.OBJECT_PROBE[0].content
