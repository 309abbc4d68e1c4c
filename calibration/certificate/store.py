"""A device's certificates as files, one each: written whole, never written over, oldest first by their name."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from calibration.certificate.make import AlteredError, opened
from contract.certificate import Certificate, SignedCertificate


class StoreError(Exception):
    """A certificate cannot be kept or read; the text names the file."""


@dataclass(frozen=True)
class Kept:
    """One file: the certificate, or in one sentence why it is none."""

    path: Path
    certificate: Certificate | None
    trouble: str | None = None


def read(path: Path, public_key: str | None = None) -> Certificate:
    """Return the certificate of a file; raises `StoreError` where it is none, or not as it was signed."""
    try:
        content = SignedCertificate.model_validate_json(path.read_bytes())
        return opened(content, public_key)
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

    def add(self, content: SignedCertificate) -> Path:
        """Write a certificate; returns its file. Raises `StoreError`, and `AlteredError` for one that is none."""
        certificate = opened(content)
        path = self.folder / f"{certificate.made_at:%Y%m%dT%H%M%S}-{certificate.certificate_id}.json"
        part = path.with_name(f".{path.name}.part")
        try:
            self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(part, path)
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except FileExistsError as error:
            raise StoreError(f"{path}: is there already") from error
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                part.unlink()
        return path

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
                found.append(Kept(path, read(path, public_key)))
            except StoreError as error:
                found.append(Kept(path, None, str(error)))
        return found

    def newest(self, public_key: str | None = None) -> Kept | None:
        """Return the newest file; None where there is none. A newest one that is altered is the answer all the same."""
        kept = self.all(public_key)
        return kept[-1] if kept else None
