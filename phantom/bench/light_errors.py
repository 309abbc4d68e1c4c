"""What may be wrong with the light of a simulated device: hidden from calibration, which has to find it."""

from dataclasses import dataclass, replace
from typing import Final

from phantom.streams import stream


@dataclass(frozen=True)
class LightErrors:
    """Hidden truth of a device's own light, and of the room's. The values here are those of an ideal one."""

    pin: bool = False
    """Whether the machine can switch its own light."""
    cold_excess: float = 0.0
    """By what share a cold light is brighter than a settled one."""
    warm_up_s: float = 30.0
    """Time constant of warming up, and of cooling down."""
    wander: float = 0.0
    """Amplitude of a slow wave that never ends, share of the own light."""
    wander_s: float = 150.0
    """Its period."""
    ambient: float = 0.0
    """Room light in the picture, share of the own light."""
    mains_hz: float = 50.0
    """Light flickers at twice this."""
    own_flicker: float = 0.0
    """Amplitude, share of the own light."""
    room_flicker: float = 0.0
    """Amplitude, share of the room light, in phase with the own."""


def healthy_light(seed: int) -> LightErrors:
    """Return a light as good ones differ: on direct current, under a hood, with a pin or without."""
    chance = stream(seed, "bench light")
    return LightErrors(
        pin=bool(chance.integers(0, 2)),
        cold_excess=float(chance.uniform(0.005, 0.025)),
        warm_up_s=float(chance.uniform(15.0, 40.0)),
        wander=float(chance.uniform(0.0, 0.0004)),
        wander_s=float(chance.uniform(120.0, 180.0)),
        ambient=float(chance.uniform(0.0, 0.003)),
        mains_hz=float(chance.choice([50.0, 60.0]) + chance.uniform(-0.05, 0.05)),
        own_flicker=float(chance.uniform(0.0, 0.0005)),
        room_flicker=float(chance.uniform(0.05, 0.3)),
    )


ERRORS: Final = ("flicker", "room_flicker", "ambient", "slow_warm_up", "wander")
"""Hidden errors by name, each one large enough to matter."""


def with_light_error(name: str, seed: int) -> LightErrors:
    """Return a healthy light with one of `ERRORS`, sized by the seed; raises `KeyError` for another name.

    Room light and warm-up are told only by a machine that can switch its light: those have the pin.
    """
    chance = stream(seed, f"bench light error {name}")
    good = healthy_light(seed)
    wrong: dict[str, LightErrors] = {
        "flicker": replace(good, own_flicker=float(chance.uniform(0.02, 0.10))),
        "room_flicker": replace(
            good, ambient=float(chance.uniform(0.08, 0.20)), room_flicker=float(chance.uniform(0.2, 0.5))
        ),
        "ambient": replace(good, pin=True, ambient=float(chance.uniform(0.03, 0.15))),
        "slow_warm_up": replace(
            good,
            pin=True,
            cold_excess=float(chance.uniform(0.10, 0.16)),
            warm_up_s=float(chance.uniform(90.0, 130.0)),
        ),
        "wander": replace(good, wander=float(chance.uniform(0.015, 0.04))),
    }
    return wrong[name]
