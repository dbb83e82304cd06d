"""Which engine a setting opens, with which key, and who of a team gets which model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest

from covey.app.engines import _SEATS, NoEngine, Team, choose_engine, endpoint_backend, open_engines, plan_file
from covey.app.flocks import model_flock
from covey.app.measured import EngineCheck, measured_context, remember
from covey.coordination.flock import Modelled
from covey.core.errors import DoesNotFit, ReplayDivergence, UnusableModel
from covey.core.model import Capabilities, ChatMessage, Sampling
from covey.models import memory
from covey.models.backends.openai_compatible import OpenAICompatibleBackend
from covey.models.backends.openai_responses import OpenAIResponsesBackend
from covey.models.measure_advice import Advice
from covey.models.measure_report import EngineReport
from covey.models.memory import Gpu, MachineMemory
from covey.models.names import ModelEndpoint, ModelFile
from covey.settings import load_settings, model_key
from covey.testing.endpoint import Endpoint
from covey.testing.gguf import write_random

pytestmark = pytest.mark.requirement("A4", "A6", "C13", "D6")

QUIET = list[Any]().append


@pytest.fixture
def tiny(tmp_path: Path) -> ModelFile:
    return ModelFile(path=str(write_random(tmp_path / "tiny.gguf")), name="tiny")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("url", "variables", "key"),
    [
        ("https://llm.chutes.ai/v1", {"CHUTES_API_KEY": "c"}, "c"),
        ("https://llm.chutes.ai/v1", {"OPENAI_API_KEY": "o"}, None),
        ("https://llm.chutes.ai/v1", {"CHUTES_API_KEY": "c", "COVEY_MODEL_KEY": "m"}, "m"),
        ("https://api.openai.com/v1", {"OPENAI_API_KEY": "o"}, "o"),
        ("https://chutes.ai.evil.net/v1", {"CHUTES_API_KEY": "c"}, None),
        ("http://127.0.0.1:8080/v1", {"OPENAI_API_KEY": "o", "CHUTES_API_KEY": "c"}, None),
    ],
)
def test_a_key_goes_to_its_own_host_only(
    url: str, variables: dict[str, str], key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHUTES_API_KEY", "OPENAI_API_KEY", "COVEY_MODEL_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert model_key(url) == key


async def test_the_key_of_a_provider_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVEY_MODEL_KEY", "the-key")
    with Endpoint(["hello"], key="the-key") as endpoint:
        async with open_engines(load_settings(model=endpoint.url)) as engines:
            assert engines is not None
            async with engines.use("generator") as backend:
                said = await backend.complete((ChatMessage(role="user", content="Hi."),), None, Sampling())
    assert said.text == "hello"


def test_the_responses_api_is_spoken_to_its_own_host_or_when_asked_for() -> None:
    own = ModelEndpoint(url="https://api.openai.com/v1", model="some")
    other = ModelEndpoint(url="http://127.0.0.1:1/v1", model="some")
    assert isinstance(endpoint_backend(own, load_settings(), QUIET), OpenAIResponsesBackend)
    assert isinstance(endpoint_backend(other, load_settings(), QUIET), OpenAICompatibleBackend)
    assert isinstance(endpoint_backend(other, load_settings(api="responses"), QUIET), OpenAIResponsesBackend)
    assert isinstance(endpoint_backend(own, load_settings(api="chat"), QUIET), OpenAICompatibleBackend)
    with pytest.raises(UnusableModel, match="Say which model"):
        endpoint_backend(own.model_copy(update={"model": None}), load_settings(), QUIET)


def test_a_file_is_run_by_the_server_that_the_user_names_else_by_the_embedded_engine(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards: tuple[Gpu, ...] = ()
    monkeypatch.setattr(memory, "machine_memory", lambda: MachineMemory(total=1, available=1, gpus=cards))
    assert choose_engine(load_settings()) == ("embedded", "")
    server = program(programs, "llama-server")
    assert choose_engine(load_settings()) == ("embedded", "")
    assert choose_engine(load_settings(engine="llama-server")) == ("llama-server", str(server))
    cards = (Gpu(name="card", total=8 << 30, free=8 << 30),)
    assert choose_engine(load_settings()) == ("llama-server", str(server))
    assert choose_engine(load_settings(engine="embedded")) == ("embedded", "")
    cards = ()
    assert choose_engine(load_settings(llama_server=str(server))) == ("llama-server", str(server))
    with pytest.raises(UnusableModel, match="not a program"):
        choose_engine(load_settings(llama_server=str(programs / "gone")))
    server.unlink()
    with pytest.raises(UnusableModel, match="no llama-server"):
        choose_engine(load_settings(engine="llama-server"))


def test_a_file_is_planned_into_the_memory_of_the_settings(tiny: ModelFile) -> None:
    plan, spec = plan_file(tiny, load_settings(memory=1, threads=3, context=1024), "embedded")
    assert plan.total_bytes <= 1 << 30
    assert (spec.context, spec.threads, spec.gpu_layers, spec.name) == (1024, 3, 0, "tiny")
    with pytest.raises(DoesNotFit, match="does not fit"):
        plan_file(tiny, load_settings(memory=0.001), "embedded")


async def test_no_model_opens_nothing_and_a_replay_asks_nobody() -> None:
    async with open_engines(load_settings()) as engines:
        assert engines is None
    with pytest.raises(ReplayDivergence, match="generator"):
        NoEngine().use("generator")


class Lender:
    """A pool that says which model was asked for."""

    def use(self, name: str, *, context_key: str | None = None) -> AbstractAsyncContextManager[Any]:
        self.asked = (name, context_key)
        return cast("AbstractAsyncContextManager[Any]", self)


def test_each_role_of_a_team_has_its_seats_model_and_others_share_the_coders() -> None:
    pool = Lender()
    team = Team(cast("Any", pool), {"planner": "nemotron", "coder": "qwen", "reviewer": "devstral"})
    asked: Iterator[str] = iter(("generator", "planner", "critic", "stranger"))
    found = []
    for role in asked:
        team.use(role)
        found.append(pool.asked)
    assert found == [("qwen", "run"), ("nemotron", "run"), ("devstral", "run"), ("qwen", "run")]


def test_every_role_that_has_a_seat_is_one_that_asks_a_model() -> None:
    slots = vars(model_flock()).values()
    assert {slot.name for slot in slots if isinstance(slot, Modelled)} >= set(_SEATS)


def test_a_measured_window_is_used_from_then_on() -> None:
    settings = load_settings(model="http://127.0.0.1:1/v1")
    assert measured_context(settings) is None
    report = EngineReport(model="m", claimed=Capabilities(context=32_768))
    remember(settings, EngineCheck(measured=report, advice=Advice(seconds=300, usable=True, context=4096)))
    assert measured_context(settings) == 4096
    assert measured_context(load_settings(model="http://127.0.0.1:2/v1")) is None
    (path,) = (settings.home / "engines").iterdir()
    path.write_text("{")
    assert measured_context(settings) is None
