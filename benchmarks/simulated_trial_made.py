"""What happens in the made-up trial, and what is true of it: written down before anything is stored.

Each device has a clock of its own: `true` is when something happened, `shown` what the device's clock said. Windows and
lateness follow from these times by plain arithmetic, never from the product's own rules.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.simulated_trial_truth import DAYS, KINDS, LATE_AFTER, START, WINDOW, Row, Sent, Site, Truth
from benchmarks.trial_readings import BOOT
from contract.amendment import Amendment
from contract.envelope import Envelope, canonical_json, chain_sha256
from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.source import Source
from firmware_config.study import Study

FATES = (
    *("done", "done", "done", "refused", "missing", "late", "again", "outside", "unnamed"),
    *("typed-wrong", "amended", "said", "clock", "lost", "damaged", "damaged-for-good"),
)
"""What becomes of an expected reading. `lost` never comes in; `again` is a second one after a refusal;
`typed-wrong` is corrected by a data manager, and commented or scored at the bedside before; `amended` is corrected at
the bedside; `said` is only commented there, or scored; `damaged` comes in broken first and whole later,
`damaged-for-good` broken only."""


def study_of(sites: int) -> Study:
    """Return the made-up study with so many sites."""
    events = ["inclusion", *(f"day-{day}" for day in DAYS)]
    expected: list[dict[str, Any]] = [{"event": "inclusion", "readings": list(KINDS[0])}]
    for day in DAYS:
        window = {"after": "inclusion", "from_h": 24 * day - 6, "to_h": 24 * day + 6}
        expected.append({"event": f"day-{day}", "readings": list(KINDS[day]), **window})
    content = {"name": "made-up", "title": "made up", "sites": [f"{number:02d}" for number in range(1, sites + 1)]}
    return Study.model_validate({**content, "events": events, "accept_simulated": True, "expected": expected})


def made_up(study: Study, subjects: int, seed: int) -> tuple[list[Site], Truth]:
    """Return what the sites send and what is true of it."""
    chance, truth = random.Random(seed), Truth()  # noqa: S311 - made-up patients
    sites = [Site(name, number) for number, name in enumerate(study.sites)]
    for number in range(subjects):
        _subject(sites[number % len(sites)], f"{1 + number:04d}", START + timedelta(hours=number), chance, truth)
    for site in sites:
        # A lost last record leaves no gap to see: each device sends two more.
        begin, subject = START + timedelta(days=300), f"{9000 + int(site.name):04d}"
        for day in (0, *DAYS):
            for kind in KINDS[day]:
                done = day == 0
                _Happening(site, subject, day, kind, begin, begin, chance, truth).become("done" if done else "missing")
        truth.asked |= _gaps(site)
    return sites, truth


def _subject(site: Site, inclusion: str, begin: datetime, chance: random.Random, truth: Truth) -> None:
    anchor = site.shows(begin)
    for day in (0, *DAYS):
        for kind in KINDS[day]:
            # The anchor always stands, or nothing after it could be told.
            fate = "done" if day == 0 else chance.choice(FATES)
            _Happening(site, inclusion, day, kind, begin, anchor, chance, truth).become(fate)


def _gaps(site: Site) -> set[tuple[str, str, str]]:
    whole = {each.seq for each in site.sent if each.came is not None and not each.broken}
    missing = set(range(1, site.count + 1)) - whole
    return {("gap", site.name, f"{site.device}:{seq}") for seq in missing if seq + 1 not in missing}


@dataclass
class _Happening:
    """One expected reading of one subject. `anchor`: what the device's clock said at inclusion."""

    site: Site
    inclusion: str
    day: int
    kind: str
    begin: datetime
    anchor: datetime
    chance: random.Random
    truth: Truth

    @property
    def event(self) -> str:
        return "inclusion" if self.day == 0 else f"day-{self.day}"

    def become(self, fate: str) -> None:
        """Make the reading up, and note what is true of it."""
        minutes = {"finger": 0, "knee": 10, "mottling": 20}[self.kind]
        at = self.begin + timedelta(days=self.day, minutes=minutes, hours=8 if fate == "outside" else 0)
        counts, state = "", "missing"
        if fate != "missing":
            counts = self._measure(fate, at)
            state = ("refused" if fate in ("refused", "again") else "done") if counts else "missing"
        if fate == "again":
            counts, state = self._measure("done", at + timedelta(minutes=30)), "done"
        self.truth.slots.add((self.site.name, self.inclusion, self.event, self.kind, state, counts))

    def _measure(self, fate: str, true: datetime) -> str:
        """Send one reading; return its id where it came in."""
        site, shown = self.site, self.site.shows(true)
        if fate == "unnamed" and not self._lies_in_its_window(shown):
            fate = "done"  # where it would belong then is another matter
        named = {"unnamed": None, "typed-wrong": "inclusion", "amended": "inclusion"}.get(fate, self.event)
        came = None if fate == "lost" else site.arrives(true, timedelta(hours=30 if fate == "late" else 1))
        clock = fate != "clock" and shown == true
        record = self._record(fate, named, shown, clock)
        whole = _send(site, record, true, came, fate, self.truth)
        row = _row_of(record, self.kind, site, whole)
        if row is None:
            return ""
        self.truth.rows[row.reading_id] = row
        self._asks(row, named)
        if fate == "typed-wrong":
            self._moved(row, "dm-1", "typed wrong")
            self.truth.corrections.append((row.reading_id, self.event))
        if fate in ("amended", "said", "typed-wrong"):
            self._at_the_bedside(fate, record, row, true + timedelta(minutes=5))
        return row.reading_id

    def _lies_in_its_window(self, shown: datetime) -> bool:
        return self.day == 0 or abs(shown - self.anchor - timedelta(days=self.day)) <= WINDOW

    def _asks(self, row: Row, named: str | None) -> None:
        if not row.clock:
            self.truth.asked.add(("clock", row.site, row.reading_id))
        if named is not None and not self._lies_in_its_window(row.shown):
            self.truth.asked.add(("out-of-window", row.site, row.reading_id))
        if row.came - row.shown > LATE_AFTER:
            self.truth.asked.add(("late", row.site, row.reading_id))

    def _moved(self, row: Row, actor: str, why: str) -> None:
        row.event, row.corrected = self.event, "event"
        self.truth.changes.add((row.reading_id, actor, why, "event", self.event))

    def _record(self, fate: str, named: str | None, shown: datetime, clock: bool) -> Reading | MottlingReading:
        content = _source(self.site, self.inclusion, named, shown, clock) | {
            "operator": self.chance.choice(["n1", "n2"])
        }
        refused = fate in ("refused", "again")
        if self.kind == "mottling":
            score = self.chance.randrange(4)
            found: dict[str, Any] = {"status": "measured", "score": score, "max_supported": 5, "confidence": 0.9}
            found["zones"] = {"knee_centre": 0.4, "knee": 0.25, "lower_thigh": None}
            result = {"status": "not_measurable", "reason": "blurred"} if refused else found
            photo = {"photo_sha256": "c" * 64, "photo_from": "camera"}
            return MottlingReading.model_validate({**content, **photo, "result": result})
        crt_s = round(self.chance.uniform(2.0, 3.0), 3)
        crt: dict[str, Any] = {"status": "measured", "crt_s": crt_s, "crt_ci95_s": [crt_s - 0.2, crt_s + 0.2]}
        if refused:
            crt = {"status": "not_measurable", "reason": "moved"}
        press = {"number": 1, "result": crt, "target_kpa": 40.0, "frames": 600, "frames_dropped": 0}
        protocol = {"name": "demo", "version": "1", "sha256": "a" * 64}
        made = {"body_site": self.kind, "protocol": protocol, "result": crt, "presses": [press]}
        return Reading.model_validate(content | made)

    def _at_the_bedside(self, fate: str, about: Reading | MottlingReading, row: Row, true: datetime) -> None:
        """Say something of the reading on its device: its event was typed wrong, or a confirmation with more."""
        site = self.site
        content = _source(site, self.inclusion, about.event, site.shows(true), site.shows(true) == true)
        content |= {"about": str(about.reading_id), "operator": "n9"}
        who = f"n9@{site.device}"
        if fate == "amended":
            changes = [{"field": "event", "old": about.event, "new": self.event}]
            content |= {"action": "corrected", "changes": changes, "why": "typed_wrong"}
            self._moved(row, who, "typed_wrong")
        elif self.kind == "mottling":
            score = self.chance.randrange(4)
            content |= {"action": "confirmed", "mottling_score": score}
            row.person_score, row.confirmed_by = str(score), "n9"
            self.truth.changes.add((row.reading_id, who, "said at the bedside", "person_score", str(score)))
        else:
            content |= {"action": "commented", "comment": "cold_skin"}
            row.comments = "cold_skin"
            self.truth.changes.add((row.reading_id, who, "said at the bedside", "comments", "cold_skin"))
        if row.confirmed_by:
            self.truth.changes.add((row.reading_id, who, "said at the bedside", "confirmed_by", "n9"))
        # Some come before what they are about.
        came = site.arrives(true, timedelta(minutes=self.chance.choice([30, 90])))
        _send(site, Amendment.model_validate(content), true, came, "", self.truth)


