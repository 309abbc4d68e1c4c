"""TOML into pydantic models, with every error named by file and key."""

import hashlib
import json
import tomllib
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, ValidationError, ValidationInfo, field_validator

from firmware_config.tree import plain_types
from firmware_config.wrong import examine

PACKAGED: Path = Path(__file__).parent


class ConfigurationError(Exception):
    """A configuration file cannot be used. One line per error, each naming file and key."""


class Section(BaseModel):
    """Base of every configuration model: unknown keys are refused, numbers are finite and never in quotes, a switch is
    `true` or `false`, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_what_toml_says_it_is(cls, value: Any, info: ValidationInfo) -> Any:
        types = plain_types(cls.model_fields[info.field_name].annotation) if info.field_name is not None else set()
        if types and types <= NUMBERS:
            for each in value if isinstance(value, list | tuple) else [value]:
                _refuse_other_type(each, types)
        return value


NUMBERS: frozenset[type] = frozenset({int, float, bool, type(None)})


def _refuse_other_type(value: Any, types: set[type]) -> None:
    """Raise for what pydantic would take for something else: "12" for 12, true for 1, "no" and 0 for false."""
    if bool in types and not isinstance(value, bool | NoneType):
        raise ValueError("is true or false, without quotes")
    if bool not in types and isinstance(value, bool | str):
        raise ValueError("is a number, without quotes")


def by_kind(default: str) -> Discriminator:
    """Tell the models of a section apart by its key `kind`, which may be left out for `default`."""

    def kind(section: Any) -> str:
        found = section.get("kind", default) if isinstance(section, dict) else getattr(section, "kind", default)
        return str(found)

    return Discriminator(kind)


Model = TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model]) -> Model:
    """Return the file as a checked `model`; raises `ConfigurationError` naming the file and each wrong key."""
    content = content_of(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        said = examine(content, model).problems
        raise ConfigurationError("\n".join(f"{path}: {line}" for line in said)) from error


def content_of(path: Path) -> dict[str, Any]:
    """Return what stands in a TOML file; raises `ConfigurationError` in one line where it cannot be read as such."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error


def named(kind: str, name: str, folder: Path | None = None) -> Path:
    """Return the path of `kind` ("protocols", "studies") called `name`; a site's `folder` goes before ours.

    Raises `ConfigurationError` naming what there is, where there is no such file.
    """
    places = [place / kind for place in (folder, PACKAGED) if place is not None]
    for place in places:
        path = place / f"{name}.toml"
        if path.name == f"{name}.toml" and path.is_file():
            return path
    known = sorted({path.stem for place in places for path in place.glob("*.toml")})
    raise ConfigurationError(f"{kind}/{name}.toml: no such file; there are: {', '.join(known) or 'none'}")


def load_named(kind: str, name: str, model: type[Model], folder: Path | None = None) -> Model:
    """Return `kind` called `name` as a checked `model`; the file has to call itself by the same name.

    Raises `ConfigurationError`: a copy under another file name would be taken for what it was copied from.
    """
    path = named(kind, name, folder)
    loaded = load(path, model)
    own = getattr(loaded, "name", name)
    if own != name:
        raise ConfigurationError(f"{path}: name: is {own!r}, but the file is called {name!r}")
    return loaded


def content_sha256(section: BaseModel) -> str:
    """Return the hash of a configuration's effective content, defaults included, whatever its file looked like."""
    text = json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
