"""The data managers' page: where it is served, and over what. A section of `trial.toml`."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from firmware_config.loading import Section
from firmware_config.mqtt import is_loopback
from firmware_config.screen import HostName


class Page(Section):
    """The page. Everybody signs in, on this machine too; over the network only with TLS."""

    host: HostName = Field("127.0.0.1", description="address to listen at; anything but loopback is the network")
    port: int = Field(8490, ge=1024, le=65535, description="where the page is served")
    names: list[HostName] = Field(default_factory=list, description="names by which people call this server")
    certificate_file: Path | None = Field(None, description="of the page, where people come over the network; PEM")
    key_file: Path | None = Field(None, description="its key; readable by the page only")
    idle_minutes: int = Field(15, ge=1, le=240, description="a session that nobody touches ends after this")

    @model_validator(mode="after")
    def _network_needs_tls(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if not is_loopback(self.host) and self.certificate_file is None:
            raise ValueError(f"{self.host} is the network: needs certificate_file and key_file")
        return self
