"""``covey models`` as a user runs it: real processes, real files, a real engine, a loopback server."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest

from covey.testing.gguf import write_random, write_speaking
from support_cli import Answer, covey, environment
from support_download import CONTENT, Plan, serving

pytestmark = pytest.mark.requirement("D13")

PLAN_KEYS = {
    "weights_bytes", "kv_bytes", "compute_bytes", "total_bytes", "fits", "context", "kv_type", "gpu_layers",
}  # fmt: skip


async def run(*arguments: str, home: Path) -> Answer:
    """A command beside this test's own server."""
    return await asyncio.to_thread(lambda: covey("models", *arguments, home=home))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_the_list_is_one_json_object(own_home: Path) -> None:
    answer = covey("models", "list", "--memory", "8", "--json", home=own_home)
    assert (answer.code, answer.err) == (0, "")
    names = {row["model"]["name"]: row for row in answer.json["models"]}
    assert names["qwen2.5-coder-7b"]["fits"]
    assert not names["qwen3.6-27b"]["fits"]
    assert "breakingwind-128gb" in {row["profile"]["name"] for row in answer.json["profiles"]}
    assert answer.json["folder"] == str(own_home / "models")


def test_a_plan_has_the_numbers_and_explains_itself(tiny: Path, own_home: Path) -> None:
    answer = covey("models", "plan", str(tiny), "--memory", "1", "--context", "512", "--json", home=own_home)
    assert answer.code == 0, answer.err
    assert set(answer.json) >= PLAN_KEYS
    assert answer.json["fits"] is True
    assert answer.json["context"] == 512
    sizes = [answer.json[f"{part}_bytes"] for part in ("weights", "kv", "compute")]
    assert answer.json["total_bytes"] == sum(sizes)
    shown = covey("models", "plan", str(tiny), "--memory", "1", home=own_home)
    assert [word in shown.out for word in ("weights", "cache", "compute", "total", "It fits.")] == [True] * 5


def test_what_does_not_fit_ends_with_two_and_keeps_its_numbers(tiny: Path, own_home: Path) -> None:
    answer = covey("models", "plan", str(tiny), "--memory", "0.0001", "--json", home=own_home)
    assert answer.code == 2
    assert answer.json["fits"] is False
    assert set(answer.json) >= PLAN_KEYS
    assert answer.json["total_bytes"] > answer.json["memory_bytes"]
    assert "does not fit" in answer.json["error"]
    assert "does not fit" in answer.err
    estimate = covey("models", "plan", "qwen3.6-27b", "--memory", "8", "--json", home=own_home)
    assert (estimate.code, estimate.json["estimate"], estimate.json["fits"]) == (2, True, False)


def test_a_hostile_file_ends_with_two_and_one_json_object(tmp_path: Path, own_home: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 60)
    answer = covey("models", "plan", str(tmp_path / "bad.gguf"), "--memory", "8", "--json", home=own_home)
    assert answer.code == 2
    assert answer.json["fits"] is False
    assert "bad.gguf" in answer.json["error"]
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("memory", ["0", "-3"])
def test_memory_that_cannot_be_meant_ends_with_two(memory: str, tiny: Path, own_home: Path) -> None:
    answer = covey("models", "plan", str(tiny), f"--memory={memory}", "--json", home=own_home)
    assert answer.code == 2
    assert "more than 0" in answer.json["error"]


def test_an_unknown_name_is_answered_with_the_nearest(own_home: Path) -> None:
    answer = covey("models", "pull", "qwen2.5-codr", home=own_home)
    assert answer.code == 2
    assert re.search("Nearest: .*qwen2.5-coder", answer.err)


async def test_a_file_is_pulled_checked_and_used_by_its_name(own_home: Path) -> None:
    async with serving(Plan(cut=3000), Plan(linked=""), content=CONTENT) as server:
        answer = await run("pull", server.url, "--sha256", server.sha256, "--json", home=own_home)
    assert answer.code == 0, answer.err
    (file,) = answer.json["files"]
    assert (file["checked"], file["sha256"]) == ("given", server.sha256)
    assert (own_home / "models" / "model.gguf").read_bytes() == CONTENT
    assert "trying again in" in answer.err
    assert "done" in answer.err


async def test_a_wrong_checksum_ends_with_two_and_no_network_with_three(own_home: Path, tmp_path: Path) -> None:
    async with serving() as server:
        wrong = await run("pull", server.url, "--sha256", "0" * 64, "--to", str(tmp_path), "--json", home=own_home)
        url = server.url
    assert wrong.code == 2
    assert "not the right file" in wrong.json["error"]
    assert not (tmp_path / "model.gguf").exists()
    offline = await run("pull", url, home=own_home)
    assert offline.code == 3
    assert "seems to be offline" in offline.err
    assert "Traceback" not in offline.err


async def test_an_interrupted_pull_goes_on_with_the_same_command(own_home: Path) -> None:
    async with serving(Plan(cut=5000), Plan(hang=True)) as server:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "covey", "models", "pull", server.url, env=environment(own_home),
            stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        while len(server.requests) < 2:
            server.arrived.clear()
            await asyncio.wait_for(server.arrived.wait(), 60)
        child.send_signal(signal.SIGINT)
        await asyncio.wait_for(child.communicate(), 60)
        assert child.returncode == 130
        assert (own_home / "models" / "model.gguf.part").stat().st_size == 5000
        server.plans = [Plan()]
        answer = await run("pull", server.url, "--json", home=own_home)
    assert answer.json["files"][0]["resumed"] == 5000
    assert (own_home / "models" / "model.gguf").read_bytes() == CONTENT


async def test_a_served_model_answers_with_its_key_only_and_ends_with_ctrl_c(own_home: Path, tmp_path: Path) -> None:
    model = write_speaking(tmp_path / "speaks.gguf", "hello from covey")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "covey", "models", "serve", str(model), "--context", "1024", env=environment(own_home),
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stderr is not None
    said: dict[str, str] = {}
    async with asyncio.timeout(90):
        while "OPENAI_API_KEY" not in said:
            line = (await child.stderr.readline()).decode()
            assert line, "it ended before it served"
            if match := re.fullmatch(r"export (\w+)=(\S+)\n", line):
                said[match[1]] = match[2]
    url = said["OPENAI_BASE_URL"]
    assert url.startswith("http://127.0.0.1:")
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 60}
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        refused = await client.post(f"{url}/chat/completions", json=body)
        key = {"Authorization": f"Bearer {said['OPENAI_API_KEY']}"}
        answered = await client.post(f"{url}/chat/completions", json=body, headers=key)
    assert refused.status_code == 401
    assert answered.json()["choices"][0]["message"]["content"] == "hello from covey"
    port = int(url.removesuffix("/v1").rsplit(":", 1)[1])
    taken = await run("serve", str(model), "--port", str(port), home=own_home)
    assert taken.code == 2
    assert f"Port {port} of 127.0.0.1 is in use" in taken.err
    child.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(child.communicate(), 60)
    assert (child.returncode, out) == (0, b"")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "nothing listens any more"


async def test_serving_what_is_no_file_or_does_not_fit_is_said(own_home: Path, tiny: Path) -> None:
    missing = await run("serve", "qwen3-8b", home=own_home)
    assert missing.code == 2
    assert "covey models pull qwen3-8b" in missing.err
    small = await run("serve", str(tiny), "--memory", "0.0001", home=own_home)
    assert small.code == 2
    assert "does not fit" in small.err
