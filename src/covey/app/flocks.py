"""Who fills the slots of a run with a model."""

from __future__ import annotations

from covey.agents.generator import Generator, NoDrafts
from covey.coordination.flock import Flock, Modelled


def model_flock() -> Flock:
    """Roles that ask a model, each with its floor; slots that are not named here are filled by their floors."""
    return Flock(generator=Modelled(Generator(), NoDrafts()))
