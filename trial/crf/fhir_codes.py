"""The codes of the FHIR route: only those that were verified at their source go out under a public code system.

The others are of this program's own system, which claims nothing about anybody else's codes.
"""

from dataclasses import dataclass

LOINC: str = "http://loinc.org"
UCUM: str = "http://unitsofmeasure.org"
ABSENT: str = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
OWN: str = "urn:refill:item"
OWN_STATE: str = "urn:refill:state"
OWN_REASON: str = "urn:refill:reason"
ACT_REASON: str = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


@dataclass(frozen=True)
class Code:
    """One code. `verified`: looked up at the code system itself, not copied from somebody's list."""

    system: str
    code: str
    display: str
    verified: bool

    @property
    def coding(self) -> dict[str, str]:
        """Return it as a FHIR Coding."""
        return {"system": self.system, "code": self.code, "display": self.display}


CODES: dict[str, tuple[Code, ...]] = {
    "refill finger": (
        Code(LOINC, "44963-7", "Capillary refill [Time] of Nail bed", True),
        Code(OWN, "crt_s", "Capillary refill time, 90 % recovery, finger", True),
    ),
    # LOINC 44971-0 (refill by body site) is known from secondary sources only: it stays here and does not go out.
    "refill knee": (
        Code(LOINC, "44971-0", "Capillary refill by body site", False),
        Code(OWN, "crt_knee_s", "Capillary refill time, 90 % recovery, knee", True),
    ),
    "mottling": (Code(OWN, "mottling_score", "Mottling score by extent, 0 to 5 (Ait-Oufella 2011)", True),),
}
"""What an observation is of, the most public code first."""


def codings(what: str) -> list[dict[str, str]]:
    """Return the codings that go out for an observation: the verified ones."""
    return [code.coding for code in CODES[what] if code.verified]
