"""Identifiers: what a site, a device or a subject may be called, and the time-ordered id of a reading."""

import os
import time
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="lower-case letters, digits and hyphens")]
"""A name that is safe as an MQTT topic level, a file name and a database key."""

SiteNumber = Annotated[str, Field(pattern=r"^[0-9]{2,4}$", description="site number within the study, for example 07")]
InclusionNumber = Annotated[str, Field(pattern=r"^[0-9]{1,6}$", description="inclusion number within the site")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, lower-case hexadecimal")]

VersionText = Annotated[str, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A whole number that every JSON reader and every database holds exactly."""

DeviceSeq = Annotated[int, Field(ge=1, le=2**53 - 1, description="gapless count of this device's records")]


def _is_version_7(value: UUID) -> UUID:
    if value.version != 7:
        raise ValueError("not a UUIDv7")
    return value


ReadingId = Annotated[UUID, AfterValidator(_is_version_7), Field(description="UUIDv7: ids sort by time")]

GENESIS_SHA256: str = "0" * 64
"""The `previous_sha256` of a device's first record."""


def new_reading_id(unix_ms: int | None = None) -> UUID:
    """Return a UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then 74 random bits.

    `unix_ms` defaults to the wall clock. A wrong wall clock only affects sorting, never uniqueness.
    """
    milliseconds = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    if not 0 <= milliseconds < 1 << 48:
        raise ValueError(f"unix_ms out of range for a UUIDv7: {milliseconds}")
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (
        milliseconds << 80 | 0x7 << 76 | (random_bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | random_bits & (1 << 62) - 1
    )
    return UUID(int=value)
