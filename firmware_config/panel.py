"""The panel: how long a push must last, how bright the light and how loud the buzzer, by day and by night."""

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from firmware_config.loading import Section


def _wall_time(value: Any) -> Any:
    """Refuse what pydantic would take for something else: 21 for 21 seconds past midnight, and a time with a zone."""
    if isinstance(value, int | float):
        raise ValueError(f'a time of day is written "HH:MM:SS", not {value}')  # noqa: TRY004  # pydantic's own contract
    try:
        read = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
    if isinstance(read, time) and read.tzinfo is not None:
        raise ValueError("is local time already: leave the zone out")
    return value


WallTime = Annotated[time, BeforeValidator(_wall_time)]


class Loudness(Section):
    """Volume of the buzzer and brightness of the light, 0 to 1."""

    volume: float = Field(ge=0, le=1, description="as it is perceived: 0.5 is half as loud as 1; 0 is silent")
    fault_volume: float = Field(0.2, ge=0, le=1, description="a fault is never softer than this; 0: as volume has it")
    brightness: float = Field(gt=0, le=1, description="never 0: a dark panel tells nothing")

    def volume_of(self, *, fault: bool) -> float:
        """Return how loud a sound is; a fault's has a least volume of its own."""
        return max(self.volume, self.fault_volume) if fault else self.volume


class Panel(Section):
    """Button, light and buzzer."""

    debounce_s: float = Field(0.03, ge=0.005, le=0.2, description="a level of the button counts once it has lasted")
    long_push_s: float = Field(1.5, ge=0.5, le=5, description="a push this long stops a measurement")
    buzzer: Literal["passive", "active"] = Field("passive", description="active: has its own tone, and one volume")
    tone_hz: int = Field(2700, ge=100, le=10_000, description="of a passive buzzer; lgpio's PWM ends at 10 kHz")
    day: Loudness = Field(default_factory=lambda: Loudness(volume=0.5, brightness=1.0))
    night: Loudness = Field(default_factory=lambda: Loudness(volume=0.0, brightness=0.1))
    night_from: WallTime = Field(time(21, 0), description="local time")
    night_to: WallTime = Field(time(7, 0), description="local time; the same as night_from: no night")

    def is_night(self, now: time) -> bool:
        """Whether `now` lies in the night, its first instant included and its last not, also across midnight."""
        if self.night_from <= self.night_to:
            return self.night_from <= now < self.night_to
        return now >= self.night_from or now < self.night_to

    def loudness_at(self, now: time | None) -> Loudness:
        """Return what holds at a local time; None, where nobody knows it, is day.

        A beep too loud at night is a nuisance; one that nobody hears by day is a measurement that nobody knows the end
        of. It is never louder than what the site chose for the day.
        """
        return self.night if now is not None and self.is_night(now) else self.day
