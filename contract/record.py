"""What every message on the wire has in common: it is closed, it never changes, and it names its version."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SchemaVersion = Literal["1.0", "1.1"]
"""1.1 adds norepinephrine's onset and the set of each press to a reading, and the health of its parts to a status."""
SCHEMA_VERSION: SchemaVersion = "1.1"
"""Version that is written. The minor number grows with optional fields, the major with anything else."""


class Record(BaseModel):
    """Closed and immutable: an unknown field is refused, a value never changes after the record is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
