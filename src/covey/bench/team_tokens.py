"""What the team's words cost: ``python -m covey.bench.team_tokens [--json FILE]``.

Three tables in one run. *Policies*: one repository and one scripted model, tokens as an engine with a prefix cache
counts them (four bytes a token), seconds of the model by a simulated clock. *Trajectory*: twelve fixed steps of four
roles on the shared ledger, and what the same twelve would cost if every role began with a prompt of its own.
*Steps*: processor time and bytes written of a step beside the model, at several lengths, for Covey and for
mini-swe-agent, both on the same loopback server and the same observations. mini-swe-agent is installed by pip into a
folder of its own below ``--cache``; where it cannot be had, the table says so and holds no figure for it.

Exit codes: 0 done, 2 the command cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from covey.agents.desk import ModelDesk, Question
from covey.app.engines import OneEngine
from covey.bench.team_cases import BARCODES
from covey.bench.team_hostile import one_run
from covey.bench.team_peer import PEER, install_peer, peer_environment
from covey.bench.team_steps import ANSWER, OBSERVATION, PROBLEM, Look
from covey.coordination.policies import POLICIES
from covey.core.model import Capabilities, ChatMessage, Sampling, Schema
from covey.core.run import Usage
from covey.settings import load_settings, search_path
from covey.testing.endpoint import Endpoint, Request
from covey.testing.hostile import Asked
from covey.testing.models import ScriptedBackend

PREFILL_S, DECODE_S = 1 / 1_500, 1 / 40
"""Seconds for a token read and for one written: a small model on a laptop."""
LENGTHS = (20, 100, 200)
WRONG = (
    "    return sum(place * int(digit) for place, digit in enumerate(code, 1)) % 97",
    "    return sum(place * int(digit) for place, digit in enumerate(reversed(code))) % 97",
)
"""What the scripted model writes before it gets it right."""
ROLES = ("requirements", "planner", "localiser", "generator") * 3


def scripted_coder() -> ScriptedBackend:
    """Return a model that writes two wrong edits, then the right one, and answers all else as its schema allows."""
    import random

    luck = random.Random(7)  # noqa: S311 - a script
    lines = iter(WRONG)

    def script(prompt: Sequence[ChatMessage], schema: Schema | None, sampling: Sampling) -> str:  # noqa: ARG001
        if schema is not None and '"edits"' in json.dumps(schema):
            line = next(lines, None)
            return BARCODES.answer(line or "")
        return Asked(prompt, schema, luck, 0).filled(lambda: "The sum must weigh each digit.", yes=True)

    able = Capabilities(
        context=32_768, schema_support="grammar", grammar="llguidance", tokenizer=True, timings=True, parallel=1
    )
    return ScriptedBackend(script, capabilities=able, prefill_s=PREFILL_S, decode_s=DECODE_S)


async def policies(folder: Path) -> list[dict[str, Any]]:
    """Run every policy once on the same repository with the same script."""
    rows = []
    for name in POLICIES:
        backend = scripted_coder()
        settings = load_settings(
            home=folder / "home", python=sys.executable, budget=120, drafts=1, workers=1, policy=name, model="scripted",
            candidates=200, plausible=1,
        )  # fmt: skip
        report, seconds, error = await one_run(BARCODES, OneEngine(backend), settings, folder / name)
        used = sum((call.completion.usage for call in backend.calls), Usage())
        sizes = [call.completion.usage.prefilled + call.completion.usage.reused for call in backend.calls]
        rows.append(
            {
                "policy": name,
                "status": report.status.value if report else error,
                "calls": len(backend.calls),
                **used.model_dump(),
                "reused_percent": _percent(used),
                "first_prompt": sizes[0] if sizes else 0,
                "longest_prompt": max(sizes, default=0),
                "model_s": round(backend.elapsed_s, 1),
                "wall_s": round(seconds, 1),
            }
        )
    return rows


async def trajectory() -> list[dict[str, Any]]:
    """Twelve steps of four roles: on one ledger, and each role with a prompt of its own."""

    def backend() -> ScriptedBackend:
        return ScriptedBackend(lambda *_: ANSWER, prefill_s=PREFILL_S, decode_s=DECODE_S)

    shared, apart = backend(), backend()
    one = _desk(shared)
    own = {role: _desk(apart) for role in dict.fromkeys(ROLES)}
    for number, role in enumerate(ROLES):
        question = Question(note=f"Role: {role}. Step {number}: what next?", answer=Look)
        if number:
            one.observe("tester", OBSERVATION)
            for desk in own.values():  # each role reads what happened, in its own prompt
                desk.observe("tester", f"[{role}] {OBSERVATION}")
        await one.ask(role, question)
        apart._cached.clear()  # one slot: the role before has taken the cache
        await own[role].ask(role, question)
    rows = []
    for name, used in (("one ledger, roles appended", shared), ("a prompt for each role, one slot", apart)):
        usage = sum((call.completion.usage for call in used.calls), Usage())
        rows.append(
            {
                "how": name,
                "calls": len(used.calls),
                **usage.model_dump(),
                "reused_percent": _percent(usage),
                "model_s": round(used.elapsed_s, 1),
            }
        )
    return rows


def _desk(backend: ScriptedBackend) -> ModelDesk:
    return ModelDesk(OneEngine(backend), PROBLEM, 10**9, lambda: 600.0)


def _percent(used: Usage) -> int:
    return round(100 * used.reused / max(1, used.reused + used.prefilled))


async def steps(cache: Path) -> dict[str, Any]:
    """Processor time of steps, for Covey and for its peer, on one server."""
    peer, why = await asyncio.to_thread(install_peer, cache)

    def say(request: Request) -> str:
        return ANSWER if request.schema else PEER_SAYS

    rows: list[dict[str, Any]] = []
    with Endpoint(say) as server, tempfile.TemporaryDirectory(prefix="covey-peer-") as scratch:
        for length in LENGTHS:
            own = [sys.executable, "-m", "covey.bench.team_steps", "--steps", str(length)]
            rows.append({"who": "covey, stub in process", **await _child(own)})
            rows.append({"who": "covey, over HTTP", **await _child([*own, "--url", server.url])})
            if peer is None:
                continue
            for kind, url in (("deterministic model", ""), ("litellm over HTTP", server.url)):
                words = [str(peer), "-c", PEER, str(length), url, scratch]
                rows.append({"who": f"mini-swe-agent, {kind}", **await _child(words, peer_environment(Path(scratch)))})
    return {"peer": why, "rows": rows, "first": await _first_requests(peer)}


async def _first_requests(peer: Path | None) -> list[dict[str, Any]]:
    """Seconds from the start of a process until it asks the model, and how long that first prompt is."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="covey-first-") as name:
        folder = Path(name)
        BARCODES.write(folder / "barcodes")
        own = [sys.executable, "-m", "covey", "run", BARCODES.problem, "--repo", str(folder / "barcodes"), "--json"]
        variables = {"COVEY_HOME": str(folder / "home"), "COVEY_PYTHON": sys.executable, "PATH": search_path()}
        commands = [("covey run", [*own, "--budget", "20", "--model"], variables)]
        if peer is not None:
            commands.append(("mini-swe-agent", [str(peer), "-c", PEER, "1"], peer_environment(folder)))
        for who, words, variables in commands:
            with Endpoint(lambda request: ANSWER if request.schema else PEER_SAYS) as server:
                started = time.monotonic()
                arrivals = _watch(server)
                await _child(
                    [*words, server.url, *([str(folder)] if who != "covey run" else [])], variables, json_out=False
                )
                asked = server.asked()
            rows.append(
                {
                    "who": who,
                    "any_request_s": round(arrivals["any"] - started, 2) if "any" in arrivals else None,
                    "first_prompt_s": round(arrivals["task"] - started, 2) if "task" in arrivals else None,
                    "first_prompt_tokens": server.tokens(asked[0].prompt) if asked else None,
                }
            )
    return rows


