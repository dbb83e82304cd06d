"""How models, plans and downloads are shown."""

from __future__ import annotations

import io
from typing import Any

import pytest

from covey.app.modelplan import PlanReport, PlanRow
from covey.app.models import Serving, list_models
from covey.cli.render_models import (
    PlainWatcher,
    eta_words,
    fetch_observer,
    fetch_words,
    memory_words,
    render_listing,
    render_plan,
    render_pulled,
    render_serving,
    size_words,
    tokens_words,
)
from covey.models.spec import EngineSpec
from covey.models.transfer import Fetch, Pulled
from covey.settings import Settings


class Terminal(io.StringIO):
    """A terminal that wants colour."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(render: Any, value: object) -> str:
    stream = io.StringIO()
    render(value, stream)
    return stream.getvalue()


def test_numbers_are_written_in_units_that_people_read() -> None:
    assert [size_words(size) for size in (0, 999, 1500, 4_683_073_536)] == ["0 B", "999 B", "1.5 kB", "4.7 GB"]
    assert [memory_words(size) for size in (12, 1 << 20, 6 << 30)] == ["12 B", "1.00 MiB", "6.00 GiB"]
    assert [tokens_words(count) for count in (500, 8192, 10000)] == ["500", "8k", "10000"]
    assert [eta_words(seconds) for seconds in (3, 75, 7300, 1e9)] == ["3 s", "1 min 15 s", "2 h 1 min", "99 h 0 min"]


def test_the_listing_shows_size_licence_fit_and_what_is_there() -> None:
    settings = Settings()
    settings.models_dir.mkdir(parents=True)
    (settings.models_dir / "qwen2.5-coder-7b-instruct-q4_k_m.gguf").write_bytes(b"GGUF")
    (settings.models_dir / "my-own.gguf").write_bytes(b"GGUF")
    text = shown(render_listing, list_models(settings, 8))
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert lines["qwen2.5-coder-7b"].split() == [
        "qwen2.5-coder-7b", "7.6B", "Q4_K_M", "4.7", "GB", "32k", "from", "8gb", "Apache-2.0", "yes", "yes",
    ]  # fmt: skip
    assert lines["qwen3.6-27b"].split()[-2:] == ["no", "-"]
    assert lines["8gb"].split() == ["8gb", "qwen2.5-coder-7b", "yes", "yes"]
    assert "Other files there: my-own" in text
    assert "~5.5 GB" in lines["ornith-1.5-9b"]


def plan(**more: Any) -> PlanReport:
    facts: dict[str, Any] = {
        "model": "m", "path": "/x/m.gguf", "memory_bytes": 8 << 30, "weights_bytes": 4 << 30, "kv_bytes": 1 << 30,
        "compute_bytes": 1 << 28, "total_bytes": (5 << 30) + (1 << 28), "fits": True, "context": 8192, "kv_type": "f16",
        "gpu_layers": 28, "rows": (
            PlanRow(what="weights", bytes=4 << 30, why="291 tensors"),
            PlanRow(what="total", bytes=(5 << 30) + (1 << 28), why="of 8.00 GiB allowed"),
        ),
    }  # fmt: skip
    return PlanReport.model_validate({**facts, **more})


def test_a_plan_explains_each_row_and_the_total() -> None:
    text = shown(render_plan, plan())
    assert "weights  4.00 GiB  291 tensors" in text
    assert "total    5.25 GiB  of 8.00 GiB allowed" in text
    assert "context 8192 tokens x 1, KV cache f16, 28 layers on the GPU" in text
    assert text.endswith("It fits.\n")


def test_a_plan_without_numbers_shows_nothing_beside_its_error() -> None:
    assert not shown(render_plan, PlanReport(model="x.gguf", memory_bytes=1, error="unreadable"))


@pytest.mark.parametrize(
    ("checked", "words"), [("given", "expected"), ("hub", "hub states"), ("none", "nobody stated")]
)
def test_a_download_says_against_what_it_was_checked(checked: Any, words: str) -> None:
    pulled = Pulled(path="/m.gguf", size=2_000_000, sha256="ab" * 32, checked=checked, resumed=1_000_000)
    text = shown(render_pulled, pulled)
    assert words in text
    assert "2.0 MB, 1.0 MB of it from an earlier download" in text
    assert "ab" * 32 in text


def test_a_served_model_is_shown_in_a_form_that_can_be_pasted() -> None:
    served = Serving(url="http://127.0.0.1:8080/v1", key="k-1", spec=EngineSpec(path="/m/tiny.gguf"))
    lines = shown(render_serving, served).splitlines()
    assert lines[1:] == ["export OPENAI_BASE_URL=http://127.0.0.1:8080/v1", "export OPENAI_API_KEY=k-1"]
    assert lines[0].startswith("tiny is served: 1 slot(s) of 8192 tokens")
    assert "k-1" not in repr(served)


def test_progress_is_words_where_there_is_no_terminal() -> None:
    stream, now = io.StringIO(), [0.0]
    watch = PlainWatcher(stream, lambda: now[0])
    for second in range(12):
        now[0] = float(second)
        watch(Fetch(state="fetching", done=second * 10**6, total=10**8, rate=1e6, eta_s=100.0 - second))
    watch(Fetch(state="waiting", message="cut; trying again in 1 s \x1b[31m"))
    watch(Fetch(state="done", done=10**8, total=10**8))
    lines = stream.getvalue().splitlines()
    assert lines[:3] == [
        "0 B of 100.0 MB, 1.0 MB/s, 1 min 40 s left",
        "5.0 MB of 100.0 MB, 1.0 MB/s, 1 min 35 s left",
        "10.0 MB of 100.0 MB, 1.0 MB/s, 1 min 30 s left",
    ]
    assert lines[3].startswith("cut; trying again")
    assert "\x1b" not in lines[3]
    assert lines[4:] == ["100.0 MB of 100.0 MB: done"]


def test_a_reader_that_has_gone_does_not_end_a_download() -> None:
    stream = io.StringIO()
    with fetch_observer(stream) as watch:
        stream.close()
        watch(Fetch(state="done", done=1, total=1))


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    with fetch_observer(stream) as watch:
        watch(Fetch(state="fetching", done=5 * 10**6, total=10**7))
        watch(Fetch(state="waiting", done=5 * 10**6, total=10**7, message="[bold]cut[/bold]"))
    assert "5.0/10.0 MB" in stream.getvalue()
    assert "[bold]cut[/bold]" in stream.getvalue()


def test_words_for_each_state_of_a_download() -> None:
    assert fetch_words(Fetch(state="checking")) == "asking for the file"
    assert fetch_words(Fetch(state="checking", done=5)) == "looking at what is there already"
    assert fetch_words(Fetch(state="fetching", done=1000)) == "1.0 kB"
