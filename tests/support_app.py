"""Runs of the tiny shop through the product's own entry, without a sandbox: fast, and nothing in it is untrusted."""

from __future__ import annotations

import sys
from pathlib import Path

from covey.app.run import solve
from covey.core.report import RunReport
from covey.settings import Settings, load_settings
from support_roles import SHOP
from support_workspace import write_files


def shop_settings(home: Path, **overrides: object) -> Settings:
    """Settings for one shop: a home of its own, this interpreter, a search that ends soon."""
    facts = {"home": home, "python": sys.executable, "sandbox": "none", "plausible": 2, "workers": 1, **overrides}
    return load_settings(**facts)


async def solve_shop(repository: Path, settings: Settings) -> RunReport:
    """Repair the shop's cart."""
    write_files(repository, SHOP)
    return await solve(repository, settings=settings)
