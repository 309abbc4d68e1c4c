"""The panel: how long a push must last, how bright the light and how loud the buzzer, by day and by night."""

from datetime import time
from typing import Literal

from pydantic import Field

from firmware_config.loading import Section


class Loudness(Section):
    """Volume of the buzzer and brightness of the light, 0 to 1."""

    volume: float = Field(ge=0, le=1)
    brightness: float = Field(gt=0, le=1, description="never 0: a dark panel tells nothing")


class Panel(Section):
    """Button, light and buzzer."""

    debounce_s: float = Field(0.03, ge=0.005, le=0.2)
    long_push_s: float = Field(1.5, ge=0.5, le=5, description="a push this long stops a measurement")
    buzzer: Literal["passive", "active"] = Field("passive", description="active: has its own tone, and one volume")
    tone_hz: int = Field(2700, ge=100, le=10_000, description="of a passive buzzer")
    day: Loudness = Field(default_factory=lambda: Loudness(volume=0.5, brightness=1.0))
    night: Loudness = Field(default_factory=lambda: Loudness(volume=0.0, brightness=0.1))
    night_from: time = Field(time(21, 0), description="local time")
    night_to: time = Field(time(7, 0), description="local time; the same as night_from: no night")
