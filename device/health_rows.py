"""What a row of the health table is, and the words that many rows share."""

from dataclasses import dataclass

from contract.status import Condition, PartName


@dataclass(frozen=True)
class Finding:
    """One row: what was found of a part, how bad that is, and what is said. None: said in the part's own words."""

    part: PartName
    condition: Condition
    when: str
    english: str | None
    french: str | None


CALL: str = "Call the study engineer."
APPELEZ: str = "Appelez l'ingénieur de l'étude."


def unknown(part: PartName, when: str, english: str, french: str) -> Finding:
    """Return a row on what is not known."""
    return Finding(part, Condition.UNKNOWN, when, english, french)


def warning(part: PartName, when: str, english: str | None, french: str | None) -> Finding:
    """Return a row on what needs a person some time."""
    return Finding(part, Condition.WARNING, when, english, french)


def fault(part: PartName, when: str, english: str | None, french: str | None) -> Finding:
    """Return a row on what needs a person now."""
    return Finding(part, Condition.FAULT, when, english, french)
