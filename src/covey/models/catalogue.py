"""Which model for which memory: the catalogue that ships with Covey, its profiles, and where their files are.

The data is ``catalogue.yaml`` beside this module; each figure in it names its source, and what is not known is left
out. It is read with YAML's safe loader when it is first needed, and checked as a whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import Field, StringConstraints, ValidationError, model_validator

from covey.core.canonical import Frozen
from covey.core.errors import ConfigError, UnusableModel
from covey.models.spec import KvType

HUB = "https://huggingface.co"
"""Base URL of the model hub. A mirror with the same paths works too."""

KV_SHARE: dict[KvType, float] = {"f16": 1.0, "q8_0": 34 / 64, "q4_0": 18 / 64}
"""Size of a KV cache relative to f16: bytes of a block of 32 elements over 64."""

COMPUTE_ALLOWANCE = 300 << 20
"""Bytes allowed for an engine's compute buffers where only the catalogue is at hand; a file's own plan models them."""

MemoryClass = Literal["8gb", "12gb", "16gb", "24gb", "apple"]
ModelRole = Literal["all", "preprocessor", "planner", "coder", "reviewer"]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:-]*$", max_length=64)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Figure = Literal["size", "sha256", "context", "kv_bytes", "scores"]

_GB = 1 << 30
_NEAR = 3


class Score(Frozen):
    """A published result in percent, and who measured it: the model's maker, or somebody else."""

    benchmark: Line
    value: float = Field(ge=0, le=100)
    by: Literal["maker", "independent"]


class CatalogueModel(Frozen):
    """One file of one model. Sizes in bytes, contexts in tokens.

    ``size`` is rounded unless ``exact``. ``kv_bytes`` is the KV cache of one token at f16, None where it is not known.
    ``experts``: a mixture of experts, whose experts may stay in RAM. ``sources`` says where each figure is from.
    """

    name: Word
    aliases: tuple[Word, ...] = Field((), max_length=8)
    title: Line
    family: Line
    maker: Line
    parameters: Line
    licence: Line
    repo: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", max_length=200)]
    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.gguf$", max_length=150)]
    revision: Annotated[str, StringConstraints(pattern=r"^(main|[0-9a-f]{40})$")] = "main"
    quantisation: Line
    size: int = Field(gt=0, le=1 << 42)
    exact: bool = True
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    context: int = Field(ge=512, le=1 << 24)
    kv_bytes: int | None = Field(None, gt=0, le=1 << 24)
    recommended_context: int = Field(ge=512, le=1 << 24)
    classes: tuple[MemoryClass, ...] = Field(min_length=1, max_length=5)
    roles: tuple[ModelRole, ...] = Field(min_length=1, max_length=5)
    experts: bool = False
    scores: tuple[Score, ...] = Field((), max_length=8)
    notes: tuple[Line, ...] = Field((), max_length=8)
    sources: dict[Figure, Line]

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        given = {"size", "context", *(name for name in ("sha256", "kv_bytes", "scores") if getattr(self, name))}
        if given != set(self.sources):
            raise ValueError(f"{self.name}: sources must be named for exactly {sorted(given)}")
        if self.recommended_context > self.context:
            raise ValueError(f"{self.name}: the recommended context is larger than the model's own")
        return self

    def url(self, hub: str = HUB) -> str:
        """Address of the file at ``hub``."""
        return f"{hub.rstrip('/')}/{quote(self.repo)}/resolve/{self.revision}/{quote(self.file)}"

    def path(self, folder: Path) -> Path:
        """Where the file lies in the models folder, downloaded or not."""
        return folder / self.file

    def kv_per_token(self, kv_type: KvType = "f16") -> int | None:
        """Bytes of KV cache of one token; None where it is not known."""
        return None if self.kv_bytes is None else int(self.kv_bytes * KV_SHARE[kv_type])


class RoleModel(Frozen):
    """How a profile fills one role: the model, the window of one slot in tokens, and how the engine is started."""

    model: Word
    context: int = Field(ge=512, le=1 << 24)
    parallel: int = Field(1, ge=1, le=64)
    kv_type: KvType = "f16"
    cpu_experts: int = Field(0, ge=0, le=1024)


