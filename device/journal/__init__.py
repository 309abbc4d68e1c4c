"""The journal: the device's own append-only record, a SQLite file. It is the source data; nothing here is ever lost.

`store` writes (one process at a time), `deliveries` is what the publisher sees and adds to, `chain` checks, `keeping`
guards the file: the writer's lock, the high-water mark beside it, and setting a broken journal aside.
"""

from device.journal.chain import Verification
from device.journal.deliveries import Deliveries
from device.journal.schema import (
    JournalError,
    JournalFullError,
    JournalInUseError,
    JournalReadOnlyError,
    JournalRecord,
    JournalVersionError,
)
from device.journal.store import Journal

__all__ = [
    "Deliveries",
    "Journal",
    "JournalError",
    "JournalFullError",
    "JournalInUseError",
    "JournalReadOnlyError",
    "JournalRecord",
    "JournalVersionError",
    "Verification",
]
