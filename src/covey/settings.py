"""The only reader of configuration files and environment variables.

Order, strongest first: explicit arguments (command-line flags), ``COVEY_*`` environment variables, the user's
``config.yaml``, defaults. Nothing is ever read from the repository that is worked on: its content never configures
Covey.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource
from yaml import YAMLError

from covey.core.errors import ConfigError


def config_file() -> Path:
    """Path of the user's configuration file: ``$COVEY_CONFIG`` or the platform's usual place."""
    given = os.environ.get("COVEY_CONFIG")
    return Path(given).expanduser() if given else platformdirs.user_config_path("covey") / "config.yaml"


class Settings(BaseSettings):
    """Everything that can be configured, with documented defaults."""

    model_config = SettingsConfigDict(env_prefix="COVEY_", extra="forbid", frozen=True, allow_inf_nan=False)

    home: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("covey"),
        description="Where runs, snapshots, built environments and evidence are kept.",
    )
    out: Path | None = Field(None, description="Where evidence bundles go; default: <home>/out.")
    model: str = Field("none", description="Model: none, a name, a GGUF file or the URL of an OpenAI-compatible API.")
    policy: str = Field("pipeline", description="Coordination policy.")
    budget: float = Field(300.0, gt=0, description="Wall seconds of a run, the final verdict included.")
    memory: float = Field(8.0, gt=0, description="GB of memory for models.")
    engine: Literal["auto", "embedded", "llama-server"] = Field(
        "auto", description="What runs a GGUF file: the embedded engine, or the user's own llama-server."
    )
    llama_server: str | None = Field(None, description="The user's own llama-server; default: found on PATH.")
    api: Literal["auto", "chat", "responses"] = Field(
        "auto", description="Which API a model URL speaks; auto: Responses for api.openai.com, chat elsewhere."
    )
    code_interpreter: bool = Field(
        default=True, description="Responses API: the model may run code in the host's sandbox."
    )
    web_search: bool = Field(
        default=False, description="Responses API: the model may search the web, within source_hosts."
    )
    vector_stores: tuple[str, ...] = Field((), description="Responses API: vector stores that the model may search.")
    source_hosts: tuple[str, ...] = Field(
        (), description="Hosts on whose pages an answer may rest; an answer that rests on another is refused."
    )
    ca_file: Path | None = Field(None, description="Certificates to trust for model URLs, beside the system's own.")
    audio_model: Path | None = Field(None, description="Model file of whisper.cpp (ggml-*.bin) for recordings.")
    threads: int = Field(0, ge=0, le=512, description="Threads of a local engine; 0: one for each core.")
    context: int | None = Field(None, ge=512, description="Tokens of a model's window; default: planned from memory.")
    tokens: int = Field(200_000, ge=0, description="Tokens that models may prefill and generate in one run.")
    drafts: int = Field(4, ge=1, le=32, description="Drafts that a model writes at a time.")
    temperature: float = Field(0.6, ge=0, le=2, description="Sampling temperature of drafts; all else is sampled at 0.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn at random.")
    workers: int = Field(
        default_factory=lambda: max(1, min(8, len(os.sched_getaffinity(0)))),
        ge=1,
        le=64,
        description="Candidates tried at the same time.",
    )
    plausible: int = Field(8, ge=1, le=100, description="Plausible patches to collect before the search stops.")
    candidates: int = Field(20_000, ge=1, description="Candidates to try at most.")
    python: str | None = Field(None, description="Interpreter for the repository's tests; default: found or built.")
    sandbox: Literal["auto", "bubblewrap", "landlock", "none"] = Field(
        "auto", description="Which sandbox to use. 'none' runs untrusted code bare; the run records it."
    )
    test_timeout: float = Field(10.0, gt=0, description="Seconds for one test in the search.")
    suite_timeout: float = Field(600.0, gt=0, description="Seconds for one run of the whole suite.")
    install_timeout: float = Field(600.0, gt=0, description="Seconds to build the repository's environment.")
    sandbox_memory: float = Field(2.0, gt=0, description="GB of memory for one sandboxed command.")
    sandbox_disk: float = Field(1.0, gt=0, description="GB that one sandboxed command may write.")
    sandbox_processes: int = Field(256, ge=8, description="Processes and threads of one sandboxed command.")
    keep_snapshots: int = Field(20, ge=1, description="Snapshots of past runs to keep, for verify and rollback.")
    log_file: Path | None = Field(None, description="Also write the log to this file.")

    @field_validator("home", "out", "log_file", "ca_file", "audio_model")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else Path(value).expanduser().absolute()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - never read: a .env file may be the repository's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the user's YAML file."""
        return (init_settings, env_settings, YamlConfigSettingsSource(settings_cls, yaml_file=config_file()))

    @property
    def models_dir(self) -> Path:
        """Folder of downloaded model files."""
        return self.home / "models"

    @property
    def out_dir(self) -> Path:
        """Folder that receives one sub-folder of evidence for each run."""
        return self.out or self.home / "out"


def load_settings(**overrides: object) -> Settings:
    """Read the configuration; ``overrides`` that are None are left out.

    Raises ConfigError that names the setting, the value and the file or variable to mend.
    """
    return settings_from({name: value for name, value in overrides.items() if value is not None})


def settings_from(values: Mapping[str, object]) -> Settings:
    """Take ``values`` as they are, None included, and read the others from the configuration. Raises ConfigError."""
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, item['loc']))} = {item['input']!r:.100}: {item['msg']}" for item in error.errors()
        ]
        raise ConfigError(
            "Configuration is not valid: "
            + "; ".join(lines)
            + f". Look at flags, COVEY_* variables and {config_file()}."
        ) from None
    except (YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{config_file()} cannot be read: {error}") from None
    except (TypeError, ValueError):  # YAML of another shape
        raise ConfigError(f"{config_file()} cannot be read: it must hold lines of the form 'name: value'.") from None


_INSTALL = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def search_path() -> str:
    """The user's ``PATH``."""
    return os.environ.get("PATH", os.defpath)


def active_virtualenv() -> str | None:
    """Path of the virtual environment that the user has activated, if any."""
    return os.environ.get("VIRTUAL_ENV") or None


def install_environment() -> dict[str, str]:
    """Variables that a package installer needs to reach the user's package index, and nothing else.

    They may hold credentials of an index: they go to installers only, never to tests, logs or bundles.
    """
    return {name: value for name, value in os.environ.items() if name.startswith(_INSTALL) or name.lower() in _PROXY}


_KEYS = {"chutes.ai": "CHUTES_API_KEY", "openai.com": "OPENAI_API_KEY"}


def model_key(url: str) -> str | None:
    """The key for a model URL: ``COVEY_MODEL_KEY``, else the variable that the host's own documentation names.

    Keys are read when they are needed and kept nowhere.
    """
    host = (urlsplit(url).hostname or "").lower()
    own = next((name for domain, name in _KEYS.items() if host == domain or host.endswith(f".{domain}")), None)
    return os.environ.get("COVEY_MODEL_KEY") or (os.environ.get(own) if own else None) or None


def home_folder() -> Path:
    """The user's home folder."""
    return Path(os.environ.get("HOME") or Path.home())
