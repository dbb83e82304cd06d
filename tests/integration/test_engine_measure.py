"""Measuring real engines and real servers, honest ones and others."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.app.engines import open_local
from covey.models.backends.openai_compatible import OpenAICompatibleBackend
from covey.models.measure import measure
from covey.models.measure_advice import advise
from covey.models.spec import EngineSpec
from covey.testing.endpoint import Endpoint
from covey.testing.gguf import write_random

pytestmark = pytest.mark.requirement("F9")


async def test_the_embedded_engine_keeps_what_it_claims(tmp_path: Path) -> None:
    spec = EngineSpec(path=str(write_random(tmp_path / "random.gguf")), context=1024, threads=1)
    async with open_local(spec) as backend:
        report = await measure(backend, budget_s=300)
        advice = advise(report)

    assert report.usable
    assert (report.window.state, report.window.real, report.window.overflow) == ("ok", 1024, "typed")
    assert report.window.counted > 900
    assert (report.schema_answers.valid, report.actions.valid) == (5, 5)
    assert report.prefix.reused == report.prefix.of - 1
    assert report.speed.prefill_per_s > 0
    assert report.speed.decode_per_s > 0
    assert (advice.protocol, advice.edits, advice.context) == ("grammar", "lines", 1024)


async def test_a_server_that_cuts_prompts_at_4k_is_not_believed() -> None:
    with Endpoint(context=4096, truncates=True) as server:
        backend = OpenAICompatibleBackend(server.url, context=32_000)
        report = await measure(backend, budget_s=300)
        await backend.aclose()

    assert report.claimed is not None
    assert report.claimed.context == 32_000
    assert 2000 < report.window.real <= 4096
    assert advise(report).context <= 4096


async def test_a_server_that_ignores_schemas_gets_validated_answers() -> None:
    with Endpoint(schema="ignored", context=2048) as server:
        backend = OpenAICompatibleBackend(server.url, context=2048)
        report = await measure(backend, budget_s=300)
        await backend.aclose()

    assert report.schema_answers.state == "failed"
    assert report.window.overflow == "typed"
    assert (advise(report).protocol, advise(report).edits) == ("validate-and-retry", "search")


async def test_a_server_that_is_not_there_gives_a_report_that_says_so() -> None:
    with Endpoint() as server:
        url = server.url
    backend = OpenAICompatibleBackend(url)
    report = await measure(backend, budget_s=30)
    await backend.aclose()

    assert not report.usable
    assert url.rsplit(":", 1)[0] in report.error
    assert not advise(report).usable