class Profile(Frozen):
    """Models for one kind of machine. ``memory_gb``: what they may take together (GB of 2**30 bytes)."""

    name: Word
    title: Line
    memory_gb: float = Field(gt=0, le=4096)
    roles: dict[ModelRole, RoleModel] = Field(min_length=1, max_length=5)
    notes: tuple[Line, ...] = Field((), max_length=8)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if "all" in self.roles and len(self.roles) > 1:
            raise ValueError(f"{self.name}: 'all' and single roles exclude each other")
        return self


class Catalogue(Frozen):
    """Everything in ``catalogue.yaml``, consistent: names are unique, profiles name models that are there."""

    schema_version: Literal[1]
    updated: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    sources: dict[Word, Line] = Field(max_length=32)
    models: tuple[CatalogueModel, ...] = Field(min_length=1, max_length=200)
    profiles: tuple[Profile, ...] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [name for model in self.models for name in (model.name, *model.aliases)]
        names += [profile.name for profile in self.profiles]
        _unique("name", names)
        _unique("file", [model.file for model in self.models])
        known = {model.name for model in self.models}
        for profile in self.profiles:
            for role, filled in profile.roles.items():
                if filled.model not in known:
                    raise ValueError(f"{profile.name}: {role} names {filled.model!r}, which is no model's name")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of models and profiles, without aliases."""
        return (*(model.name for model in self.models), *(profile.name for profile in self.profiles))

    def find(self, text: str) -> CatalogueModel | None:
        """The model that ``text`` names, by name or alias; letter case does not matter."""
        wanted = text.strip().lower()
        return next((model for model in self.models if wanted in (model.name, *model.aliases)), None)

    def profile(self, text: str) -> Profile | None:
        """The profile that ``text`` names."""
        wanted = text.strip().lower()
        return next((profile for profile in self.profiles if wanted == profile.name), None)

    def get(self, text: str) -> CatalogueModel:
        """Like :meth:`find`, but raises UnusableModel with the nearest names when there is none."""
        found = self.find(text)
        if found is None:
            raise self.unknown(text)
        return found

    def unknown(self, text: str, more: Iterable[str] = ()) -> UnusableModel:
        """What to say about a name that is neither in the catalogue nor among ``more``."""
        names = {alias: model.name for model in self.models for alias in (model.name, *model.aliases)}
        names |= {profile.name: profile.name for profile in self.profiles}
        names |= {name.lower(): name for name in more}
        near = difflib.get_close_matches(text.strip().lower(), names, n=2 * _NEAR, cutoff=0.5)
        meant = list(dict.fromkeys(names[name] for name in near))[:_NEAR]
        hint = f"Nearest: {', '.join(meant)}. " if meant else ""
        return UnusableModel(
            f"There is no model {text[:80]!r}. {hint}'covey models list' shows every name; a path must end in .gguf, "
            "and an address must start with http:// or https://."
        )

    def source_words(self, model: CatalogueModel, figure: Figure) -> str:
        """Where a figure is from, in words; empty when the figure is not given."""
        said = model.sources.get(figure, "")
        return self.sources.get(said, said)


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} used twice: {', '.join(twice)}")


def parse_catalogue(text: str) -> Catalogue:
    """Read a catalogue from YAML text. Raises ConfigError that says what is wrong with it."""
    import yaml

    try:
        return Catalogue.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"The catalogue of models is not YAML: {error}. Install Covey again.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ConfigError(
            f"The catalogue of models is not valid: {where}: {first['msg']}. Install Covey again."
        ) from None


@cache
def load_catalogue() -> Catalogue:
    """The catalogue that ships with Covey."""
    return parse_catalogue(resources.files("covey.models").joinpath("catalogue.yaml").read_text(encoding="utf-8"))


def memory_class(gigabytes: float) -> MemoryClass | None:
    """The largest class of card that ``gigabytes`` reaches; None below 8."""
    reached: MemoryClass | None = None
    sizes: tuple[tuple[float, MemoryClass], ...] = ((8, "8gb"), (12, "12gb"), (16, "16gb"), (24, "24gb"))
    for size, name in sizes:
        if gigabytes >= size:
            reached = name
    return reached


def fewest_bytes(model: CatalogueModel) -> int:
    """The least memory that makes the model usable: weights, computing, and 4096 tokens of q8_0 cache if known."""
    return model.size + COMPUTE_ALLOWANCE + 4096 * (model.kv_per_token("q8_0") or 0)


def suits(model: CatalogueModel, gigabytes: float) -> bool:
    """Whether the model's weights and a small context go into ``gigabytes`` (of 2**30 bytes)."""
    return fewest_bytes(model) <= gigabytes * _GB
