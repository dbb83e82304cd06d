"""What ``--model`` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.core.errors import UnusableModel
from covey.models.catalogue import load_catalogue
from covey.models.names import (
    ModelEndpoint,
    ModelFile,
    ModelFolder,
    ModelTeam,
    NoModel,
    downloaded_names,
    resolve_model,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models"
    made.mkdir()
    return made


def put(folder: Path, *names: str) -> None:
    catalogue = load_catalogue()
    for name in names:
        catalogue.get(name).path(folder).write_bytes(b"GGUF")


@pytest.mark.parametrize("text", ["", "  ", "none", "None"])
def test_nothing_is_no_model(text: str, folder: Path) -> None:
    assert resolve_model(text, folder) == NoModel()


def test_a_path_is_the_file_there(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "My Model-Q4.GGUF"
    path.write_bytes(b"GGUF")
    assert resolve_model(str(path), folder) == ModelFile(path=str(path), name="My Model-Q4")
    monkeypatch.chdir(tmp_path)
    assert resolve_model("My Model-Q4.GGUF", folder) == ModelFile(path=str(path), name="My Model-Q4")


def test_the_first_of_several_files_gives_the_name_of_the_whole(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "big-00001-of-00003.gguf"
    path.write_bytes(b"GGUF")
    found = resolve_model(str(path), folder)
    assert isinstance(found, ModelFile)
    assert found.name == "big"


def test_a_downloaded_file_is_found_by_its_name_with_and_without_ending(folder: Path) -> None:
    (folder / "own-model.gguf").write_bytes(b"GGUF")
    expected = ModelFile(path=str(folder / "own-model.gguf"), name="own-model")
    assert resolve_model("own-model", folder) == resolve_model("own-model.gguf", folder) == expected
    assert downloaded_names(folder) == ("own-model",)
    assert downloaded_names(folder / "nowhere") == ()


def test_a_name_or_alias_of_the_catalogue_is_its_downloaded_file(folder: Path) -> None:
    put(folder, "qwen2.5-coder-7b")
    path = str(folder / "qwen2.5-coder-7b-instruct-q4_k_m.gguf")
    expected = ModelFile(path=path, name="qwen2.5-coder-7b")
    assert resolve_model("qwen2.5-coder-7b", folder) == resolve_model("Qwen2.5-Coder", folder) == expected


def test_a_profile_of_one_model_is_that_file_as_the_profile_wants_it(folder: Path) -> None:
    put(folder, "qwen2.5-coder-7b")
    found = resolve_model("8gb", folder)
    assert isinstance(found, ModelFile)
    assert (found.name, found.context, found.kv_type) == ("qwen2.5-coder-7b", 16384, "f16")


def test_a_profile_of_several_models_is_a_team(folder: Path) -> None:
    put(folder, "gemma-2-2b", "nemotron-nano-8b", "qwen3-coder-30b-a3b", "devstral-small-2-24b")
    found = resolve_model("breakingwind-128gb", folder)
    assert isinstance(found, ModelTeam)
    assert {role: member.name for role, member in found.members.items()}["coder"] == "qwen3-coder-30b-a3b"
    assert found.members["coder"].parallel == 2


def test_what_is_not_downloaded_names_the_command(folder: Path) -> None:
    with pytest.raises(
        UnusableModel, match=r"not downloaded \(4.7 GB\). Get it with: covey models pull qwen2.5-coder-7b"
    ):
        resolve_model("qwen2.5-coder", folder)
    put(folder, "gemma-2-2b", "nemotron-nano-8b")
    with pytest.raises(UnusableModel) as caught:
        resolve_model("breakingwind-128gb", folder)
    assert "covey models pull qwen3-coder-30b-a3b; covey models pull devstral-small-2-24b" in str(caught.value)
    assert "gemma" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url", "model"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1", None),
        ("HTTPS://api.example.com/v1/#big model", "HTTPS://api.example.com/v1", "big model"),
        ("https://h/v1#", "https://h/v1", None),
        ("http://[::1]:8080/v1#a#b", "http://[::1]:8080/v1", "a#b"),
    ],
)
def test_an_address_is_an_endpoint(text: str, url: str, model: str | None, folder: Path) -> None:
    assert resolve_model(text, folder) == ModelEndpoint(url=url, model=model)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/v1", "must start with http"),
        ("http://", "is not an address"),
        ("http://h:99999/v1", "must start with http|is not an address"),
        ("https://me:hunter2@host/v1", "COVEY_MODEL_KEY"),
        ("https://host/model.gguf", "covey models pull https://host/model.gguf"),
        ("nowhere.gguf", "There is no file nowhere.gguf"),
        ("./nothing", "There is no file nothing"),
        ("/", "is a folder"),
        ("qwen2.5-codr", "Nearest: .*qwen2.5-coder"),
        ("a\0b", "neither a path nor a name"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, words: str, folder: Path) -> None:
    with pytest.raises(UnusableModel, match=words) as caught:
        resolve_model(text, folder)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_gguf_is_refused_by_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    for text in ("weights.bin", str(tmp_path / "weights.bin")):
        with pytest.raises(UnusableModel, match="is not a GGUF file"):
            resolve_model(text, folder)


def test_an_own_file_is_among_the_nearest_names(folder: Path) -> None:
    (folder / "My-Tuned-Model.gguf").write_bytes(b"GGUF")
    with pytest.raises(UnusableModel, match="Nearest: My-Tuned-Model"):
        resolve_model("my-tuned-modell", folder)


def test_a_folder_of_transformers_is_told_from_any_other(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="without a config"):
        resolve_model(str(tmp_path), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert resolve_model(str(tmp_path), tmp_path) == ModelFolder(path=str(tmp_path))
