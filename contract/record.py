"""What every message on the wire has in common: it is closed, it never changes, and it names its version.

`docs/wire.md` says when a version gets a new number, and what old and new sides do with each other's messages.
"""

import re
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

SchemaVersion = Literal["1.0", "1.1", "1.2", "1.3", "1.4"]
"""1.1 adds norepinephrine's onset and the set of each press to a reading, and the health of its parts to a status. 1.2
adds two kinds of record: the mottling reading and the amendment. 1.3 adds the build to what measured. 1.4 adds the
calibration certificate and its receipt."""
SCHEMA_VERSION: SchemaVersion = "1.4"
"""Version that is written. The minor number grows with whatever an older reader would refuse, the major with anything
that it would misunderstand."""

_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")


class Record(BaseModel):
    """Closed and immutable: an unknown field is refused, a value never changes after the record is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def newer_version(content: str | bytes) -> str | None:
    """Return the version that a message names where it is newer than ours, else None. Never raises, whatever it is."""
    try:
        message = from_json(content)
    except ValueError:
        return None
    named = message.get("schema_version") if isinstance(message, dict) else None
    found = _number(named)
    return named if found is not None and found > _OURS else None


def answer_version(asked: object) -> SchemaVersion:
    """Return the version in which a sender is answered that wrote version `asked`, whatever that is.

    Its own where we know it: an older device refuses a newer receipt. One that is newer than ours reads ours; whoever
    names none that can be read gets the oldest, which everybody reads.
    """
    known: tuple[SchemaVersion, ...] = get_args(SchemaVersion)
    for version in known:
        if version == asked:
            return version
    found = _number(asked)
    return SCHEMA_VERSION if found is not None and found > _OURS else known[0]


def _number(version: object) -> tuple[int, int] | None:
    """Return MAJOR.MINOR as numbers, or None where it is nothing of the kind."""
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2])) if match else None


_OURS: tuple[int, int] = max(number for version in get_args(SchemaVersion) if (number := _number(version)) is not None)
