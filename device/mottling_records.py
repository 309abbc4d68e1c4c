"""From a look at a photo to the record of it: the draft that stands if it is never finished, and what it came to."""

from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading, MottlingReason, MottlingResult
from contract.reading import Subject
from device.clock import Clock
from device.console_words import Mottling
from device.measured import measured_now
from device.photo_process import PhotoLook
from device.records import About

INTERRUPTED = MottlingResult(status="not_measurable", reason=MottlingReason.INTERRUPTED)


def look_draft(asked: Mottling, about: About, clock: Clock) -> MottlingReading:
    """Return the reading that stands if the look that begins now is never finished. It names no photo: none is kept."""
    return MottlingReading(
        reading_id=new_reading_id(),
        device_seq=1,
        study=about.study,
        subject=Subject(site=about.site, inclusion=about.inclusion),
        event=about.event,
        side=about.side,
        operator=about.operator,
        norepinephrine_onset_at=about.norepinephrine_onset_at,
        simulated=about.simulated,
        calibration_id=about.calibration_id,
        device=about.device,
        measured=measured_now(clock),
        photo_from=asked.photo_from,
        landmarks=asked.landmarks,
        result=INTERRUPTED,
    )


def looked(draft: MottlingReading, look: PhotoLook, photo_sha256: str | None) -> MottlingReading:
    """Return what a look came to, checked as a whole; raises `pydantic.ValidationError` where it is none."""
    found = {"result": look.result, "landmarks": look.landmarks, "photo_sha256": photo_sha256}
    return MottlingReading.model_validate({**draft.model_dump(), **found})
