"""The catalogue: every figure has a source, nothing is invented, and the profiles fit the memory they are for."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from covey.core.errors import ConfigError, UnusableModel
from covey.models.catalogue import (
    COMPUTE_ALLOWANCE,
    HUB,
    Catalogue,
    fewest_bytes,
    load_catalogue,
    memory_class,
    parse_catalogue,
    suits,
)

pytestmark = pytest.mark.requirement("B1", "B6")

GB = 1 << 30


@pytest.fixture
def catalogue() -> Catalogue:
    return load_catalogue()


def changed(**model: object) -> str:
    """The catalogue's YAML with its first model changed."""
    whole = load_catalogue().model_dump(mode="json")
    whole["models"][0] |= model
    return yaml.safe_dump(whole)


def test_the_catalogue_that_ships_is_valid_and_survives_a_round_trip(catalogue: Catalogue) -> None:
    assert parse_catalogue(yaml.safe_dump(catalogue.model_dump(mode="json"))) == catalogue


def test_every_figure_says_where_it_is_from(catalogue: Catalogue) -> None:
    for model in catalogue.models:
        for figure in model.sources:
            assert len(catalogue.source_words(model, figure)) > 10, f"{model.name}: {figure}"
    assert catalogue.source_words(catalogue.get("ornith"), "kv_bytes") == ""


def test_a_checksum_is_only_given_with_an_exact_size(catalogue: Catalogue) -> None:
    assert all(model.exact for model in catalogue.models if model.sha256)
    assert sum(model.sha256 is not None for model in catalogue.models) >= 10


def test_profiles_fit_the_memory_they_are_for_with_a_reserve(catalogue: Catalogue) -> None:
    for profile in catalogue.profiles:
        wanted = 0
        for filled in profile.roles.values():
            model = catalogue.get(filled.model)
            cost = model.kv_per_token(filled.kv_type)
            assert cost is not None, f"{profile.name}: a profile names models of known cost only"
            assert filled.context <= model.context
            wanted += model.size + cost * filled.context * filled.parallel + COMPUTE_ALLOWANCE
        assert wanted <= 0.95 * profile.memory_gb * GB, profile.name


def test_every_card_has_a_profile_and_models_of_its_class(catalogue: Catalogue) -> None:
    names = [profile.name for profile in catalogue.profiles]
    assert {"8gb", "12gb", "16gb", "24gb", "breakingwind-128gb"} <= set(names)
    assert any(name.startswith("apple-") for name in names)
    for size, name in ((8, "8gb"), (12, "12gb"), (16, "16gb"), (24, "24gb")):
        assert memory_class(size) == name
        ours = [model for model in catalogue.models if name in model.classes]
        assert ours
        assert all(suits(model, size) for model in ours), name


def test_the_team_of_four_fills_its_four_roles(catalogue: Catalogue) -> None:
    team = catalogue.profile("BreakingWind-128GB")
    assert team is not None
    assert {role: filled.model for role, filled in team.roles.items()} == {
        "preprocessor": "gemma-2-2b",
        "planner": "nemotron-nano-8b",
        "coder": "qwen3-coder-30b-a3b",
        "reviewer": "devstral-small-2-24b",
    }


def test_memory_classes_begin_at_eight() -> None:
    assert [memory_class(size) for size in (0, 7.9, 8, 23, 1000)] == [None, None, "8gb", "16gb", "24gb"]


def test_kv_costs_follow_the_type_of_the_cache(catalogue: Catalogue) -> None:
    model = catalogue.get("qwen2.5-coder-7b")
    assert model.kv_per_token() == 56 * 1024
    assert model.kv_per_token("q8_0") == int(29.75 * 1024)
    assert model.kv_per_token("q4_0") == int(15.75 * 1024)
    assert fewest_bytes(model) == model.size + COMPUTE_ALLOWANCE + 4096 * int(29.75 * 1024)


def test_names_aliases_and_letter_case_lead_to_one_model(catalogue: Catalogue) -> None:
    assert catalogue.get(" Qwen2.5-Coder ") is catalogue.get("qwen2.5-coder-7b")


@pytest.mark.parametrize(
    ("typed", "meant"), [("qwen2.5-codr-7b", "qwen2.5-coder-7b"), ("devstrall", "devstral-small-2-24b"), ("8g", "8gb")]
)
def test_an_unknown_name_is_answered_with_the_nearest(catalogue: Catalogue, typed: str, meant: str) -> None:
    with pytest.raises(UnusableModel, match=f"There is no model {typed!r}. Nearest: .*{meant}"):
        catalogue.get(typed)


def test_a_name_like_nothing_has_no_nearest(catalogue: Catalogue) -> None:
    message = str(catalogue.unknown("x" * 500))
    assert "Nearest" not in message
    assert "covey models list" in message
    assert len(message) < 400


def test_addresses_are_those_of_the_hub_or_a_mirror(catalogue: Catalogue) -> None:
    model = catalogue.get("qwen3-8b")
    path = "/Qwen/Qwen3-8B-GGUF/resolve/7c41481f57cb95916b40956ab2f0b139b296d974/Qwen3-8B-Q4_K_M.gguf"
    assert model.url() == HUB + path
    assert model.url("http://mirror.lan:8000/hf/") == "http://mirror.lan:8000/hf" + path


@pytest.mark.parametrize(
    "fault",
    [{"name": "Has Blanks"}, {"name": "gpt-oss-20b"}, {"file": "../evil.gguf"}, {"file": "model.bin"},
     {"repo": "a/b/c"}, {"size": 0}, {"sha256": "abc"}, {"kv_bytes": -1}, {"context": 10**12},
     {"recommended_context": 65536},
     {"notes": ["x" * 301]}, {"notes": ["x"] * 9}, {"sources": {"size": "said"}}, {"surprise": 1}, {"classes": []},
     {"file": "Qwen3-8B-Q4_K_M.gguf"}, {"revision": "HEAD"}],
)  # fmt: skip
def test_a_fault_in_the_catalogue_is_found(fault: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="The catalogue of models is not valid"):
        parse_catalogue(changed(**fault))


def test_a_profile_of_a_model_that_is_not_there_is_found() -> None:
    whole = load_catalogue().model_dump(mode="json")
    whole["profiles"][0]["roles"]["all"]["model"] = "nothing"
    with pytest.raises(ConfigError, match="names 'nothing'"):
        parse_catalogue(yaml.safe_dump(whole))


@pytest.mark.parametrize("text", ["", "[]", "a: [", "!!python/object/apply:os.system ['true']", "\x00"])
def test_what_is_no_catalogue_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(ConfigError, match="catalogue"):
        parse_catalogue(text)


def test_importing_the_catalogue_reads_no_yaml() -> None:
    program = "import sys, covey.models.catalogue, covey.models.names; sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
