"""What is wrong with the content of a file: every error as key and sentence, rules between keys included.

A model's own rules run only where each of its keys is right. So that one wrong key hides no other error, the wrong ones
are left out and the rest is looked at again; what then follows from a default in their place is not said. A wrong key
that has no default cannot be left out: the rules of its section wait until it is right.
"""

import copy
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from firmware_config.tree import Place, keys, model_at

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ALIKE = 0.6
"""Two keys as like as this (difflib's ratio) may be meant for one another: `hold_ms` and `hold_s` are at 0.77."""


class ConflictsError(ValueError):
    """Several things that do not go together, in a line each; a model's rule would tell only the first."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


def refuse(lines: Sequence[str]) -> None:
    """Raise `ConflictsError` where there are any."""
    if lines:
        raise ConflictsError(lines)


@dataclass(frozen=True)
class Examined:
    """What is wrong with a file's content, as `key: sentence`, each once; the model of what is right in it, where that
    makes one; and the last names of the keys that had to be left out for it."""

    problems: list[str]
    model: BaseModel | None
    left_out: frozenset[str]

    def concerns(self, line: str) -> bool:
        """Whether a line speaks of a key that was left out: then it may be about a default, not about the file."""
        return bool(self.left_out & set(re.findall(r"\w+", line)))


def examine(content: Any, model: type[BaseModel]) -> Examined:
    """Look at a file's content until all that can be known of it is known. Never raises for what stands in it."""
    right, errors = _validated(content, model)
    found = Examined([line for error in errors for line in _said(error, content, model)], right, frozenset())
    rest = content
    while errors:
        rest, left_out = _without_wrong(rest, errors, model)
        if not left_out:
            break
        right, errors = _validated(rest, model)
        found = Examined(found.problems, right, found.left_out | left_out)
        hidden = [
            line for error in errors if _is_rule_of_a_section(error, rest, model) for line in _said(error, rest, model)
        ]
        found.problems.extend(line for line in hidden if not found.concerns(line))
    return Examined(list(dict.fromkeys(found.problems)), found.model, found.left_out)


def alike(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that `name` may have been meant for."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
    return found[0] if found else None


def _validated(content: Any, model: type[BaseModel]) -> tuple[BaseModel | None, list["ErrorDetails"]]:
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _is_rule(error: "ErrorDetails") -> bool:
    return error["type"] == "value_error"


def _is_rule_of_a_section(error: "ErrorDetails", content: Any, model: type[BaseModel]) -> bool:
    return _is_rule(error) and model_at(model, _place(error, content), content) is not None


def _without_wrong(content: Any, errors: list["ErrorDetails"], model: type[BaseModel]) -> tuple[Any, frozenset[str]]:
    """Return the content without its wrong keys, and their names. What is wrong in a list takes the list with it."""
    rest = copy.deepcopy(content)
    left_out: set[str] = set()
    for error in errors:
        if error["type"] == "missing":
            continue
        for place in _wrong_places(error, content, model):
            gone = _cut(rest, place)
            left_out |= {gone} if gone else set()
    return rest, frozenset(left_out)


def _cut(content: Any, place: list[str]) -> str | None:
    """Delete what is at a place of the content, or the section around it where it is not there; return its name.

    A key that is not there and wrong all the same has a default that clashes with its section.
    """
    for length in range(len(place), 0, -1):
        here = content
        for part in place[: length - 1]:
            here = here.get(part) if isinstance(here, dict) else None
        if isinstance(here, dict) and place[length - 1] in here:
            del here[place[length - 1]]
            return place[length - 1]
    return None


def _wrong_places(error: "ErrorDetails", content: Any, model: type[BaseModel]) -> list[list[str]]:
    """Return what has to go so that an error is gone: its key, or the keys that a rule's sentences begin with."""
    place = _place(error, content)
    named: list[list[str]] = []
    if _is_rule(error):
        section = model_at(model, place, content)
        named = [head.split(".") for line in _lines(error) if (head := _head(line, section)) is not None]
    whole = [[*place, *head] for head in named] or [place]
    return [[str(part) for part in takewhile(lambda part: isinstance(part, str), each)] for each in whole]


def _place(error: "ErrorDetails", content: Any) -> Place:
    """Return where in the file an error is. pydantic names the chosen `kind` on the way to a key: the file does not."""
    place: Place = []
    here = content
    for number, part in enumerate(error["loc"]):
        inside = _inside(here, part)
        last = number == len(error["loc"]) - 1
        if inside is None and not (last and error["type"] == "missing"):
            continue
        place.append(part)
        here = inside
    return place


def _said(error: "ErrorDetails", content: Any, model: type[BaseModel]) -> list[str]:
    """Return one error as key and sentence; a rule's error as many as it found."""
    place = _place(error, content)
    key = ".".join(str(part) for part in place)
    if error["type"] == "union_tag_invalid":
        return [f"{key}.kind: Input should be {error['ctx']['expected_tags']}"]
    if error["type"] == "extra_forbidden":
        return [f"{key}: {error['msg']}{_meant(place, content, model)}"]
    if not _is_rule(error):
        return [f"{key or 'file'}: {error['msg']}"]
    section = model_at(model, place, content)
    return [_by_its_key(key, line, section) for line in _lines(error)]


def _lines(error: "ErrorDetails") -> tuple[str, ...]:
    rule = error["ctx"]["error"]
    return rule.lines if isinstance(rule, ConflictsError) else (str(rule),)


def _head(line: str, section: type[BaseModel] | None) -> str | None:
    """Return the key of its section that a rule's sentence begins with."""
    head, colon, _ = line.partition(": ")
    known = section is not None and head.split(".")[0] in section.model_fields
    return head if colon and known and re.fullmatch(r"[a-z0-9_.]+", head) else None


def _by_its_key(section_key: str, line: str, section: type[BaseModel] | None) -> str:
    """Return a rule's sentence under the key that it begins with, where it does, and under its section otherwise."""
    if _head(line, section) is not None:
        return f"{section_key}.{line}" if section_key else line
    return f"{section_key or 'file'}: Value error, {line}"


def _meant(place: Place, content: Any, model: type[BaseModel]) -> str:
    """Return which key an unknown one may have been meant for: one of its section, or one of another section."""
    name, section = str(place[-1]), model_at(model, place[:-1], content)
    near = alike(name, list(section.model_fields)) if section is not None else None
    elsewhere = [key.name for key in keys(model) if key.path[-1] == name]
    if len(elsewhere) == 1:
        return f"; there is {elsewhere[0]}"
    return f"; is {near} meant?" if near is not None else ""


def _inside(content: Any, part: int | str) -> Any:
    if isinstance(content, dict):
        return content.get(part)
    return content[part] if isinstance(content, list) and isinstance(part, int) and part < len(content) else None
