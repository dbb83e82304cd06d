"""Where settings come from, which of them wins, and what is never read."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.core.errors import ConfigError
from covey.settings import (
    Settings,
    active_virtualenv,
    config_file,
    home_folder,
    install_environment,
    load_settings,
    search_path,
    settings_from,
)

pytestmark = pytest.mark.requirement("A10")


@pytest.fixture
def yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("COVEY_CONFIG", str(path))
    return path


def refused(*words: str, **overrides: object) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(**overrides)
    for word in words:
        assert word in str(caught.value)


def test_every_setting_has_a_default_and_a_meaning(own_home: Path) -> None:
    settings = load_settings()
    assert (settings.model, settings.policy, settings.budget, settings.seed) == ("none", "pipeline", 300, 0)
    assert settings.home == own_home
    assert settings.out_dir == own_home / "out"
    assert settings.workers >= 1
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_flags_win_over_variables_those_over_the_file_and_that_over_defaults(
    yaml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().budget == 300
    yaml.write_text("budget: 10\nseed: 1\n")
    assert (load_settings().budget, load_settings().seed) == (10, 1)
    monkeypatch.setenv("COVEY_BUDGET", "20")
    assert (load_settings().budget, load_settings().seed) == (20, 1)
    assert (load_settings(budget=30).budget, load_settings(budget=None).budget) == (30, 20)


def test_an_empty_file_is_all_defaults(yaml: Path) -> None:
    for text in ("", "# only a comment\n", "---\n"):
        yaml.write_text(text)
        assert load_settings().budget == 300


def test_an_error_names_the_setting_the_value_and_the_file(yaml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yaml.write_text("budget: -3\n")
    refused("budget", "-3", "greater than 0", str(yaml), "COVEY_*")
    yaml.write_text("bugdet: 3\n")
    refused("bugdet", "Extra inputs", str(yaml))
    yaml.unlink()
    monkeypatch.setenv("COVEY_WORKERS", "many")
    refused("workers", "many", "integer")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_budget_is_a_finite_number(value: str) -> None:
    refused("budget", budget=float(value))


def test_every_wrong_setting_is_named_at_once() -> None:
    refused("budget", "sandbox", budget=-1, sandbox="docker")


@pytest.mark.parametrize(
    "text", ["budget: [unclosed", "- a\n- list\n", "just words\n", "\t bad: tab", "a: &x [*x]\n", "budget: 2\x00\n"]
)
def test_a_file_that_is_no_configuration_is_named(yaml: Path, text: str) -> None:
    yaml.write_text(text)
    refused(str(yaml))


def test_a_file_that_is_not_text_is_named(yaml: Path) -> None:
    yaml.write_bytes(b"budget: \xff\xfe\n")
    refused(str(yaml))


def test_yaml_cannot_build_objects(yaml: Path, tmp_path: Path) -> None:
    yaml.write_text(f"home: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n")
    refused(str(yaml))
    assert not (tmp_path / "made").exists()


def test_nothing_is_read_from_the_folder_that_is_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".env", "covey.env", "config.yaml", "covey.yaml", ".covey.yaml"):
        (tmp_path / name).write_text("COVEY_BUDGET=1\n" if name.endswith("env") else "budget: 1\n")
    (tmp_path / "pyproject.toml").write_text("[tool.covey]\nbudget = 1\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().budget == 300


def test_paths_are_absolute_and_may_start_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = load_settings(home="~/covey", out="here", log_file=Path("log"))
    assert settings.home == tmp_path / "covey"
    assert settings.out_dir == settings.out == tmp_path / "here"
    assert settings.log_file == tmp_path / "log"
    assert home_folder() == tmp_path


def test_the_file_is_where_the_variable_says_or_in_the_usual_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVEY_CONFIG", "~/mine.yaml")
    assert config_file() == Path.home() / "mine.yaml"
    monkeypatch.delenv("COVEY_CONFIG")
    assert config_file().parts[-2:] == ("covey", "config.yaml")


def test_values_taken_as_they_are_may_be_none_whatever_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVEY_PYTHON", "/elsewhere/python")
    assert load_settings(python=None).python == "/elsewhere/python"
    assert settings_from({"python": None}).python is None


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().budget = 1  # type: ignore[misc]


def test_installers_get_what_reaches_the_package_index_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "i")
    monkeypatch.setenv("https_proxy", "p")
    monkeypatch.setenv("HTTPS_PROXY", "P")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    found = install_environment()
    assert found["PIP_INDEX_URL"] == "i"
    assert (found["https_proxy"], found["HTTPS_PROXY"]) == ("p", "P")
    assert not {"AWS_SECRET_ACCESS_KEY", "PATH", "HOME"} & set(found)


def test_the_surroundings_are_read_here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/a:/b")
    monkeypatch.setenv("VIRTUAL_ENV", "/v")
    assert (search_path(), active_virtualenv()) == ("/a:/b", "/v")
    monkeypatch.setenv("VIRTUAL_ENV", "")
    assert active_virtualenv() is None
