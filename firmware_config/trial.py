"""The trial side of one machine: which study, which database, which broker. A site's own `trial.toml`."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from firmware_config.loading import PACKAGED, Section, load
from firmware_config.mqtt import Connection, Slug
from firmware_config.page import Page
from firmware_config.redcap import Redcap

FILE: str = "trial.toml"
DEFAULT_PATH: Path = PACKAGED / FILE


class Batch(Section):
    """How many messages the database gets at once: whichever limit is met first. Receipts wait for their batch."""

    messages: int = Field(
        100, ge=1, le=1000, description="in one transaction; the broker's in-flight window can make it fewer"
    )
    wait_ms: float = Field(50.0, ge=0, le=1000, description="how long the first may wait for more to come")


class Trial(Section):
    """The ingester: one study from one broker into one database. Any number may share a feed, as one `group`."""

    study: Slug = Field("demo", description="the study whose readings are taken in: a file of studies/")
    database: str | None = Field(
        None, min_length=1, max_length=500, description="path of a SQLite file, or a URL, without a password"
    )
    database_credential: Slug | None = Field(
        None, description="name of the systemd credential holding the database's URL, where that has a password"
    )
    broker: Connection = Field(default_factory=Connection)
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = Field(
        None, description="the broker keeps the session under it: fixed, and of one ingester only"
    )
    group: Slug | None = Field(None, description="shares the readings between its members")
    batch: Batch = Field(default_factory=Batch)
    page: Page = Field(default_factory=Page)
    redcap: Redcap | None = Field(None, description="the REDCap project that is fed; none: no feed")

    @field_validator("database")
    @classmethod
    def _holds_no_password(cls, value: str | None) -> str | None:
        if value is not None and "://" in value and _has_password(value):
            raise ValueError("holds a password: hand the whole URL over as a credential, named in database_credential")
        return value

    @field_validator("database_credential")
    @classmethod
    def _database_stands_in_one_place(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("database") is not None:
            raise ValueError("database and database_credential are two places for one thing: name one of them")
        return value

    @field_validator("group")
    @classmethod
    def _sharing_needs_version_5(cls, value: str | None, info: ValidationInfo) -> str | None:
        broker = info.data.get("broker")
        if value is not None and isinstance(broker, Connection) and broker.version != "5":
            raise ValueError('shared subscriptions need broker.version = "5"')
        return value

    @model_validator(mode="after")
    def _has_a_database(self) -> Self:
        if self.database is None and self.database_credential is None:
            raise ValueError("database (or database_credential): missing")
        return self

    @property
    def session_name(self) -> str:
        """The MQTT client id: the file's, or one made of the study's name."""
        return self.client_id or f"refill-ingest-{self.study}"


def load_trial(folder: Path | None = None) -> Trial:
    """Return the `trial.toml` in `folder`, or the packaged one; raises `ConfigurationError` with every error."""
    return load(DEFAULT_PATH if folder is None else folder / FILE, Trial)


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:  # nothing that could be taken apart: whoever opens it will say so
        return "@" in url
