"""What is asked of a site's folder, and the registry's lines that come of it."""

import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from contract.envelope import first_error
from firmware_config.broker import DEFAULT_PATH, Broker, Kind
from trial.certificates import Issued
from trial.people import UnsignedError, signed
from trial.site_registry import Entry, Holder

VALID_DAYS: int = 730


class SiteError(Exception):
    """What was asked of a site's folder cannot be done. One sentence."""


@dataclass(frozen=True)
class Asked:
    """Who is to have a certificate, and who says so."""

    kind: Kind
    name: str
    study: str
    site: str | None = None
    valid_days: int = VALID_DAYS
    renew: bool = False
    by: str = "site"
    why: str = "enrolled"


def issued_entry(kind: Holder, name: str, issued: Issued, now: datetime, signature: tuple[str, str]) -> Entry:
    """Return the line of a new certificate; `signature` is who and why. Raises `SiteError`."""
    by, why = _signed(*signature)
    return Entry(
        event="issued",
        kind=kind,
        name=name,
        serial=f"{issued.serial:x}",
        certificate_sha256=issued.sha256,
        expires_at=issued.expires_at,
        at=now,
        by=by,
        why=why,
    )


def ended_before(before: Entry | None, asked: Asked, now: datetime) -> list[Entry]:
    """Return the line that ends the certificate before, where one still counts."""
    return [] if before is None or before.event == "revoked" else [ended(before, now, asked.by, asked.why)]


def ended(entry: Entry, now: datetime, by: str, why: str) -> Entry:
    """Return the line with which a certificate counts no more; raises `SiteError`."""
    by, why = _signed(by, why)
    return entry.model_copy(update={"event": "revoked", "at": now.replace(microsecond=0), "by": by, "why": why})


def _signed(by: str, why: str) -> tuple[str, str]:
    try:
        return by, signed(by, why)
    except UnsignedError as error:
        raise SiteError(str(error)) from error


def misnamed(asked: Asked) -> str:
    """Return in one line what a name, study or site may be; whatever stood there, on one line."""
    names = {"name": asked.name, "study": asked.study, "site": asked.site}
    said = ", ".join(f"{key} {ascii(value)[:80]}" for key, value in names.items() if value is not None)
    return f"{said}: a name or study is 1 to 63 lower-case letters, digits and hyphens, a site 2 to 4 digits"


def settings(hosts: list[str], port: int) -> str:
    """Return the text of a broker.toml for these hosts; raises `SiteError` where one cannot be a host."""
    try:
        Broker(hosts=hosts, port=port)
    except ValidationError as error:
        raise SiteError(f"broker: {first_error(error)}") from error
    asked = {"hosts": f"hosts = {json.dumps(hosts)}", "port": f"port = {port}"}
    lines = DEFAULT_PATH.read_text(encoding="utf-8").splitlines()
    return "".join(f"{asked.get(line.split(' = ')[0], line)}\n" for line in lines)
