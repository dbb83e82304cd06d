"""The whole team at work, every message shown: ``demo_team.py REPOSITORY HOME [MODEL]``.

Without MODEL (a GGUF file, a name or a URL) a scripted model answers on loopback: it writes a wrong edit first, is told
what the tests said, and then the right one. The messages come from the run's own log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import covey
from covey.core.progress import Progress
from covey.core.report import RunReport
from covey.testing.endpoint import Endpoint, Request

FIRST = [
    {
        "path": "depot/loads.py",
        "search": "        if sum(load) > limit:",
        "replacement": "        if sum(load) >= limit:",
    }
]
THEN = [
    {"path": "depot/loads.py", "search": "        load.append(weight)", "replacement": ""},
    {
        "path": "depot/loads.py",
        "search": "        if sum(load) > limit:",
        "replacement": "        if load and sum(load) + weight > limit:",
    },
    {
        "path": "depot/loads.py",
        "search": "            load = []",
        "replacement": "            load = []\n        load.append(weight)",
    },
]
WORDS = {
    "title": "A load is closed after it is too heavy",
    "expected": "A load is closed before a parcel would make it heavier than the limit.",
    "actual": "The parcel that makes it too heavy is put in first, and the load is closed then.",
    "headline": "Loads are closed before they get too heavy.",
    "description": "In split_loads, ask whether the parcel still fits before it is put into the load.",
    "instruction": "In split_loads, ask whether the parcel still fits before it is put into the load.",
    "stories": "As a dispatcher, I want loads within the limit, so that every van may leave.",
}
"""What the scripted model writes, by the name of the field."""
CHOICES = ("depot/loads.py", "split_loads", "edit", "approve", "APPROVE")
"""What it chooses where it is one of the choices."""
SPARE = "The check stands behind the line that it should guard."
_SHOWN, _VERDICTS = 1_500, 5


class Script:
    """Answers every role as its schema allows."""

    def __init__(self) -> None:
        self._edits = 0

    def __call__(self, request: Request) -> str:
        """Return the answer to one request."""
        schema = request.schema
        if schema is None:
            return SPARE
        if '"search"' in json.dumps(schema) and '"edits"' in json.dumps(schema):
            self._edits += 1
            value = self._say(schema, "")
            value["edits"] = FIRST if self._edits == 1 else THEN
            return json.dumps(value)
        return json.dumps(self._say(schema, ""))

    def _say(self, schema: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON
        if "anyOf" in schema:
            known = (branch for branch in schema["anyOf"] if any(word in json.dumps(branch) for word in CHOICES))
            return self._say(next(known, schema["anyOf"][0]), name)
        if "enum" in schema:
            return next((word for word in CHOICES if word in schema["enum"]), schema["enum"][0])
        match schema.get("type"):
            case "object":
                return {key: self._say(part, key) for key, part in schema["properties"].items()}
            case "array":
                least = 0 if "issues" in name else 1
                count = min(schema["maxItems"], max(least, schema.get("minItems", 0)))
                return [self._say(schema["items"], name) for _ in range(count)]
            case "string":
                return WORDS.get(name, SPARE)[: schema["maxLength"]]
            case "integer":
                return min(schema["maximum"], max(schema["minimum"], 90 if schema["maximum"] == 100 else 1))
            case "boolean":
                return True
            case _:
                return None


def show(report: RunReport) -> None:
    """Print every message of the run's log: what roles were asked and said, and what the tests said."""
    for line in (Path(report.evidence or "") / "events.jsonl").read_text("utf-8").splitlines():
        step = json.loads(line)
        detail = step["detail"]
        asker, teller = step["messages"]
        way = f"{asker['sender']} -> {asker['receiver']}"
        _say(f"\n[{step['seq']:2}] {step['name']}  {way}  ({step['duration_s']:.1f} s)")
        minutes = detail.get("minutes")
        for entry in (minutes or {}).get("entries", ()):
            _paragraph(f"{entry['role']} {entry['kind']}", entry["text"])
        if minutes and detail["fell_back"]:
            _paragraph("floor", detail["fell_back"])
        verdicts = detail.get("verdicts", ())
        for verdict in verdicts[:_VERDICTS]:
            words = f"{verdict['standing']} {verdict['failure_type']} {verdict['failure_message']}"
            _paragraph("tests", f"candidate {verdict['candidate']}: {words}")
        if len(verdicts) > _VERDICTS:
            _paragraph("tests", f"and {len(verdicts) - _VERDICTS} more candidates")
        if not minutes and "verdicts" not in detail:
            _paragraph(teller["sender"], teller["content"])
        used = step["usage"]
        if any(used.values()):
            _say(f"     tokens: {used['prefilled']} read, {used['reused']} reused, {used['generated']} written")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _paragraph(who: str, text: str) -> None:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n... ({len(text)} characters)"
    _say("\n".join(f"     {who:22}| {line}" for line in shown.split("\n")))


@contextlib.contextmanager
def model_of(given: str) -> Iterator[str]:
    """Yield the model to use: the one given, or a scripted one on loopback."""
    if given:
        yield given
        return
    with Endpoint(Script(), models=["scripted"]) as server:
        yield server.url


def tell(progress: Progress) -> None:
    """Say how far the team is."""
    if progress.state in ("started", "failed") or progress.stage == "model":
        sys.stderr.write(f"  {progress.stage} {progress.state} {progress.message}\n")


async def demo(repository: Path, home: Path, model: str) -> RunReport:
    """Let the team work on ``repository``."""
    readme = (repository / "README.md").read_text("utf-8")
    problem = "\n".join(line[1:].strip() for line in readme.splitlines() if line.startswith(">"))
    team = covey.MultiAgentSystem(
        model=model, home=home, policy="workflow", drafts=1, budget=300 if "://" not in model else 120, observer=tell
    )
    async with team:
        report = (await team.process_task(problem, repository)).report
    assert report is not None
    return report


def main() -> int:
    """Show the team at work; the exit code is that of ``covey run``."""
    repository, home = Path(sys.argv[1]), Path(sys.argv[2])
    with model_of(sys.argv[3] if len(sys.argv) > 3 else "") as model:
        report = asyncio.run(demo(repository, home, model))
    show(report)
    _say(f"\n{report.headline}\n{report.explanation}\n\n{report.diff or '(no patch)'}")
    _say(f"status {report.status}, label {report.label}, {report.tokens.generated} tokens written")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
