"""The made-up trial's sites with their links and clocks, and what has to be found in the end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from contract.identifiers import GENESIS_SHA256

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
DAYS = (1, 2, 3)
KINDS = {
    0: ("finger", "knee", "mottling"),
    1: ("finger", "knee"),
    2: ("finger", "knee", "mottling"),
    3: ("finger", "knee"),
}
"""What is measured on each day, 0 being that of inclusion."""
AWAY = (timedelta(days=3), timedelta(days=9))
"""Every fourth site's link is down for so long, counted from the start."""
SHIFTED = (timedelta(days=4), timedelta(days=8))
"""Two of four sites' clocks are wrong for so long."""
SHIFTS = {2: timedelta(hours=31), 3: timedelta(hours=-31)}
LATE_AFTER = timedelta(hours=24)
WINDOW = timedelta(hours=6)


@dataclass
class Row:
    """What stands of one reading that came in: the truth of every export."""

    reading_id: str
    kind: str
    site: str
    inclusion: str
    event: str
    status: str
    reason: str
    value: str
    operator: str
    device: str
    shown: datetime
    came: datetime
    clock: bool
    corrected: str = ""
    confirmed_by: str = ""
    comments: str = ""
    person_score: str = ""


@dataclass
class Truth:
    """What must be found.

    `slots`: site, inclusion, event, kind, state, reading; `asked`: code, site, about; `changes`: reading, who, why,
    item, value; `letters`: reason, device, number; `for_good`: those of them whose record never comes in;
    `corrections`: what a data manager does, reading and event.
    """

    slots: set[tuple[str, str, str, str, str, str]] = field(default_factory=set)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    rows: dict[str, Row] = field(default_factory=dict)
    changes: set[tuple[str, str, str, str, str]] = field(default_factory=set)
    letters: set[tuple[str, str, str]] = field(default_factory=set)
    for_good: set[tuple[str, str, str]] = field(default_factory=set)
    corrections: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Sent:
    """One message of a device: when it comes in, and whether it came in broken. `came` None: never."""

    payload: bytes
    came: datetime | None
    seq: int
    broken: bool = False


@dataclass
class Site:
    """A site's device: its sealed records in order."""

    name: str
    number: int
    sent: list[Sent] = field(default_factory=list)
    last: str = GENESIS_SHA256
    count: int = 0

    @property
    def device(self) -> str:
        """Return its device's name."""
        return f"bed-{self.name}"

    def shows(self, true: datetime) -> datetime:
        """Return what its clock says."""
        shift = SHIFTS.get(self.number % 4)
        begin, end = (START + each for each in SHIFTED)
        return true + shift if shift is not None and begin <= true < end else true

    def arrives(self, true: datetime, delay: timedelta) -> datetime:
        """Return when something that was sent then comes in."""
        begin, end = (START + each for each in AWAY)
        came = true + delay
        return end + timedelta(hours=1) if self.number % 4 == 1 and begin <= came < end else came
