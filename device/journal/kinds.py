"""What a record of each kind names besides itself: the traces of a measurement's presses, the photo of an assessment.

A photo is kept as trace 1 of its record. So everything that holds for traces holds for it: its hash stands in the
record, it is never altered, and it may go only once that is written down.
"""

from typing import Final

from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.records import AnyRecord

PHOTO: Final = 1
"""The number under which a photo is kept."""


def named(record: AnyRecord) -> dict[int, str]:
    """Return number and hash of all that a record says is kept beside it."""
    if isinstance(record, Reading):
        return {press.number: press.trace_sha256 for press in record.presses if press.trace_sha256 is not None}
    if isinstance(record, MottlingReading) and record.photo_sha256 is not None:
        return {PHOTO: record.photo_sha256}
    return {}


def called(record: AnyRecord, number: int) -> str:
    """Return what people call it."""
    return "the photo" if isinstance(record, MottlingReading) else f"the trace of press {number}"


def photo_ending(content: bytes) -> str:
    """Return how the name of a photo's file ends, by its first bytes."""
    return "png" if content.startswith(b"\x89PNG") else "jpg"
