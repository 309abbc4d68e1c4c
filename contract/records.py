"""Any record that a device's journal may hold and the wire may carry."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from contract.amendment import Amendment
from contract.mottling import MottlingReading
from contract.reading import Reading

AnyRecord = Annotated[Reading | MottlingReading | Amendment, Field(discriminator="kind")]
"""Told apart by `kind`. Version 1.0 and 1.1 knew `refill` only."""

RECORD: TypeAdapter[Reading | MottlingReading | Amendment] = TypeAdapter(AnyRecord)


def read_record(body: str | bytes, *, strict: bool = False) -> Reading | MottlingReading | Amendment:
    """Return the record in its canonical text; raises `pydantic.ValidationError` for anything else."""
    return RECORD.validate_json(body, strict=strict)
