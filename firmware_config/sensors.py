"""Image sensors of Raspberry Pi's camera modules: their modes and limits, as rows.

Sources: modes, frame rates, ranges of gain as `rpicam-hello --list-cameras --verbose` and picamera2's `sensor_modes`
print them (listings that owners published; Raspberry Pi documentation, camera software); black levels as frames'
metadata tell them. The steps of exposure are the
driver's line (`line_length_pix` / pixel rate) times the lines that it rounds to, and the shortest exposure the least
lines that it takes. They were read in the drivers (drivers/media/i2c) of the imx708, whose binned modes take 4 lines or
more in pairs, and the full one 8, while listings print one line; of the imx477 and the imx219, 4 lines or more; for
the imx296 listings only were found. Kernels differ: the IMX219's first two modes come with 103 to 207 and 42 to 84
frames/s and lines half as long, and some take 20 lines or more of an IMX477. None of the rows has been held against a
sensor here: `refill camera check` does that on a Pi.
"""

from dataclasses import dataclass
from typing import Literal

SensorName = Literal["imx708", "imx477", "imx219", "imx296"]
Pattern = Literal["RGGB", "BGGR", "GRBG", "GBRG"]


@dataclass(frozen=True)
class SensorMode:
    """One way to read a sensor out: size in px, bits a pixel, largest frame rate, shortest exposure and its steps."""

    width: int
    height: int
    bit_depth: int
    largest_fps: float
    shortest_exposure_us: int
    exposure_step_us: float


@dataclass(frozen=True)
class Sensor:
    """A sensor, what is on its module, and its modes in order of size.

    `own_hdr`: the sensor itself may merge exposures. Its driver's switch for that outlives the process that set it
    (raspberrypi/picamera2 #1093); then there are other modes, and pictures are no longer linear in light. `pattern` is
    what its mosaic is asked for as, and what comes is taken from the camera's own word. `black_level`, of 16 bits,
    stands in where frames do not tell theirs.
    """

    module: str
    lens_moves: bool
    global_shutter: bool
    own_hdr: bool
    smallest_gain: float
    largest_gain: float
    pattern: Pattern
    black_level: int
    modes: tuple[SensorMode, ...]

    def mode_for(self, width: int, height: int, fps: float) -> SensorMode | None:
        """Return the smallest mode that covers a picture at a frame rate; None where there is none."""
        for mode in self.modes:
            if mode.width >= width and mode.height >= height and mode.largest_fps >= fps:
                return mode
        return None


SENSORS: dict[SensorName, Sensor] = {
    "imx708": Sensor(
        "Camera Module 3",
        lens_moves=True,
        global_shutter=False,
        own_hdr=True,
        smallest_gain=1.1229,
        largest_gain=16.0,
        pattern="RGGB",
        black_level=4096,
        modes=(
            SensorMode(1536, 864, 10, 120.13, 37, 18.42),
            SensorMode(2304, 1296, 10, 56.03, 54, 26.72),
            SensorMode(4608, 2592, 10, 14.35, 211, 26.29),
        ),
    ),
    "imx477": Sensor(
        "High Quality Camera",
        lens_moves=False,
        global_shutter=False,
        own_hdr=False,
        smallest_gain=1.0,
        largest_gain=22.26,
        pattern="RGGB",
        black_level=4096,
        modes=(
            SensorMode(1332, 990, 10, 120.05, 32, 7.93),
            SensorMode(2028, 1080, 12, 50.03, 61, 15.17),
            SensorMode(2028, 1520, 12, 40.01, 61, 15.17),
            SensorMode(4056, 3040, 12, 10.0, 115, 28.57),
        ),
    ),
    "imx219": Sensor(
        "Camera Module 2",
        lens_moves=False,
        global_shutter=False,
        own_hdr=False,
        smallest_gain=1.0,
        largest_gain=10.66,
        pattern="RGGB",
        black_level=4096,
        modes=(
            SensorMode(640, 480, 10, 200.16, 76, 18.9),
            SensorMode(1640, 1232, 10, 81.07, 76, 18.9),
            SensorMode(1920, 1080, 10, 47.57, 76, 18.9),
            SensorMode(3280, 2464, 10, 21.19, 76, 18.9),
        ),
    ),
    "imx296": Sensor(
        "Global Shutter Camera",
        lens_moves=False,
        global_shutter=True,
        own_hdr=False,
        smallest_gain=1.0,
        largest_gain=251.0,
        pattern="RGGB",
        black_level=3840,
        modes=(SensorMode(1456, 1088, 10, 60.38, 30, 14.81),),
    ),
}
