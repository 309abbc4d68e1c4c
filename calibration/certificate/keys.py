"""The device's own key, with which it signs its certificates: Ed25519, made once, readable by its owner alone."""

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

FILE: str = "device-key.pem"


class KeyFileError(Exception):
    """The device's key cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class DeviceKey:
    """The key of one device. It never leaves its file."""

    _private: Ed25519PrivateKey

    @classmethod
    def open(cls, folder: Path) -> "DeviceKey":
        """Return the key in `folder`, made on first use; raises `KeyFileError`."""
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            if not (folder / FILE).exists():
                _make(folder / FILE)
        except OSError as error:
            raise KeyFileError(f"{folder / FILE}: {error.strerror or error}") from error
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> "DeviceKey":
        """Return the key in `folder`, and make none: looking changes nothing. Raises `KeyFileError`.

        A key that others may read is refused: whoever has it can make certificates of this device.
        """
        path = folder / FILE
        try:
            with path.open("rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise KeyFileError(f"{path}: others than its owner may read it: chmod 600, or make a new key")
                private = load_pem_private_key(file.read(), None)
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror or error}") from error
        except (ValueError, TypeError) as error:
            raise KeyFileError(f"{path}: not a key") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise KeyFileError(f"{path}: not an Ed25519 key")
        return cls(private)

    @property
    def public(self) -> str:
        """The public key: its 32 bytes in base 64."""
        return base64.b64encode(self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, text: str) -> str:
        """Return the signature over a text's UTF-8 bytes, in base 64."""
        return base64.b64encode(self._private.sign(text.encode())).decode()


def fits(public_key: str, signature: str, text: str) -> bool:
    """Return whether a signature is that of a text by a public key; False for anything malformed."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _make(path: Path) -> None:
    """Make a key; where two processes do so at once, the first one's stands."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        return
    finally:
        part.unlink()
