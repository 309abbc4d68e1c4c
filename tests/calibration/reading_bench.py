"""Readings of a simulated subject, as a journal takes them."""

from datetime import UTC, datetime
from uuid import UUID

from contract.identifiers import new_reading_id
from contract.reading import BodySite, Device, Measured, ProtocolRef, Reading, RefillResult, Status, Subject
from contract.reasons import Reason

NOT_MEASURED = RefillResult(status=Status.NOT_MEASURABLE, reason=Reason.MOVED)


def a_reading(
    device_seq: int, inclusion: str, crt_s: float | None, *, body_site: str = "finger", study: str = "demo"
) -> Reading:
    """A reading of the simulation; None: not measurable."""
    number = crt_s and RefillResult(status=Status.MEASURED, crt_s=crt_s, crt_ci95_s=(crt_s - 0.2, crt_s + 0.2))
    return Reading(
        reading_id=new_reading_id(),
        device_seq=device_seq,
        study=study,
        subject=Subject(site="00", inclusion=inclusion),
        event=None,
        body_site=BodySite(body_site),
        simulated=True,
        protocol=ProtocolRef(name="demo", version="1", sha256="a" * 64),
        device=Device(name="d", software_version="0", algorithm_version="0", configuration_sha256="b" * 64),
        measured=Measured(
            at=datetime(2026, 11, 27, 12, 0, tzinfo=UTC),
            boot_id=UUID("11111111-2222-4333-8444-555555555555"),
            boottime_ns=1,
            clock_synchronised=True,
        ),
        result=number or NOT_MEASURED,
        presses=[],
    )
