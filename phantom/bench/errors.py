"""What is wrong with a simulated device, and is not told to whoever calibrates it."""

from dataclasses import dataclass, field

from phantom.bench.light_errors import LightErrors, healthy_light
from phantom.bench.picture_errors import PictureErrors, healthy_pictures
from phantom.bench.probe_errors import ProbeErrors, healthy_probe
from phantom.bench.timing_errors import TimingErrors, healthy_timing


@dataclass(frozen=True)
class Errors:
    """Hidden truth of one device; the values that stand here are those of an ideal one."""

    pictures: PictureErrors = field(default_factory=PictureErrors)
    probe: ProbeErrors = field(default_factory=ProbeErrors)
    light: LightErrors = field(default_factory=LightErrors)
    timing: TimingErrors = field(default_factory=TimingErrors)


def healthy(seed: int) -> Errors:
    """Return a device as good ones differ."""
    return Errors(healthy_pictures(seed), healthy_probe(seed), healthy_light(seed), healthy_timing(seed))
