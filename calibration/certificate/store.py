"""A device's certificates as files, one each: written whole, never written over.

Each names the one before it: that is their order, whatever the clock said. Which of them is the newest is said by the
device as well (`calibration.certificate.latest`), so that one that was taken away is missed.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from calibration.certificate import latest
from calibration.certificate.chain import in_order
from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import AlteredError, opened
from calibration.whole_file import opened_anew, sync_folder
from contract.certificate import Certificate, SignedCertificate


class StoreError(Exception):
    """A certificate cannot be kept or read; the text names the file."""


class MissingError(StoreError):
    """The newest certificate is not there any more; the text names it."""


@dataclass(frozen=True)
class Kept:
    """One file: the certificate, or in one sentence why it is none."""

    path: Path
    certificate: Certificate | None
    trouble: str | None = None
    content: SignedCertificate | None = None
    """The certificate as it was signed."""

    @property
    def certificate_id(self) -> UUID | None:
        """The certificate's id; of one that cannot be read, as the file's name has it."""
        if self.certificate is not None:
            return self.certificate.certificate_id
        try:
            return UUID(self.path.stem.partition("-")[2])
        except ValueError:
            return None

    @property
    def previous_id(self) -> UUID | None:
        """The certificate that was the newest when this one was made."""
        return None if self.certificate is None else self.certificate.previous_certificate_id


def read(path: Path, public_key: str | None = None) -> Certificate:
    """Return the certificate of a file; raises `StoreError` where it is none, or not as it was signed."""
    return _opened(path, public_key)[0]


def _opened(path: Path, public_key: str | None) -> tuple[Certificate, SignedCertificate]:
    try:
        content = SignedCertificate.model_validate_json(path.read_bytes())
        return opened(content, public_key), content
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise StoreError(f"{path}: not a certificate") from error
    except AlteredError as error:
        raise StoreError(f"{path}: {error}") from error


class Store:
    """The certificates in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, content: SignedCertificate, key: DeviceKey | None = None) -> Path:
        """Write a certificate; returns its file. Raises `StoreError`, and `AlteredError` for one that is none.

        With the device's key it is noted as the newest, behind its own file: killed in between, it is the newest
        because it names the one before.
        """
        certificate = opened(content)
        path = self.folder / f"{certificate.made_at:%Y%m%dT%H%M%S}-{certificate.certificate_id}.json"
        part = path.with_name(f".{path.name}.part")
        try:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            with os.fdopen(opened_anew(part), "w", encoding="utf-8") as file:
                file.write(content.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)
            sync_folder(self.folder)
        except FileExistsError as error:
            raise StoreError(f"{path}: is there already") from error
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                part.unlink()
        if key is not None:
            self.note_newest(certificate.certificate_id, key)
        return path

    def note_newest(self, certificate_id: UUID, key: DeviceKey) -> None:
        """Have the device say that a certificate is its newest; raises `StoreError`."""
        there = self.all(key.public)
        ids = {each.certificate_id for each in there} - {None, certificate_id}
        said = latest.Latest(
            latest_certificate_id=certificate_id,
            others=tuple(sorted(each for each in ids if each is not None)),
            unnamed=tuple(each.path.name for each in there if each.certificate_id is None),
        )
        try:
            latest.write(self.folder, said, key)
        except OSError as error:
            raise StoreError(f"{self.folder / latest.FILE}: {error.strerror or error}") from error

    def all(self, public_key: str | None = None) -> list[Kept]:
        """Return every file that should be a certificate, oldest first; raises `StoreError` for the folder itself."""
        try:
            # Not glob: a folder that may not be listed is no empty one.
            names = sorted(name for name in os.listdir(self.folder) if name.endswith(".json"))  # noqa: PTH208 - the same
            paths = [self.folder / name for name in names if not name.startswith(".")]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.folder}: {error.strerror or error}") from error
        found = []
        for path in paths:
            try:
                certificate, content = _opened(path, public_key)
                found.append(Kept(path, certificate, content=content))
            except StoreError as error:
                found.append(Kept(path, None, str(error)))
        return in_order(found, lambda each: each.certificate_id, lambda each: each.previous_id)

    def newest(self, public_key: str | None = None) -> Kept | None:
        """Return the newest file; None where there is none. A newest one that is altered is the answer all the same.

        Raises `MissingError` where the device has made a newer one than is there, `latest.LatestError` where what it
        said of that cannot be believed, and `StoreError`.
        """
        kept = self.all(public_key)
        try:
            said = latest.read(self.folder, public_key)
        except OSError as error:
            raise StoreError(f"{self.folder / latest.FILE}: {error.strerror or error}") from error
        if said is None:
            return kept[-1] if kept else None
        newest = next((each for each in kept if each.certificate_id == said.latest_certificate_id), None)
        if newest is None:
            raise MissingError(f"{self.folder}: certificate {said.latest_certificate_id}, the newest, is not there")
        older = {said.latest_certificate_id, *said.others}
        for each in kept:
            if each.certificate_id in older or (each.certificate_id is None and each.path.name in said.unnamed):
                continue
            if each.certificate is None:
                # Rubbish that came since, and nobody can tell the age of: nothing is known to follow it.
                return each
            # What names the newest came since. What else came is an older one that somebody brought back.
            if each.previous_id == newest.certificate_id:
                newest = each
        return newest
