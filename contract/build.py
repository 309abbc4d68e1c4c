"""Which build of the product this is: written beside this file by an installation. A tree by itself has none."""

from pathlib import Path

from contract.version import __version__

UNBUILT = "not installed"
_WRITTEN = Path(__file__).with_name("build.txt")


def build() -> str:
    """Return what `git describe` said of the source when it was installed, or `UNBUILT`."""
    try:
        return _WRITTEN.read_text(encoding="utf-8").strip() or UNBUILT
    except OSError:
        return UNBUILT


def installed_build() -> str | None:
    """Return the build for a record, at most 64 characters; None for a tree that was not installed."""
    found = build()
    return None if found == UNBUILT else found[:64]


def version_and_build() -> str:
    """Return both in one line, as `refill --version` prints them: `0.1.0 (v0.1.0-3-gabc1234)`."""
    return f"{__version__} ({build()})"