def _source(site: Site, inclusion: str, event: str | None, shown: datetime, clock: bool) -> dict[str, Any]:
    site.count += 1
    versions = {"software_version": "0.1.0", "algorithm_version": "1", "configuration_sha256": "b" * 64}
    measured = {"boot_id": str(BOOT), "boottime_ns": site.count * 1_000_000_000, "clock_synchronised": clock}
    return {
        "reading_id": str(new_reading_id()),
        "device_seq": site.count,
        "study": "made-up",
        "subject": {"site": site.name, "inclusion": inclusion},
        "event": event,
        "simulated": True,
        "device": {"name": site.device, **versions},
        "measured": {"at": shown.isoformat(), **measured},
    }


def _send(
    site: Site, record: Source, true: datetime, came: datetime | None, fate: str, truth: Truth
) -> datetime | None:
    """Put a record into its device's chain, and return when it comes in whole; None: never."""
    body = canonical_json(record)
    sha256 = chain_sha256(site.last, body)
    sealed = Envelope(sent_at=true, previous_sha256=site.last, sha256=sha256, body=body)
    site.last = sha256
    whole = sealed.model_dump_json().encode()
    if fate.startswith("damaged") and came is not None:
        broken = sealed.model_copy(update={"sha256": "0" * 64}).model_dump_json().encode()
        site.sent.append(Sent(broken, came, record.device_seq, broken=True))
        letter = ("hash", site.device, str(record.device_seq))
        truth.letters.add(letter)
        if fate == "damaged-for-good":
            truth.for_good.add(letter)
            return None
        came += timedelta(hours=1)
    site.sent.append(Sent(whole, came, record.device_seq))
    return came


def _row_of(record: Reading | MottlingReading, kind: str, site: Site, came: datetime | None) -> Row | None:
    if came is None:
        return None
    result = record.result
    number = record.result.score if isinstance(record, MottlingReading) else record.result.crt_s
    return Row(
        reading_id=str(record.reading_id),
        kind=kind,
        site=site.name,
        inclusion=record.subject.inclusion,
        event=record.event or "",
        status=str(result.status),
        reason="" if result.reason is None else str(result.reason),
        value="" if number is None else repr(number),
        operator=str(record.operator),
        device=site.device,
        shown=record.measured.at,
        came=came,
        clock=record.measured.clock_synchronised,
    )
