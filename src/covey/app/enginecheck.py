"""``covey doctor --model``: measure an engine, say how Covey will use it, and remember that for later runs."""

from __future__ import annotations

from covey.app.engines import open_engines
from covey.app.measured import EngineCheck, remember
from covey.app.run import telling
from covey.core.errors import UnusableModel
from covey.core.progress import Observer, nobody
from covey.models.measure_advice import advise
from covey.settings import Settings


async def check_engine(settings: Settings, *, budget_s: float = 60.0, observer: Observer = nobody) -> EngineCheck:
    """Measure what ``settings.model`` names. Raises UnusableModel when that is no model or cannot be used."""
    from covey.models.measure import measure

    async with open_engines(settings, telling(observer)) as engines:
        if engines is None:
            raise UnusableModel("There is no model to measure. Give one with --model.")
        async with engines.use("generator") as backend:
            report = await measure(backend, budget_s=budget_s, observer=observer)
    check = EngineCheck(measured=report, advice=advise(report, settings.budget))
    if check.advice.usable:
        remember(settings, check)
    return check
