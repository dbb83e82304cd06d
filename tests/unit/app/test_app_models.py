"""Listing, pulling and planning models, without a terminal."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest

from covey.app.modelplan import check_memory, engine_plan, gpu_budget, plan_model
from covey.app.models import check_port, list_models, machine_gb, pull_models
from covey.core.errors import ConfigError, DoesNotFit, UnusableModel
from covey.models.catalogue import load_catalogue
from covey.models.memory import Gpu, MachineMemory
from covey.models.names import ModelFile
from covey.settings import Settings
from covey.testing.gguf import write_random
from support_download import CONTENT, serving


@pytest.fixture
def settings(own_home: Path) -> Settings:
    return Settings(home=own_home)


@pytest.mark.parametrize("gigabytes", [0, -1, 1e9, float("inf"), float("nan")])
def test_memory_that_cannot_be_meant_is_refused(gigabytes: float, settings: Settings) -> None:
    with pytest.raises(ConfigError, match="more than 0 and at most"):
        check_memory(gigabytes)
    with pytest.raises(ConfigError):
        list_models(settings, gigabytes)
    with pytest.raises(ConfigError):
        plan_model("qwen3-8b", settings, memory_gb=gigabytes)


def test_the_listing_says_what_fits_and_where_the_memory_is_from(settings: Settings) -> None:
    given = list_models(settings, 24)
    assert (given.memory_from, given.memory_gb) == ("given", 24)
    assert all(row.fits for row in given.models)
    small = list_models(settings, 2)
    assert [row.model.name for row in small.models if row.fits] == ["qwen2.5-coder-1.5b"]
    assert list_models(settings, None).memory_from.startswith("measured")
    assert not any(row.downloaded for row in given.models)
    assert not any(row.downloaded for row in given.profiles)


def test_a_machine_counts_by_its_largest_card_or_its_memory() -> None:
    cards = (Gpu(name="small", total=8 << 30, free=6 << 30), Gpu(name="large", total=24 << 30, free=20 << 30))
    assert machine_gb(MachineMemory(total=64 << 30, available=0, gpus=cards)) == (24, "measured: large")
    assert machine_gb(MachineMemory(total=24 << 30, available=0, unified=True))[0] == 16
    assert machine_gb(MachineMemory(total=24 << 30, available=0)) == (24, "measured: RAM, no GPU found")
    assert gpu_budget(9 << 30, MachineMemory(total=64 << 30, available=0, gpus=cards)) == 9 << 30
    assert gpu_budget(90 << 30, MachineMemory(total=64 << 30, available=0, gpus=cards)) == 26 << 30
    assert gpu_budget(9 << 30, MachineMemory(total=64 << 30, available=0, unified=True)) is None
    assert gpu_budget(9 << 30, MachineMemory(total=64 << 30, available=0)) == 0


async def test_a_model_of_the_catalogue_comes_from_a_mirror_and_is_checked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = load_catalogue().get("qwen3-8b")
    made = entry.model_copy(update={"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()})
    whole = load_catalogue()
    models = tuple(made if model.name == made.name else model for model in whole.models)
    changed = whole.model_copy(update={"models": models})
    monkeypatch.setattr("covey.app.models.load_catalogue", lambda: changed)
    async with serving() as server:
        hub = server.url.rsplit("/", 1)[0]
        (pulled,) = await pull_models("Qwen3", settings, hub=hub)
        assert server.requests[0][0].endswith(f"/resolve/{entry.revision}/Qwen3-8B-Q4_K_M.gguf")
    assert pulled.checked == "given"
    assert Path(pulled.path) == settings.models_dir / "Qwen3-8B-Q4_K_M.gguf"
    assert next(row for row in list_models(settings, 8).models if row.model.name == "qwen3-8b").downloaded


async def test_what_the_hub_has_now_is_not_what_the_catalogue_knows(settings: Settings) -> None:
    async with serving() as server:
        with pytest.raises(UnusableModel, match=r"has 10244 bytes, expected 5027783488"):
            await pull_models("qwen3-8b", settings, hub=server.url.rsplit("/", 1)[0])
    assert list(settings.models_dir.glob("*")) == []


async def test_a_file_is_pulled_by_its_address_into_a_folder(settings: Settings, tmp_path: Path) -> None:
    async with serving() as server:
        (pulled,) = await pull_models(server.url, settings, to=tmp_path / "there", sha256=server.sha256)
    assert Path(pulled.path).read_bytes() == CONTENT
    assert Path(pulled.path).parent == tmp_path / "there"


@pytest.mark.parametrize(
    "url",
    ["https://host/", "https://host/model.bin", "https://host/.gguf",
     "https://host/a%00.gguf", "https://host/a%20b.gguf", "ftp://host/m.gguf"],
)  # fmt: skip
async def test_an_address_without_a_plain_file_name_is_refused(url: str, settings: Settings) -> None:
    with pytest.raises(UnusableModel):
        await pull_models(url, settings)


async def test_an_unknown_name_is_answered_with_the_nearest(settings: Settings) -> None:
    with pytest.raises(UnusableModel, match=r"Nearest: .*qwen2.5-coder-7b"):
        await pull_models("qwen2.5-coder-7", settings)


async def test_one_checksum_cannot_be_that_of_a_team(settings: Settings) -> None:
    with pytest.raises(UnusableModel, match="4 models"):
        await pull_models("breakingwind-128gb", settings, sha256="0" * 64)


def test_an_estimate_takes_the_recommended_context_or_less(settings: Settings) -> None:
    roomy = plan_model("qwen2.5-coder-7b", settings, memory_gb=8)
    assert (roomy.fits, roomy.estimate, roomy.context, roomy.kv_type) == (True, True, 16384, "f16")
    assert roomy.weights_bytes == 4_683_073_536
    assert roomy.kv_bytes == 16384 * 56 * 1024
    assert roomy.total_bytes == sum(row.bytes for row in roomy.rows if row.what != "total")
    tight = plan_model("qwen2.5-coder-7b", settings, memory_gb=5)
    assert tight.fits
    assert (tight.context, tight.kv_type) == (8192, "q8_0")


def test_an_estimate_that_does_not_fit_has_numbers_and_says_what_would(settings: Settings) -> None:
    report = plan_model("qwen3.6-27b", settings, memory_gb=8)
    assert not report.fits
    assert report.total_bytes
    assert "In that memory fits qwen3.5-9b" in report.error
    assert "No model of the catalogue fits" in plan_model("qwen3.6-27b", settings, memory_gb=0.5).error


def test_an_estimate_without_a_known_cache_says_so(settings: Settings) -> None:
    report = plan_model("ornith", settings, memory_gb=8)
    assert report.kv_bytes is None
    assert any("not known" in note for note in report.notes)


def test_a_context_beyond_the_models_own_does_not_fit(settings: Settings) -> None:
    report = plan_model("gemma2", settings, memory_gb=100, context=16384)
    assert not report.fits
    assert "8192 tokens at most" in report.error


@pytest.mark.parametrize(
    "more", [{"context": 0}, {"context": -5}, {"context": 1 << 40}, {"parallel": 0}, {"parallel": 65}]
)
def test_numbers_out_of_range_are_refused(more: dict[str, Any], settings: Settings) -> None:
    with pytest.raises(ConfigError, match="give"):
        plan_model("qwen3-8b", settings, memory_gb=8, **more)


def test_an_unknown_type_of_cache_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="f16, q8_0, q4_0"):
        plan_model("qwen3-8b", settings, memory_gb=8, kv_type="f32")


def test_a_port_in_use_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="is in use"):
            check_port(taken.getsockname()[1])
    check_port(0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("gguf") / "tiny.gguf", context=4096)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plans here are those of a machine without a GPU, wherever they run."""
    machine = MachineMemory(total=64 << 30, available=32 << 30)
    monkeypatch.setattr("covey.app.modelplan.machine_memory", lambda: machine)


