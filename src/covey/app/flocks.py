"""Who fills the slots of a run with a model."""

from __future__ import annotations

from covey.agents.coder_team import NoCode, Patcher
from covey.agents.critic import Critic, Procedure
from covey.agents.documenter import Documenter
from covey.agents.generator import Generator, NoDrafts
from covey.agents.installer import ByName, Installer
from covey.agents.leader import FirstPlaces, Leader
from covey.agents.localiser import Localiser
from covey.agents.narrator import Narrator
from covey.agents.once import Once
from covey.agents.pinpointer import Pinpointer
from covey.agents.planner import FirstStep, Planner
from covey.agents.reproducer import Reproducer
from covey.agents.requirements import Requirements
from covey.agents.slots import (
    Brief,
    DocumentRequest,
    Localisation,
    LocaliseRequest,
    ReproduceRequest,
    Reproduction,
    Story,
    UnderstandRequest,
)
from covey.agents.understander import Understander
from covey.agents.witness import Witness
from covey.coordination.flock import Flock, Modelled


def model_flock() -> Flock:
    """Roles that ask a model, each with its floor; slots that are not named here are filled by their floors."""
    understander = Once[UnderstandRequest, Brief](Understander())
    reproducer = Once[ReproduceRequest, Reproduction](Reproducer())
    localiser = Once[LocaliseRequest, Localisation](Localiser())
    documenter = Once[DocumentRequest, Story](Documenter())
    return Flock(
        understander=Modelled(Requirements(understander), understander),
        reproducer=Modelled(Witness(reproducer), reproducer),
        installer=Modelled(Installer(ByName()), ByName()),
        localiser=Modelled(Pinpointer(localiser), localiser),
        documenter=Modelled(Narrator(documenter), documenter),
        generator=Modelled(Generator(), NoDrafts()),
        planner=Modelled(Planner(), FirstStep()),
        leader=Modelled(Leader(), FirstPlaces()),
        patcher=Modelled(Patcher(), NoCode()),
        critic=Modelled(Critic(), Procedure()),
    )
