"""What ``--model`` says: nothing, a file, an address, or a name of the catalogue. Only looks at the file system."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from covey.core.canonical import Frozen
from covey.core.errors import UnusableModel
from covey.models.catalogue import Catalogue, CatalogueModel, ModelRole, Profile, RoleModel, load_catalogue
from covey.models.spec import KvType

_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


class NoModel(Frozen):
    """No model: every role is filled by its procedural floor."""


class ModelFile(Frozen):
    """A GGUF file that is there.

    ``name`` is what to call the model. ``context`` (tokens of one slot), ``parallel``, ``kv_type`` and ``cpu_experts``
    are what the catalogue recommends; None and the defaults where it says nothing, so that the memory plan decides.
    """

    path: str
    name: str
    context: int | None = Field(None, ge=512)
    parallel: int = Field(1, ge=1)
    kv_type: KvType | None = None
    cpu_experts: int = Field(0, ge=0)


class ModelFolder(Frozen):
    """A folder in the format of Hugging Face Transformers, for the engine of that name."""

    path: str


class ModelEndpoint(Frozen):
    """An OpenAI-compatible base URL; ``model`` is None for the first model that it lists."""

    url: str
    model: str | None = None


class ModelTeam(Frozen):
    """A profile of several models: which file fills which role."""

    name: str
    members: dict[ModelRole, ModelFile]


ModelSource = NoModel | ModelFile | ModelFolder | ModelEndpoint | ModelTeam


def resolve_model(text: str, folder: Path, catalogue: Catalogue | None = None) -> ModelSource:
    """Say what ``text`` means; ``folder`` is where downloaded models lie.

    ``none`` or nothing · a path that ends in ``.gguf`` · a folder in the Transformers format · ``http(s)://…``, with
    ``#name`` for one of its models · a name, an alias or a profile of the catalogue · the name of another file in
    ``folder``, with or without ``.gguf``.
    Raises UnusableModel, which says what to do: a model that is not downloaded names the ``pull`` command.
    """
    wanted = text.strip()
    if not wanted or wanted.lower() == "none":
        return NoModel()
    if "\0" in wanted:
        raise UnusableModel(f"{wanted!r} is neither a path nor a name of a model.")
    if _URL.match(wanted):
        return _endpoint(wanted)
    here = Path(wanted).expanduser()
    if _is_path(wanted):
        return _file(here, folder)
    known = catalogue or load_catalogue()
    if (model := known.find(wanted)) is not None:
        return _downloaded(model, folder, None)
    if (profile := known.profile(wanted)) is not None:
        return _profile(profile, known, folder)
    if (own := _own_file(wanted, folder)) is not None:
        return own
    if here.exists():
        raise UnusableModel(f"{here} is not a GGUF file: a model's file ends in .gguf.")
    raise known.unknown(wanted, more=downloaded_names(folder))


def downloaded_names(folder: Path) -> tuple[str, ...]:
    """Names of the GGUF files in ``folder``, without their ending; none when there is no such folder."""
    try:
        return tuple(sorted(path.stem for path in folder.glob("*.gguf") if path.is_file()))
    except OSError:  # a folder that cannot be read holds nothing that could be used
        return ()


def _is_path(text: str) -> bool:
    return text.lower().endswith(".gguf") or "/" in text or text.startswith(("~", "."))


def _file(path: Path, folder: Path) -> ModelFile | ModelFolder:
    inside = folder / path.name
    if not path.exists() and path.parent == Path() and inside.is_file():
        path = inside  # the bare file name of a downloaded model
    if (path / "config.json").is_file():
        return ModelFolder(path=str(path.absolute()))
    if path.is_dir():
        raise UnusableModel(
            f"{path} is a folder without a config.json. Give the path of a GGUF file in it, or the folder of a model "
            "in the Transformers format."
        )
    if not path.is_file():
        raise UnusableModel(
            f"There is no file {path}. Give the path of a GGUF file, or a name that 'covey models list' shows."
        )
    if path.suffix.lower() != ".gguf":
        raise UnusableModel(f"{path} is not a GGUF file: a model's file ends in .gguf.")
    name = _SPLIT.sub("", path.name)
    return ModelFile(path=str(path.absolute()), name=name.removesuffix(path.suffix))


def _endpoint(text: str) -> ModelEndpoint:
    url, _, model = text.partition("#")
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError:
        port_is_fine, parts = False, urlsplit("")
    if parts.scheme.lower() not in ("http", "https"):
        raise UnusableModel(f"{url[:100]}: a model's address must start with http:// or https://.")
    if not parts.hostname or not port_is_fine:
        raise UnusableModel(f"{url[:100]} is not an address. It looks like http://127.0.0.1:8080/v1.")
    if parts.username is not None or parts.password is not None:
        raise UnusableModel("A key does not belong into a model's address. Put it into COVEY_MODEL_KEY.")
    if parts.path.lower().endswith(".gguf"):
        raise UnusableModel(f"{url[:200]} is a file, not a server. Download it first: covey models pull {url[:200]}")
    return ModelEndpoint(url=url.rstrip("/"), model=model.strip() or None)


def _downloaded(model: CatalogueModel, folder: Path, filled: RoleModel | None) -> ModelFile:
    path = model.path(folder)
    if not path.is_file():
        raise UnusableModel(
            f"{model.name} is not downloaded ({model.size / 1e9:.1f} GB). Get it with: covey models pull {model.name}"
        )
    if filled is None:
        return ModelFile(path=str(path.absolute()), name=model.name)
    return ModelFile(
        path=str(path.absolute()),
        name=model.name,
        context=filled.context,
        parallel=filled.parallel,
        kv_type=filled.kv_type,
        cpu_experts=filled.cpu_experts,
    )


def _profile(profile: Profile, known: Catalogue, folder: Path) -> ModelFile | ModelTeam:
    models = {role: known.get(filled.model) for role, filled in profile.roles.items()}
    missing = [model.name for model in models.values() if not model.path(folder).is_file()]
    if missing:
        commands = "; ".join(f"covey models pull {name}" for name in dict.fromkeys(missing))
        raise UnusableModel(f"Profile {profile.name} needs models that are not downloaded. Get them with: {commands}")
    files = {role: _downloaded(model, folder, profile.roles[role]) for role, model in models.items()}
    return files["all"] if "all" in files else ModelTeam(name=profile.name, members=files)


def _own_file(name: str, folder: Path) -> ModelFile | None:
    path = folder / f"{name}.gguf"
    return ModelFile(path=str(path.absolute()), name=name) if path.is_file() else None
