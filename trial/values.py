"""What a study knows of the values that a person enters: its events, sides, inclusion numbers and operators' codes."""

import json
import re
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from contract.check_digits import CHECKS
from contract.times import Time
from firmware_config.study import Inclusion, Study

MOST_LETTERS: int = 4
"""An operator's code with more could be a name."""
_TIME: TypeAdapter[datetime] = TypeAdapter(Time)
_DIGITS = re.compile(r"[0-9]+")


def study_refuses(field: str, value: str | None, study: Study) -> str | None:
    """Return why a study does not know a value that the contract may let through, else None. None is nothing entered.

    A number or a time that is none is the contract's to refuse, not the study's. Never raises, whatever the value.
    """
    if field == "side" and value is None and study.sides:
        return f"side: study {study.name} wants one with every measurement"
    if value is None:
        return None
    if field == "inclusion" and _DIGITS.fullmatch(value):
        return _wrong_inclusion(value, study.inclusion)
    if field == "event" and value not in study.events:
        return f"event: study {study.name} has no event {value}; it has: {', '.join(study.events) or 'none'}"
    if field == "operator" and not _is_code(value, study.operator_pattern):
        return f"operator: no operator's code of study {study.name}"
    onset = time_of(value) if field == "norepinephrine_onset_at" else None
    if onset is not None and onset > datetime.now(UTC):
        return "norepinephrine_onset_at: lies in the future"
    return None


def time_of(text: str) -> datetime | None:
    """Return a time as records have it, or None where the text is none."""
    try:
        return _TIME.validate_json(json.dumps(text))
    except ValidationError:
        return None


def _is_code(operator: str, pattern: str) -> bool:
    return re.fullmatch(pattern, operator) is not None and sum(map(str.isalpha, operator)) <= MOST_LETTERS


def _wrong_inclusion(inclusion: str, asked: Inclusion) -> str | None:
    least, most = asked.least_digits, asked.most_digits
    if not least <= len(inclusion) <= most:
        return f"inclusion: has {least if least == most else f'{least} to {most}'} digits in this study"
    if len(inclusion) > least and inclusion.startswith("0"):
        return f"inclusion: zeros in front fill it up to {least} digits, no further"
    check = CHECKS.get(asked.check_digit)
    if check is not None and not check(inclusion):
        return "inclusion: the check digit does not fit"
    return None
