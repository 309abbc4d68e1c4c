"""The folder that `make bundle-pi` makes, as an installation takes it: checked whole before anything of it is used."""

import hashlib
from pathlib import Path

SUMS = "SHA256SUMS"


class BundleError(Exception):
    """A bundle is not what was made: a file is missing, changed or too many; the sentence names it."""


def checked(bundle: Path) -> Path:
    """Return the bundle's folder once every file of it has the checksum that it was made with.

    Raises `BundleError` with a line for each file that has not, is missing, or was not there when it was made, and for
    each link: what it points at lies elsewhere, and could be another file by the time it is used.
    """
    bundle = bundle.resolve()
    sums = bundle / SUMS
    if not sums.is_file():
        raise BundleError(f"{sums}: not there: is this a folder of `make bundle-pi`?")
    expected = {}
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise BundleError(f"{sums}: not a list of checksums: {error.reason}") from error
    for line in lines:
        digest, _, name = line.partition("  ")
        expected[name] = digest
    there = set(inside(bundle))
    wrong = [f"{path}: a link" for path in sorted(bundle.rglob("*")) if path.is_symlink()]
    wrong += [f"{bundle / name}: missing" for name in sorted(set(expected) - there)]
    wrong += [f"{bundle / name}: not of this bundle" for name in sorted(there - set(expected))]
    wrong += [
        f"{bundle / name}: changed"
        for name in sorted(there & set(expected))
        if digest_of(bundle / name) != expected[name]
    ]
    if wrong:
        raise BundleError("\n".join(wrong))
    return bundle


def inside(bundle: Path) -> list[str]:
    """Return the files of a bundle but its list of checksums, in order."""
    files = (path for path in bundle.rglob("*") if path.is_file() and path != bundle / SUMS)
    return sorted(str(path.relative_to(bundle)) for path in files)


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(bundle: Path) -> None:
    """Write the checksum of every file of a bundle."""
    lines = [f"{digest_of(bundle / name)}  {name}\n" for name in inside(bundle)]
    (bundle / SUMS).write_text("".join(lines), encoding="utf-8")
