"""mini-swe-agent beside Covey: an environment of its own, and the program that measures it there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from covey.settings import install_environment, search_path

WANTED = "mini-swe-agent>=2.4,<2.5"
_INSTALL_S = 900

PEER = """
import json, pathlib, resource, sys, time
steps, url, folder = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
import yaml, minisweagent
from minisweagent.agents.default import DefaultAgent
from minisweagent.environments.local import LocalEnvironment
says = "THOUGHT: look at the next file.\\n\\n```mswea_bash_command\\ncat observation.txt\\n```"
(folder / "observation.txt").write_text("\\n".join(
    f"{line:3}| a line of a file or of the output of a test, as tools show it" for line in range(33)))
config = yaml.safe_load((pathlib.Path(minisweagent.__file__).parent / "config" / "mini_textbased.yaml").read_text())
given = {k: v for k, v in config["model"].items() if k in ("observation_template", "format_error_template")}
if url:
    from minisweagent.models.litellm_textbased_model import LitellmTextbasedModel
    model = LitellmTextbasedModel(model_name="openai/stub", cost_tracking="ignore_errors",
                                  model_kwargs={"api_base": url, "api_key": "none"}, **given)
else:
    from minisweagent.models.test_models import DeterministicModel, make_output
    given.pop("format_error_template", None)
    model = DeterministicModel(outputs=[make_output(says, [{"command": "cat observation.txt"}], 0.0)] * steps, **given)
kept = {k: v for k, v in config["agent"].items() if k in ("system_template", "instance_template")}
agent = DefaultAgent(model, LocalEnvironment(cwd=str(folder)), **kept, step_limit=steps, cost_limit=0,
                     output_path=folder / "trajectory.json")
def used():
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime
def written():
    lines = pathlib.Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar:"))
marks, step = [], agent.step
def measured():
    marks.append((used(), written()))
    return step()
agent.step = measured
task = "The check digits on our labels are wrong: the longer the code, the further off."
agent.run(task)
first = min(5, len(marks) - 1)
count = max(1, len(marks) - 1 - first)
print(json.dumps({
    "steps": steps,
    "cpu_ms_per_step": round(1000 * (marks[-1][0] - marks[first][0]) / count, 2),
    "bytes_per_step": (marks[-1][1] - marks[first][1]) // count,
    "first_prompt_tokens": sum(len(m["content"].encode()) for m in agent.messages[:2]) // 4,
}))
"""
"""Runs in the peer's own interpreter: steps, model URL (or ''), scratch folder."""


def install_peer(cache: Path) -> tuple[Path | None, str]:
    """Return the interpreter of an environment that holds mini-swe-agent, made on demand; or None, and why."""
    place = cache / "mini-swe-agent"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        shutil.rmtree(place, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        variables = {"PATH": search_path(), "HOME": str(cache), **install_environment()}
        for words in (
            [sys.executable, "-m", "venv", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", WANTED],
        ):
            try:
                done = subprocess.run(
                    words, capture_output=True, text=True, timeout=_INSTALL_S, check=False, env=variables
                )
            except subprocess.TimeoutExpired:
                return None, f"{WANTED} could not be installed within {_INSTALL_S} s; there is no figure for it."
            if done.returncode:
                return (
                    None,
                    f"{WANTED} cannot be installed here, there is no figure for it: {done.stderr.strip()[-200:]}",
                )
        (place / "ready").touch()
    version = subprocess.run(
        [str(python), "-m", "pip", "show", "mini-swe-agent"], capture_output=True, text=True, check=False
    ).stdout
    found = next((line.split()[1] for line in version.splitlines() if line.startswith("Version:")), "unknown")
    return python, f"mini-swe-agent {found}"


def peer_environment(folder: Path) -> dict[str, str]:
    """Variables of the peer: nothing is downloaded, nothing is said, nothing is kept."""
    return {
        "PATH": search_path(),
        "HOME": str(folder),
        "MSWEA_GLOBAL_CONFIG_DIR": str(folder),
        "MSWEA_CONFIGURED": "true",
        "MSWEA_SILENT_STARTUP": "1",
        "MSWEA_COST_TRACKING": "ignore_errors",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