def test_layers_go_to_a_card_where_there_is_one(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Gpu(name="card", total=8 << 30, free=8 << 30)
    machine = MachineMemory(total=64 << 30, available=32 << 30, gpus=(card,))
    monkeypatch.setattr("covey.app.modelplan.machine_memory", lambda: machine)
    for kind in (None, "f16"):
        report = plan_model(str(tiny), settings, memory_gb=1, kv_type=kind)
        assert report.gpu_layers == 3
        assert any("llama-server" in note for note in report.notes)
    assert engine_plan(ModelFile(path=str(tiny), name="m"), 1 << 30, context=None, parallel=None).gpu_layers == 0


def test_cards_and_ram_together_stay_inside_the_memory_allowed(tiny: Path) -> None:
    source = ModelFile(path=str(tiny), name="mine")
    for memory in (9 << 20, 12 << 20, 64 << 20):
        for gpu in (0, 1 << 20, memory // 2, memory):
            plan = engine_plan(source, memory, gpu=gpu)
            assert plan.total_bytes <= memory
            assert plan.gpu_bytes <= gpu
    assert engine_plan(source, 64 << 20, gpu=64 << 20).gpu_layers > 0


def test_a_file_is_planned_from_its_own_header(tiny: Path, settings: Settings) -> None:
    report = plan_model(str(tiny), settings, memory_gb=1)
    assert (report.fits, report.estimate, report.error) == (True, False, "")
    assert report.weights_bytes is not None
    assert 0 < report.weights_bytes < tiny.stat().st_size
    assert report.total_bytes == report.weights_bytes + (report.kv_bytes or 0) + (report.compute_bytes or 0)
    assert (report.context, report.kv_type, report.gpu_layers) == (4096, "f16", 0)
    assert {"weights", "cache", "compute", "total"} <= {row.what for row in report.rows}


def test_slots_context_and_cache_type_are_taken_as_given(tiny: Path, settings: Settings) -> None:
    one = plan_model(str(tiny), settings, memory_gb=1, context=1024, kv_type="f16")
    four = plan_model(str(tiny), settings, memory_gb=1, context=1024, parallel=4, kv_type="f16")
    assert (four.context, four.parallel, four.kv_type) == (1024, 4, "f16")
    assert four.kv_bytes == 4 * (one.kv_bytes or 0)


def test_a_budget_too_small_keeps_the_numbers_and_says_what_would_fit(tiny: Path, settings: Settings) -> None:
    report = plan_model(str(tiny), settings, memory_gb=0.0005)
    assert not report.fits
    assert report.total_bytes is not None
    assert report.total_bytes > report.memory_bytes
    assert "does not fit" in report.error
    for kind in ("f16", None):
        huge = plan_model(str(tiny), settings, memory_gb=0.1, context=1 << 24, kv_type=kind)
        assert not huge.fits
        assert huge.context == 1 << 24
        assert huge.error


def test_a_downloaded_model_is_planned_from_its_file(tiny: Path, settings: Settings) -> None:
    settings.models_dir.mkdir(parents=True)
    load_catalogue().get("qwen3-8b").path(settings.models_dir).write_bytes(tiny.read_bytes())
    report = plan_model("qwen3-8b", settings, memory_gb=1)
    assert not report.estimate
    assert report.fits


@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>", b"GGUF" + b"\xff" * 64, None])
def test_a_file_that_cannot_be_read_is_a_report_with_the_reason(
    content: bytes | None, tiny: Path, tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(tiny.read_bytes()[:2000] if content is None else content)
    report = plan_model(str(path), settings, memory_gb=1)
    assert not report.fits
    assert report.total_bytes is None
    assert str(path) in report.error


def test_a_file_that_is_missing_is_a_report_and_an_address_an_error(settings: Settings) -> None:
    assert "There is no file" in plan_model("nowhere.gguf", settings, memory_gb=1).error
    for what in ("http://127.0.0.1:1/v1", "none"):
        with pytest.raises(UnusableModel, match="not one model file"):
            plan_model(what, settings, memory_gb=1)


def test_an_engine_gets_what_was_asked_for_or_what_fits(tiny: Path) -> None:
    source = ModelFile(path=str(tiny), name="mine", context=4096, parallel=2)
    spec = engine_plan(source, 1 << 30).to_spec(source.path)
    assert (spec.path, spec.context, spec.parallel) == (str(tiny), 4096, 2)
    assert engine_plan(source, 1 << 30, context=512, parallel=1).context == 512
    greedy = ModelFile(path=str(tiny), name="mine", context=1 << 20)
    assert engine_plan(greedy, 16 << 20, context=None, parallel=None).context <= 4096
    with pytest.raises(DoesNotFit):
        engine_plan(source, 16 << 20, context=1 << 20, parallel=None)