def _watch(server: Endpoint) -> dict[str, float]:
    """When the first request came, and the first that is about the task."""
    arrivals: dict[str, float] = {}

    class Requests(list[Request]):
        def append(self, request: Request) -> None:
            arrivals.setdefault("any", time.monotonic())
            super().append(request)
            if "task" not in arrivals and server.asked():
                arrivals["task"] = time.monotonic()

    server.requests = Requests()
    return arrivals


async def _child(
    words: Sequence[str], variables: dict[str, str] | None = None, *, json_out: bool = True
) -> dict[str, Any]:
    """Run a child to its end; its last line is one JSON object."""
    done = await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, check=False, env=variables, timeout=600
    )
    if not json_out:
        return {}
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"failed": done.stderr.strip()[-300:]}
    assert isinstance(found, dict)
    return found


PEER_SAYS = "THOUGHT: look at the next file.\n\n```mswea_bash_command\ncat observation.txt\n```"
"""What the server says to mini-swe-agent: one command that prints :data:`covey.bench.team_steps.OBSERVATION`."""


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as aligned text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([str(row.get(name, "-")) for name in names] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


async def measure(folder: Path, cache: Path, *, peers: bool) -> dict[str, Any]:
    """Measure everything."""
    return {
        "policies": await policies(folder),
        "trajectory": await trajectory(),
        "steps": await steps(cache) if peers else {},
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser("python -m covey.bench.team_tokens", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--cache", type=Path, help="folder that keeps the peer (default: <home>/bench)")
    parser.add_argument("--no-steps", action="store_true", help="only the tables of tokens")
    given = parser.parse_args()
    cache = given.cache or load_settings().home / "bench"
    with tempfile.TemporaryDirectory(prefix="covey-tokens-") as folder:
        found = asyncio.run(measure(Path(folder), cache, peers=not given.no_steps))
    sys.stdout.write(f"policies\n{table(found['policies'])}\n\ntrajectory\n{table(found['trajectory'])}\n")
    if found["steps"]:
        sys.stdout.write(f"\nsteps ({found['steps']['peer']})\n{table(found['steps']['rows'])}\n")
        sys.stdout.write(f"\nfirst request\n{table(found['steps']['first'])}\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
