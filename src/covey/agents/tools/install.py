"""install: proposes a missing dependency, of those that the project declares or that are known by their import name.

The environment of a run is mounted read-only and is what the baseline was measured in, so nothing is installed while
a run goes on: what is allowed is written down for the user, what is not allowed is refused.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import Field

from covey.agents.tools.session import Session
from covey.agents.workbench import Workbench
from covey.core.errors import AgentFeedback
from covey.execution.projectfacts import environment_facts
from covey.models.schema import Bounded

KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "attr": "attrs", "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "Crypto": "pycryptodome",
        "dateutil": "python-dateutil", "docx": "python-docx", "dotenv": "python-dotenv", "fitz": "PyMuPDF",
        "git": "GitPython", "google.protobuf": "protobuf", "jose": "python-jose", "jwt": "PyJWT",
        "ldap": "python-ldap", "magic": "python-magic", "MySQLdb": "mysqlclient", "multipart": "python-multipart",
        "nacl": "PyNaCl", "OpenSSL": "pyOpenSSL", "PIL": "Pillow", "pkg_resources": "setuptools",
        "pptx": "python-pptx", "psycopg2": "psycopg2-binary", "rest_framework": "djangorestframework",
        "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn", "slugify": "python-slugify",
        "socks": "PySocks", "usb": "pyusb", "yaml": "PyYAML", "zmq": "pyzmq",
    }
)  # fmt: skip
"""Well-known modules whose distribution has another name."""
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class InstallArguments(Bounded):
    """The module that cannot be imported."""

    tool: Literal["install"]
    module: Annotated[str, Field(max_length=100)]


class Install:
    """Writes a proposal down."""

    name = "install"
    about = "install(module): proposes to install the dependency that a missing module belongs to."
    arguments = InstallArguments

    async def run(self, args: InstallArguments, session: Session) -> str:
        """Return what was written down."""
        module = args.module.strip()
        requirement = await asyncio.to_thread(allowed, module, session.bench)
        session.proposals[module] = requirement
        return (
            f"Written down for the user: {module} needs {requirement}. This run goes on without it, "
            "so its tests stay as they are."
        )


def allowed(module: str, tools: Workbench) -> str:
    """Return the requirement that ``module`` belongs to. Raises AgentFeedback for whatever may not be installed."""
    if not _MODULE.fullmatch(module):
        raise AgentFeedback(f"{module[:60]!r} is not the name of a module; give it as in an import.")
    distribution = known_as(module)
    name = canonicalize_name(distribution)
    if name in installed(tools):
        raise AgentFeedback(f"{distribution} is installed already; the fault is elsewhere.")
    listed = declared(tools)
    if name in listed:
        return listed[name]
    if distribution != module.partition(".")[0]:
        return distribution
    raise AgentFeedback(
        f"The project does not declare {distribution}, so it is not installed; change the code that imports it instead."
    )


def candidates(tools: Workbench) -> tuple[str, ...]:
    """Requirements that the project declares and the environment lacks, in order of their names."""
    have = installed(tools)
    return tuple(text for name, text in sorted(declared(tools).items()) if name not in have)


def installed(tools: Workbench) -> frozenset[str]:
    """Canonical names of the distributions in the environment."""
    return frozenset(canonicalize_name(item.partition("==")[0]) for item in tools.ground.environment.lock)


def declared(tools: Workbench) -> dict[str, str]:
    """The project's own requirements by canonical name."""
    facts = environment_facts(Path(tools.ground.snapshot.base))
    return requirements_by_name((*facts.dependencies, *facts.test_dependencies, *facts.plugins))


def known_as(module: str) -> str:
    """Name of the distribution that a module is taken to belong to."""
    top = module.partition(".")[0]
    return KNOWN.get(".".join(module.split(".")[:2])) or KNOWN.get(top, top)


def requirements_by_name(requirements: Iterable[str]) -> dict[str, str]:
    """Requirements by canonical name; of several the first. What cannot be read, or is a link, is left out."""
    found: dict[str, str] = {}
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.url is None:
            found.setdefault(canonicalize_name(requirement.name), f"{requirement.name}{requirement.specifier}")
    return found
