"""The REDCap project that is fed: where it is and which credential opens it. A section of `trial.toml`."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from firmware_config.loading import Section
from firmware_config.mqtt import Slug, is_loopback


class Redcap(Section):
    """The project. Its token comes from a systemd credential, never from a file of the configuration."""

    url: str = Field(max_length=300, description="the project's API address: https://…/api/")
    token_credential: Slug = Field("redcap-token", description="name of the systemd credential holding the token")
    every_s: float = Field(300.0, ge=10, le=86_400, description="seconds between two rounds")

    @field_validator("url")
    @classmethod
    def _is_an_api_behind_tls(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.username or parts.password or not parts.hostname or not value.endswith("/api/"):
            raise ValueError("an address like https://redcap.example.org/api/, without user and password")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
            raise ValueError("https only: the token would be read on the way")
        return value
