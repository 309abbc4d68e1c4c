"""The reference page and the schemas are what the models say."""

import json
import tomllib
from pathlib import Path

import pytest

from firmware_config.checking import FOLDERS, files_in, model_of
from firmware_config.loading import PACKAGED
from firmware_config.schema import FOLDER, MODELS, files, hint
from firmware_config.tree import keys, models_in
from refill.config_docs import PAGE, as_markdown, written

HERE = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_models_say() -> None:
    page = (HERE / PAGE).read_text(encoding="utf-8")
    assert page == written(page), "run python -m refill.config_docs"


def test_a_page_that_lags_behind_would_be_seen() -> None:
    page = (HERE / PAGE).read_text(encoding="utf-8")
    assert written(page.replace("| `pins.pump` | whole number |", "| `pins.pump` | text |")) == page
    with pytest.raises(ValueError, match="broker"):
        written(page.replace("<!-- /broker -->", ""))


def test_every_key_says_what_it_is_for() -> None:
    for model in MODELS.values():
        rows = as_markdown(model).splitlines()
        assert all(row.split(" | ")[-1].strip(" |") for row in rows), rows


def test_every_key_of_the_packaged_files_is_on_the_page() -> None:
    page = (HERE / PAGE).read_text(encoding="utf-8")
    for model in MODELS.values():
        for key in keys(model):
            assert models_in(key.field.annotation) or f"`{key.name}`" in page


def test_the_schemas_are_what_the_models_say() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == files(), (
        "run python -m firmware_config.schema"
    )


def test_every_packaged_file_tells_an_editor_its_schema() -> None:
    names = {model: name for name, model in MODELS.items()}
    for path in files_in(PACKAGED):
        model = model_of(path)
        assert model is not None
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first == hint(names[model], path.parent.name if path.parent.name in FOLDERS else "")
        assert (path.parent / first.removeprefix("#:schema ")).is_file()


def test_a_schema_names_every_key_of_the_packaged_file() -> None:
    for path in files_in(PACKAGED):
        model = model_of(path)
        name = next(name for name, each in MODELS.items() if each is model)
        properties = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))["properties"]
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= set(properties)
