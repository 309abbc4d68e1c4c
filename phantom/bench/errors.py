"""What is wrong with a simulated device, and is not told to whoever calibrates it."""

from dataclasses import dataclass, field

from phantom.bench.picture_errors import PictureErrors, healthy_pictures


@dataclass(frozen=True)
class Errors:
    """Hidden truth of one device. The probe's own part is not simulated here yet."""

    pictures: PictureErrors = field(default_factory=PictureErrors)


def healthy(seed: int) -> Errors:
    """Return a device as good ones differ."""
    return Errors(healthy_pictures(seed))
