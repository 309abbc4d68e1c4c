"""Finding one's way in a tree of models: which model holds a place of a file, and every key there is.

Where a section has several models, the file's `kind` says which; left out, the one that has a default for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Place = list[int | str]
"""Keys from the file's root to a value, with the numbers of list items."""


@dataclass(frozen=True)
class Key:
    """One key that a file may have: where it stands, in which section of which kind, and what the model says of it."""

    path: tuple[str, ...]
    kind: str | None
    field: FieldInfo
    model: type[BaseModel]

    @property
    def name(self) -> str:
        """The key with its sections, by dots; `[]` marks the items of a list."""
        return ".".join(self.path)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a type is made of, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def plain_types(annotation: Any) -> set[type]:
    """Return the plain types that a type is made of: a list's items', all of a union's."""
    if get_origin(annotation) is Literal:
        return {type(choice) for choice in get_args(annotation)}
    if get_origin(annotation) is Annotated:
        return plain_types(get_args(annotation)[0])
    parts = [part for part in get_args(annotation) if part is not Ellipsis]
    if parts:
        return {each for part in parts for each in plain_types(part)}
    return {annotation} if isinstance(annotation, type) else set()


def kind_of(model: type[BaseModel]) -> str | None:
    """Return the `kind` that a model stands for; None where it has none."""
    field = model.model_fields.get("kind")
    names = get_args(field.annotation) if field is not None else ()
    return str(names[0]) if len(names) == 1 else None


def chosen(annotation: Any, content: Any) -> type[BaseModel] | None:
    """Return the model that a section's content is held to; None where it is no section, or of no known kind."""
    models = models_in(annotation)
    if len(models) < 2:
        return models[0] if models else None
    kind = content.get("kind") if isinstance(content, dict) else getattr(content, "kind", None)
    if kind is None:
        return next((model for model in models if not model.model_fields["kind"].is_required()), None)
    return next((model for model in models if kind_of(model) == kind), None)


def model_at(model: type[BaseModel], place: Place, content: Any) -> type[BaseModel] | None:
    """Return the model of the section at `place` of a file's content; None where there is no section."""
    annotation: Any = model
    for part in place:
        if isinstance(part, int):
            content = content[part] if isinstance(content, list) and part < len(content) else None
            continue
        here = chosen(annotation, content)
        field = here.model_fields.get(part) if here is not None else None
        annotation = field.annotation if field is not None else None
        content = content.get(part) if isinstance(content, dict) else None
    return chosen(annotation, content)


def keys(model: type[BaseModel], path: tuple[str, ...] = (), kind: str | None = None) -> Iterator[Key]:
    """Yield every key of a model in the order of the code: values and, before what is in them, sections."""
    for name, field in model.model_fields.items():
        here = (*path, name)
        yield Key(here, kind, field, model)
        inner = models_in(field.annotation)
        for each in inner:
            yield from keys(each, (*here[:-1], name + "[]") if _many(field.annotation) else here, _kind(each, inner))


def _kind(model: type[BaseModel], beside: list[type[BaseModel]]) -> str | None:
    return kind_of(model) if len(beside) > 1 else None


def _many(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple) or any(_many(part) for part in get_args(annotation))
