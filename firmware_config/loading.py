"""TOML into pydantic models, with every error named by file and key."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PACKAGED: Path = Path(__file__).parent


class ConfigurationError(Exception):
    """A configuration file cannot be used. One line per error, each naming file and key."""


class Section(BaseModel):
    """Base of every configuration model: unknown keys are refused, numbers are finite, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def by_kind(default: str) -> Discriminator:
    """Tell the models of a section apart by its key `kind`, which may be left out for `default`."""

    def kind(section: Any) -> str:
        found = section.get("kind", default) if isinstance(section, dict) else getattr(section, "kind", default)
        return str(found)

    return Discriminator(kind)


Model = TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model]) -> Model:
    """Return the file as a checked `model`; raises `ConfigurationError` naming the file and each wrong key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [f"{path}: {_said(one, content)}" for one in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(lines)) from error


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


def _said(error: "ErrorDetails", content: Any) -> str:
    """Return one error as key and sentence. pydantic names the chosen `kind` on the way to a key: the file does not."""
    parts, here = [], content
    for number, part in enumerate(error["loc"]):
        inside = _inside(here, part)
        last = number == len(error["loc"]) - 1
        if inside is None and not (last and error["type"] == "missing"):
            continue
        parts.append(str(part))
        here = inside
    if error["type"] == "union_tag_invalid":
        return f"{'.'.join([*parts, 'kind'])}: Input should be {error['ctx']['expected_tags']}"
    return f"{'.'.join(parts) or 'file'}: {error['msg']}"


def _inside(content: Any, part: int | str) -> Any:
    if isinstance(content, dict):
        return content.get(part)
    return content[part] if isinstance(content, list) and isinstance(part, int) and part < len(content) else None
