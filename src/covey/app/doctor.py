"""What of this machine Covey can use, what is reduced, and the command that mends it."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil

from covey.app.build import open_store
from covey.core.errors import ConfigError, CoveyError
from covey.core.execution import Applied
from covey.core.report import DoctorReport, Finding, FindingState
from covey.execution.interpreters import find_interpreters
from covey.execution.sandboxes.select import survey
from covey.execution.tools import git_version, node_version, uv_version
from covey.settings import Settings, home_folder, search_path

_NODE = (18, 18)
_SERVERS = ("llama-server", "ollama")
_FREE = 2 << 30
_IMPORTANT = ("filesystem", "network", "memory", "processes")


async def examine(settings: Settings) -> DoctorReport:
    """Look at everything that a run could need. Never raises for what is missing: that is a finding."""
    groups = await asyncio.gather(
        _sandboxes(settings), _interpreters(), _git(), _uv(), _node(), _engines(), _store(settings)
    )
    return DoctorReport(findings=tuple(finding for group in groups for finding in group))


async def _sandboxes(settings: Settings) -> list[Finding]:
    found = []
    usable = False
    for name, seen in await survey(settings.home / "scratch"):
        if not isinstance(seen, Applied):
            mend = "apt-get install bubblewrap" if name == "bubblewrap" else ""
            state = FindingState.reduced if usable else FindingState.missing
            found.append(Finding(name=f"sandbox {name}", state=state, detail=seen, mend=mend))
            continue
        weak = [limit for limit in seen.missing if limit in _IMPORTANT]
        held = ", ".join(f"{limit} {how}" for limit, how in sorted(seen.mechanisms.items()) if how != "none")
        lacking = f"; not enforced: {', '.join(seen.missing)}" if seen.missing else ""
        state = FindingState.reduced if weak else FindingState.ok
        found.append(Finding(name=f"sandbox {name}", state=state, detail=held + lacking))
        usable = True
    return found


async def _interpreters() -> list[Finding]:
    found = await find_interpreters(search_path(), home_folder())
    if not found:
        return [
            Finding(
                name="interpreters",
                state=FindingState.missing,
                detail="no Python found",
                mend="apt-get install python3",
            )
        ]
    versions = ", ".join(".".join(map(str, item.version)) for item in found)
    return [Finding(name="interpreters", state=FindingState.ok, detail=versions)]


async def _git() -> list[Finding]:
    version = await git_version(search_path())
    if version:
        return [Finding(name="git", state=FindingState.ok, detail=version)]
    return [
        Finding(
            name="git", state=FindingState.missing, detail="diffs are written and applied by git",
            mend="apt-get install git",
        )
    ]  # fmt: skip


async def _uv() -> list[Finding]:
    version = await uv_version(search_path())
    if version:
        return [Finding(name="uv", state=FindingState.ok, detail=version)]
    return [
        Finding(
            name="uv", state=FindingState.reduced, detail="environments are built by pip, slowly", mend="pip install uv"
        )
    ]


async def _node() -> list[Finding]:
    version = await node_version(search_path())
    mend = "apt-get install nodejs"
    if not version:
        detail = "not needed to repair Python; new front-end projects will need 18.18 or later"
        return [Finding(name="node", state=FindingState.missing, detail=detail, mend=mend)]
    numbers = tuple(int(part) for part in version.lstrip("v").split(".")[:2] if part.isdigit())
    if numbers < _NODE:
        return [Finding(name="node", state=FindingState.reduced, detail=f"{version}; 18.18 or later wanted", mend=mend)]
    return [Finding(name="node", state=FindingState.ok, detail=version)]


async def _engines() -> list[Finding]:
    present = [name for name in _SERVERS if shutil.which(name, path=search_path())]
    embedded = importlib.util.find_spec("xllamacpp") is not None
    usable = (["embedded (runs GGUF files)"] if embedded else []) + present
    if usable:
        detail = f"{', '.join(usable)}; measure one with: covey doctor --model NAME|PATH.gguf|URL"
        return [Finding(name="engines", state=FindingState.ok, detail=detail)]
    return [
        Finding(
            name="engines",
            state=FindingState.reduced,
            detail="nothing here runs models: every role is filled by its procedural floor, or by a model URL",
            mend="pip install 'covey[local]'",
        )
    ]


async def _store(settings: Settings) -> list[Finding]:
    try:
        async with open_store(settings) as store:
            faults = await store.check()
            runs = len(await store.list())
    except CoveyError as error:
        mend = "set COVEY_HOME to a folder that can be written" if not isinstance(error, ConfigError) else ""
        return [Finding(name="store", state=FindingState.missing, detail=str(error), mend=mend)]
    free = shutil.disk_usage(settings.home).free
    if faults:
        return [
            Finding(
                name="store", state=FindingState.reduced, detail=faults[0], mend="covey runs export RUN --to FILE.zip"
            )
        ]
    detail = f"{settings.home}: {runs} runs, {free / (1 << 30):.1f} GB free"
    return [Finding(name="store", state=FindingState.ok if free > _FREE else FindingState.reduced, detail=detail)]
