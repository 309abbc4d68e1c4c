"""The device's signed word on which of its certificates is the newest: a file beside them, named `latest`.

Without it, whoever takes the newest certificate away brings the one before back, and nobody sees it. It is signed by
the device, so that nobody can write another one. It says which other certificates there were: what came later is told
from what was there, without any clock and whatever the files are called.
"""

import json
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from calibration.certificate.keys import DeviceKey, fits
from calibration.whole_file import write_whole
from contract.certificate import SignedCertificate
from contract.record import Record

FILE: str = "latest"


class LatestError(Exception):
    """The file cannot be believed: altered, damaged, or another key's; the text is one sentence."""


class Latest(Record):
    """The newest certificate, and what else there was when it was made.

    `others` are the ids of all other certificates: a file's name says nothing of what is in it. `unnamed` are the names
    of files that were none and told no id.
    """

    latest_certificate_id: UUID
    others: tuple[UUID, ...]
    unnamed: tuple[str, ...] = ()


def write(folder: Path, said: Latest, key: DeviceKey) -> None:
    """Say which certificate of `folder` is the newest; on the disk on return. Raises `OSError`."""
    body = json.dumps(said.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    sealed = {"body": body, "public_key": key.public, "signature": key.sign(body)}
    write_whole(folder / FILE, json.dumps(sealed) + "\n")


def read(folder: Path, public_key: str | None = None) -> Latest | None:
    """Return what the file says, None where there is none: certificates of before it were kept without.

    With `public_key`, only what that key signed is believed. Raises `LatestError`, `OSError`.
    """
    try:
        text = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return None
    try:
        # The same form as a certificate's, since it is the same thing: a text, a key, a signature.
        sealed = SignedCertificate.model_validate_json(text)
        if public_key is not None and sealed.public_key != public_key:
            raise LatestError(f"{folder / FILE}: was signed by another key than this device's")
        if not fits(sealed.public_key, sealed.signature, sealed.body):
            raise LatestError(f"{folder / FILE}: was altered after it was signed")
        return Latest.model_validate_json(sealed.body)
    except ValidationError as error:
        raise LatestError(f"{folder / FILE}: is damaged") from error
