"""Identifiers of the study's case report form, where its data centre has chosen its own."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from firmware_config.loading import Section
from firmware_config.wrong import refuse

Oid = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9._-]{0,62}$")]
"""An identifier as ODM files and REDCap know it: an XML name without colon, of ASCII characters."""

FIELDS: dict[str, tuple[str, ...]] = {
    "refill": (
        *("study", "site", "inclusion", "event", "measured_at", "clock_synchronised", "body_site", "side"),
        *("status", "reason", "crt_s", "crt_low_s", "crt_high_s", "crt_exceeds_s", "t50_s", "crt_90_10_s"),
        *("crt_100_10_s", "tau_s", "delay_s", "overshoot", "presses", "press_crt_s", "crt_spread"),
        *("protocol", "protocol_version", "protocol_sha256", "operator", "calibration_id", "simulated"),
        *("device", "device_seq", "software_version", "algorithm_version", "configuration_sha256"),
        *("schema_version", "reading_id", "sha256", "sent_at", "received_at", "norepinephrine_onset_at"),
        *("corrected", "confirmed_by", "comments", "build"),
    ),
    "mottling": (
        *("study", "site", "inclusion", "event", "measured_at", "clock_synchronised", "side", "status"),
        *("reason", "device_score", "person_score", "person_score_by", "person_score_at", "max_supported"),
        *("at_least", "confidence", "zone_knee_centre", "zone_knee", "zone_lower_thigh", "zone_upper_thigh"),
        *("zone_beyond_groin", "mottled_area_cm2", "mm_per_px", "landmarks_by", "photo_from"),
        *("photo_sha256", "operator", "calibration_id", "simulated", "device", "device_seq"),
        *("software_version", "algorithm_version", "configuration_sha256", "schema_version", "reading_id"),
        *("sha256", "sent_at", "received_at", "norepinephrine_onset_at", "corrected", "confirmed_by"),
        *("comments", "build"),
    ),
}
"""The fields of each form, as the CSV's columns are called. A test holds them against the export."""


class Crf(Section):
    """Identifiers by field and event. What is not named here keeps the one that is made of its name."""

    study_oid: Oid | None = Field(None, description="identifier of the study; none: S. and its name")
    events: dict[str, Oid] = Field(default_factory=dict, description="identifier of each event; none: SE. and its name")
    refill: dict[str, Oid] = Field(
        default_factory=dict, description="item of each field of the refill form; none: I.refill. and its name"
    )
    mottling: dict[str, Oid] = Field(
        default_factory=dict, description="item of each field of the mottling form; none: I.mottling. and its name"
    )

    @model_validator(mode="after")
    def _each_once(self) -> "Crf":
        wrong = []
        chosen = {"refill": self.refill, "mottling": self.mottling}
        for form, oids in chosen.items():
            wrong += [f"{form}.{name}: is no field of this form" for name in oids if name not in FIELDS[form]]
        taken: dict[str, str] = {}
        for form, names in FIELDS.items():
            for name in names:
                oid = self.item(form, name)
                if oid in taken:
                    wrong.append(f"{form}.{name}: {oid} stands there twice: {taken[oid]} has it")
                taken.setdefault(oid, f"{form}.{name}")
        refuse(wrong)
        return self

    def item(self, form: str, field: str) -> str:
        """Return the identifier of a form's field."""
        oids = self.refill if form == "refill" else self.mottling
        return oids.get(field, f"I.{form}.{field}")

    def event(self, event: str) -> str:
        """Return the identifier of an event."""
        return self.events.get(event, f"SE.{event}")

    def study(self, name: str) -> str:
        """Return the identifier of the study."""
        return self.study_oid or f"S.{name}"


def wrong_events(crf: Crf, events: Sequence[str]) -> list[str]:
    """Return what does not fit between the identifiers and the study's events, a sentence each."""
    wrong = [f"crf.events.{event}: is not among events" for event in crf.events if event not in events]
    taken: dict[str, str] = {}
    for event in events:
        oid = crf.event(event)
        if oid in taken:
            wrong.append(f"crf.events.{event}: {oid} stands there twice: {taken[oid]} has it")
        taken.setdefault(oid, event)
    return wrong
