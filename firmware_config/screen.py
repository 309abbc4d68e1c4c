"""The nurse's screen: where its page is served, and who may come from elsewhere."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from firmware_config.loading import Section
from firmware_config.mqtt import Slug, is_loopback

HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$")]


class Screen(Section):
    """The page on the device's own display; over the network only with TLS and a PIN for each role."""

    serve: bool = Field(True, description="false: no page at all")
    host: HostName = Field("127.0.0.1", description="address to listen at; anything but loopback is the network")
    port: int = Field(8480, ge=1024, le=65535, description="where the page is served")
    names: list[HostName] = Field(default_factory=list, description="names by which tablets call this device")
    certificate_file: Path | None = Field(None, description="of the page, where tablets may come; PEM")
    key_file: Path | None = Field(None, description="its key; readable by the screen only")
    pins_credential: Slug | None = Field(
        None, description="name of the systemd credential with the roles' PINs, hashed"
    )
    stopwatch: bool = Field(
        False, description="true: a reading is timed by hand before its number is shown, for an agreement study"
    )
    idle_minutes: int = Field(15, ge=1, le=240, description="a session that nobody touches ends after this")

    @property
    def on_network(self) -> bool:
        """Whether others than this machine can reach it."""
        return not is_loopback(self.host)

    @model_validator(mode="after")
    def _network_needs_doors(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if self.on_network and (self.certificate_file is None or self.pins_credential is None):
            raise ValueError(f"{self.host} is the network: needs certificate_file, key_file and pins_credential")
        return self
