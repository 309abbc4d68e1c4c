"""The broker as a client sees it: where it is, how it is spoken to, and how one proves who one is."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from firmware_config.loading import Section

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Tls(Section):
    """Files of the transport encryption. Paths only: no key material stands in a configuration file."""

    ca_file: Path = Field(description="the authority whose word counts for the broker, and no other")
    certificate_file: Path | None = Field(None, description="who one is: its name is the MQTT client id")
    key_file: Path | None = Field(None, description="its key, in a file; this or key_credential")
    key_credential: Slug | None = Field(None, description="name of the systemd credential holding the key")

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> Self:
        if self.key_file is not None and self.key_credential is not None:
            raise ValueError("key_file and key_credential are two places for one key: name one of them")
        if (self.certificate_file is None) != (self.key_file is None and self.key_credential is None):
            raise ValueError("certificate_file and key_file (or key_credential) go together")
        return self


class Connection(Section):
    """One client's way to the broker. Without TLS only to one on this very machine."""

    host: str = Field("127.0.0.1", min_length=1, max_length=253, description="of the broker; one elsewhere needs tls")
    port: int = Field(1883, ge=1, le=65535, description="1883 without TLS on this machine, 8883 with it")
    version: Literal["3.1.1", "5"] = Field("3.1.1", description="MQTT 5 tells why a message is refused")
    keepalive_s: int = Field(
        30, ge=5, le=600, description="a broker that hears nothing for half as long again tells the last will"
    )
    username: str | None = Field(
        None, min_length=1, max_length=128, description="for a broker that knows its clients by name and password"
    )
    password_credential: Slug | None = Field(None, description="name of the systemd credential holding the password")
    tls: Tls | None = None

    @model_validator(mode="after")
    def _only_loopback_goes_without_tls(self) -> Self:
        if (self.username is None) != (self.password_credential is None):
            raise ValueError("username and password_credential go together")
        if is_loopback(self.host):
            return self
        if self.tls is None:
            raise ValueError(f"tls: required for {self.host}, which is not this machine")
        if self.tls.certificate_file is None and self.username is None:
            raise ValueError(f"{self.host} needs tls.certificate_file and tls.key_file, or username")
        return self


class Mqtt(Connection):
    """A device's connection, and the study whose status topic it has."""

    study: Slug = Field("demo", description="the study that is measured for: a file of studies/")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, without asking any name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
