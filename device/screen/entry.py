"""The number of a subject, and a time of day, typed on a keypad with gloves on or read from a bar code. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contract.reading import Subject

SCANNED = re.compile(r"\s*([0-9]{2,4})\s*[-/ ]\s*([0-9]{1,6})\s*")
"""What a bar-code reader types: site, a dash (a slash or a space, as its keyboard layout makes of it), inclusion."""


@dataclass(frozen=True)
class Entry:
    """What has been typed so far. The site's digits come first; where the device has a site, it stands already."""

    site: str
    digits: str = ""
    most_digits: int = 6

    def typed(self, digit: str) -> "Entry":
        """Return it with one more digit; one too many is not taken."""
        if len(self.digits) >= self.most_digits or not (digit.isascii() and digit.isdigit() and len(digit) == 1):
            return self
        return replace(self, digits=self.digits + digit)

    def erased(self) -> "Entry":
        """Return it without its last digit."""
        return replace(self, digits=self.digits[:-1])

    @property
    def subject(self) -> Subject | None:
        """The subject that stands there, or None while it is none."""
        return Subject(site=self.site, inclusion=self.digits) if self.digits else None


def scanned(text: str) -> Subject | None:
    """Return the subject that a bar-code reader has typed, or None where it is none."""
    match = SCANNED.fullmatch(text)
    return Subject(site=match[1], inclusion=match[2]) if match else None


def onset_at(digits: str, days_ago: int, now: datetime) -> datetime | None:
    """Return the instant that four digits name, in the zone of `now`; None where they name no time of day."""
    if len(digits) != 4 or int(digits[:2]) > 23 or int(digits[2:]) > 59:
        return None
    day = now - timedelta(days=days_ago)
    # Through the naive time: the clock may have been put forward or back since.
    return day.replace(hour=int(digits[:2]), minute=int(digits[2:]), second=0, microsecond=0, tzinfo=None).astimezone()
