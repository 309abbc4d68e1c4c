"""The items of the case report form: identifier, type, unit and codes of each, for every route that needs them.

The identifiers are the study's own where its file has some, else made of the form's and the field's name.
"""

from dataclasses import dataclass
from typing import Literal

from contract.mottling import MOTTLING_REASONS
from contract.reasons import REASONS
from firmware_config.study_crf import Crf
from trial import crf_csv, crf_mottling
from trial.crf.canonical import Form

DataType = Literal["text", "integer", "float", "boolean", "datetime"]

_INTEGERS = ("presses", "device_seq", "device_score", "person_score", "max_supported")
_BOOLEANS = ("clock_synchronised", "simulated", "at_least")
_TIMES = ("measured_at", "sent_at", "received_at", "norepinephrine_onset_at", "person_score_at")
_TEXTS_WITH_A_UNIT = ("press_crt_s",)

FORM_NAMES: dict[Form, str] = {"refill": "Capillary refill", "mottling": "Mottling of the knee"}
UNITS: dict[str, str] = {"s": "second", "mm": "millimetre", "cm2": "square centimetre"}
"""Units of the items by their symbol; a bare number has none."""

_STATUS = {"measured": "measured", "not_measurable": "not measurable, with a reason"}
CODES: dict[tuple[Form, str], dict[str, str]] = {
    ("refill", "status"): _STATUS | {"censored": "longer than could be watched"},
    ("refill", "reason"): {str(code): sentence.english for code, sentence in REASONS.items()},
    ("refill", "body_site"): {"finger": "finger", "knee": "knee"},
    ("refill", "side"): {"left": "left", "right": "right"},
    ("mottling", "status"): _STATUS,
    ("mottling", "reason"): {str(code): sentence.english for code, sentence in MOTTLING_REASONS.items()},
    ("mottling", "side"): {"left": "left", "right": "right"},
    ("mottling", "landmarks_by"): {"person": "person", "card": "printed card"},
    ("mottling", "photo_from"): {"camera": "camera", "file": "file"},
}
"""The values of coded items, with what they mean."""


@dataclass(frozen=True)
class Item:
    """One item of a form. `unit` is "" for texts and bare numbers."""

    form: Form
    name: str
    oid: str
    meaning: str
    data_type: DataType
    unit: str

    @property
    def codes(self) -> dict[str, str] | None:
        """Return its codes with their meanings; None where it is not coded."""
        return CODES.get((self.form, self.name))


def items(form: Form, crf: Crf | None = None) -> tuple[Item, ...]:
    """Return a form's items in the order of the CSV's columns."""
    named = crf or Crf()
    columns = crf_csv.COLUMNS if form == "refill" else crf_mottling.COLUMNS
    return tuple(
        Item(
            form,
            column.name,
            named.item(form, column.name),
            column.meaning,
            _type(column.name, column.unit),
            column.unit if column.unit in UNITS and column.name not in _TEXTS_WITH_A_UNIT else "",
        )
        for column in columns
    )


def _type(name: str, unit: str) -> DataType:
    if name in _INTEGERS:
        return "integer"
    if name in _BOOLEANS:
        return "boolean"
    if name in _TIMES:
        return "datetime"
    measures = unit != "" or name.startswith("zone_")
    return "float" if (measures and name not in _TEXTS_WITH_A_UNIT) or name == "mm_per_px" else "text"
