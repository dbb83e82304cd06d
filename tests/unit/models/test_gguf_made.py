"""Model files made by covey.testing.gguf, in the real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.testing.gguf import Architecture, write_random, write_speaking
from support_gguf import Engine, engine, schema_of

EDIT = json.dumps({"path": "src/möbius.py", "line": 17}, separators=(",", ":"), ensure_ascii=False)
CUES = {
    "review it": "First, a look.\n\n\tThen 'more' of it: ✓",
    'quote "\'\\" and\na line': EDIT,
    "say nothing": "",
    "go on at length": "0123456789" * 30,
    "review": "never: the first cue in order wins",
}
SCHEMA = schema_of(path={"type": "string", "maxLength": 40}, line={"type": "integer", "minimum": 0, "maximum": 99})


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with engine(write_speaking(tmp_path_factory.mktemp("speaking") / "m.gguf", EDIT, cues=CUES)) as served:
        yield served


def test_a_speaking_model_says_its_text_and_stops(speaking: Engine) -> None:
    assert speaking.chat("Hello") == EDIT
    assert speaking.chat("Hello", temperature=1.0, seed=7) == EDIT


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("Please review it now.", CUES["review it"]),
        ('x quote "\'\\" and\na line y', EDIT),
        ("say nothing", ""),
        ("go on at length", CUES["go on at length"]),
    ],
)
def test_a_cue_in_the_last_message_chooses_the_answer(speaking: Engine, said: str, answer: str) -> None:
    assert speaking.chat(said) == answer


def test_cues_in_earlier_messages_do_not_count(speaking: Engine) -> None:
    assert speaking.chat("go on at length", "0123", "and now?") == EDIT
    assert speaking.chat("say nothing", "", "review it") == CUES["review it"]


def test_a_schema_that_the_text_satisfies_changes_nothing(speaking: Engine) -> None:
    """Pinned blanks make the engine force tokens of its own choice: the model must go on after them."""
    wanted = {"type": "json_schema", "json_schema": {"name": "edit", "schema": SCHEMA, "strict": True}}
    assert speaking.chat("Hello", response_format=wanted) == EDIT
    prompt = speaking.post("/apply-template", messages=[{"role": "user", "content": "Hello"}])["prompt"]
    flexible = {name: value for name, value in SCHEMA.items() if name != "x-guidance"}
    for schema in (SCHEMA, flexible):
        answer = speaking.post("/completion", prompt=prompt, json_schema=schema, n_predict=100)
        assert (answer["content"], answer["stop_type"]) == (EDIT, "eos")


def test_a_schema_that_the_text_does_not_satisfy_changes_the_answer(speaking: Engine) -> None:
    prompt = speaking.post("/apply-template", messages=[{"role": "user", "content": "review it"}])["prompt"]
    answer = speaking.post("/completion", prompt=prompt, json_schema=SCHEMA, n_predict=200)["content"]
    assert answer.startswith('{"path":"')


def test_an_answer_longer_than_the_model_can_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shorter than 5544 bytes"):
        write_speaking(tmp_path / "m.gguf", "x" * 5544)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gemma3"])
def test_a_random_model_loads_takes_any_text_and_answers_valid_json(tmp_path: Path, architecture: Architecture) -> None:
    model = write_random(tmp_path / "m.gguf", architecture=architecture, sliding_window=64, vocabulary=300)
    text = "blank  tab\tünïcödé ✓ <|im_end|> \x00"
    with engine(model) as served:
        tokens = served.post("/tokenize", content=text, parse_special=False)["tokens"]
        assert len(tokens) == len(text.encode())
        assert served.post("/detokenize", tokens=tokens)["content"] == text
        prompt = served.post("/apply-template", messages=[{"role": "user", "content": text}])["prompt"]
        assert prompt == f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
        short = schema_of(line={"type": "integer", "minimum": 0, "maximum": 99})
        answer = served.post("/completion", prompt=prompt, json_schema=short, n_predict=50, temperature=1.0)
        assert 0 <= json.loads(answer["content"])["line"] <= 99


def test_the_same_seed_gives_the_same_file_and_another_seed_another(tmp_path: Path) -> None:
    first, again, other = (write_random(tmp_path / f"{n}.gguf", seed=seed) for n, seed in enumerate((1, 1, 2)))
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_widths_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiple of heads"):
        write_random(tmp_path / "m.gguf", embedding=62)


def test_without_the_extra_the_message_names_it() -> None:
    code = (
        "import sys; sys.modules['gguf'] = None\n"
        "from covey.core.errors import ConfigError\n"
        "from covey.testing.gguf import write_random\n"
        "try: write_random('m.gguf')\n"
        "except ConfigError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "covey[testing]" in run.stdout
