"""What calibrations ask: readings whose certificate is missing or does not hold, and devices that are due.

A question is asked once for each device and certificate, not for each of its readings: one answer answers them all.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from firmware_config.study import Study
from trial.calibration_queries import SOON, Calibration, Named, calibrations, named
from trial.enrolment import listed
from trial.schedule.finding import Finding

PATIENCE: timedelta = timedelta(hours=24)
"""For so long a reading may be here before its certificate: each is sent again until it is here."""
CLOCK: timedelta = timedelta(minutes=2)


def calibration_findings(connection: Connection, study: Study, now: datetime, site: str | None) -> Iterator[Finding]:
    """Yield what is to be asked of one site or of all; of devices that are revoked only what concerns readings."""
    for each in named(connection, study.name, site, simulated=study.accept_simulated):
        if each.certificate_id is None:
            if study.calibration == "required":
                yield _of(each, "uncalibrated", "were measured without a calibration in force")
        elif each.certificate is not None:
            yield from _of_certificate(each, each.certificate)
        elif each.device_of is not None:
            yield _of(each, "certificate-of-another", f"name it, and it is of {each.device_of}")
        elif now - each.received_at > PATIENCE:
            yield _of(each, "certificate-missing", "name it, and it has not come in")
    revoked = {each.device for each in listed(connection, study.name) if each.action == "revoked"}
    for device, newest in calibrations(connection, study.name).items():
        if site in (None, newest.site) and device not in revoked:
            yield from _of_device(newest, now)


def _of_certificate(each: Named, there: Calibration) -> Iterator[Finding]:
    if there.certificate_id in there.foreign:
        yield _of(each, "certificate-key", "name it, and another key signed it than the device's first one")
    if there.simulated and each.real:
        yield _of(each, "certificate-simulated", f"name it, and it is simulated; {each.real} were measured on skin")
    if there.problem is not None:
        yield _of(each, "certificate-not-passed", f"name it, and it {there.problem}")
    if each.last_at > there.due_at:
        yield _of(each, "certificate-expired", "name it, and some were measured after its last day")
    if there.followed_at is not None and each.last_at > there.followed_at + CLOCK:
        yield _of(
            each,
            "certificate-superseded",
            "name it, and some were measured after the next one was made, by the device's clock",
        )
    if each.first_at < there.made_at - CLOCK:
        yield _of(
            each, "certificate-clock", "name it, and some were measured before it was made, by the device's clock"
        )


def _of(each: Named, code: str, text: str) -> Finding:
    what = "" if each.certificate_id is None else f" certificate {each.certificate_id}:"
    question = f"{each.device}:{what} {each.count} readings {text}"
    key = f"{code}:{each.site}:{each.device}:{each.certificate_id or 'none'}"
    return Finding(key, code, each.site, question, reading_id=each.first_reading_id)


def _of_device(newest: Calibration, now: datetime) -> Iterator[Finding]:
    about = f"{newest.device}: its newest certificate {newest.certificate_id}"
    ends = f"{newest.due_at:%Y-%m-%d}"
    if newest.problem is not None:
        yield _asked(newest, "calibration-not-passed", f"{about} {newest.problem}")
    elif now > newest.due_at:
        yield _asked(newest, "calibration-expired", f"{about} has expired: its last day was {ends}")
    elif newest.due_at - now < SOON:
        yield _asked(newest, "calibration-ends", f"{about} ends on {ends}: calibrate it before that")
    for other in newest.foreign:
        question = f"{newest.device}: its certificate {other} was signed by another key than its first one: was it "
        yield Finding(
            f"calibration-key:{newest.device}:{other}", "calibration-key", newest.site, f"{question}repaired?"
        )


def _asked(newest: Calibration, code: str, question: str) -> Finding:
    return Finding(f"{code}:{newest.device}:{newest.certificate_id}", code, newest.site, question)
