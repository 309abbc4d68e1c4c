"""The wall clock: whom the device asks for the time. A wrong one blocks no measurement; records show it."""

from pydantic import Field

from firmware_config.broker import Host
from firmware_config.loading import Section


class Clock(Section):
    """Time servers of the site, for chrony. Intensive care networks seldom let a device ask those of the internet."""

    servers: list[Host] = Field(
        default_factory=list, max_length=8, description="the site's time servers; none: those of the system's chrony"
    )
