"""Who has a certificate of a site: one JSON line for every certificate that was issued or revoked, never changed.

Everything else that a site's broker reads follows from these lines.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, field_validator

from contract.envelope import first_error
from contract.identifiers import Sha256, SiteNumber, Slug
from firmware_config.broker import Client
from firmware_config.loading import Section


class RegistryError(ValueError):
    """The registry cannot be read, or does not say what is asked of it. One sentence."""


Holder = Literal["device", "ingester", "bridge", "broker"]
"""What a certificate is for; `broker` is a server's, and no name at the broker."""


class Entry(Section):
    """One line: a certificate that was issued, or one that counts no more."""

    event: Literal["issued", "revoked"]
    kind: Holder
    name: Slug
    study: Slug | None = None
    site: SiteNumber | None = None
    serial: str = Field(pattern=r"^[0-9a-f]{1,40}$", description="hexadecimal")
    certificate_sha256: Sha256
    expires_at: AwareDatetime
    group: Slug | None = Field(None, description="an ingester's: those of one group share the readings")
    at: AwareDatetime
    by: str = Field(min_length=1, max_length=64)
    why: str = Field(min_length=1, max_length=500)

    @field_validator("expires_at", "at")
    @classmethod
    def _reads_as_written(cls, value: datetime) -> datetime:
        return value.replace(microsecond=0)

    @property
    def holder(self) -> tuple[bool, str]:
        """Whose it is: a client's name is one among all kinds of clients, and apart from those of brokers."""
        return self.kind == "broker", self.name

    @property
    def place(self) -> str:
        """Study and site in words."""
        return f"study {self.study}" + (f", site {self.site}" if self.site else "")


class Registry:
    """All lines, in order. Not changed: `with_` returns another one."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = list(entries)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the registry in a file's text; raises `RegistryError` naming the line."""
        entries = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                entries.append(Entry.model_validate_json(line))
            except ValidationError as error:
                raise RegistryError(f"line {number}: {first_error(error)}") from error
        return cls(entries)

    def text(self) -> str:
        """Return it as its file holds it."""
        return "".join(f"{entry.model_dump_json(exclude_none=True)}\n" for entry in self._entries)

    def with_(self, *entries: Entry) -> "Registry":
        """Return it with lines added."""
        return Registry([*self._entries, *entries])

    def __len__(self) -> int:
        """Return how many lines there are."""
        return len(self._entries)

    def last(self, name: str, *, broker: bool = False) -> Entry | None:
        """Return what was last said of a client, or of a broker's own certificate."""
        return next((entry for entry in reversed(self._entries) if entry.holder == (broker, name)), None)

    def current(self) -> list[Entry]:
        """Return the last word on everybody, revoked or not, in order of kind and name."""
        last = {entry.holder: entry for entry in self._entries}
        return sorted(last.values(), key=lambda entry: (entry.kind, entry.name))

    def live(self) -> list[Entry]:
        """Return the certificates that count, expired ones included."""
        return [entry for entry in self.current() if entry.event == "issued"]

    def expiring(self, now: datetime, within: timedelta) -> list[Entry]:
        """Return those that end soon, or have ended."""
        return [entry for entry in self.live() if entry.expires_at - now < within]

    def clients(self) -> list[Client]:
        """Return whom the broker lets in."""
        return [
            Client(kind=entry.kind, name=entry.name, study=entry.study or "", site=entry.site)
            for entry in self.live()
            if entry.kind != "broker"
        ]

    def revoked(self) -> list[tuple[int, datetime]]:
        """Return serial numbers that count no more, and since when."""
        return [(int(entry.serial, 16), entry.at) for entry in self._entries if entry.event == "revoked"]

    def group(self, study: str) -> str | None:
        """Return the group in which the ingesters of a study share its readings, where there is one."""
        return next((entry.group for entry in self._entries if entry.study == study and entry.group), None)
