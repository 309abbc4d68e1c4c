"""The table of sensor modes as text, and the part of docs/camera.md that is it: `python -m refill.camera_docs`."""

from pathlib import Path

from firmware_config.sensors import SENSORS

PAGE = Path("docs/camera.md")
BEGIN, END = "<!-- modes -->", "<!-- /modes -->"
HEAD = (
    "sensor",
    "module",
    "mode",
    "bits",
    "fps",
    "exposure from",
    "in steps of",
    "gain",
    "black of 16 bit",
    "lens",
    "shutter",
    "own HDR",
)


def rows() -> list[tuple[str, ...]]:
    """Return one row for each mode of each sensor."""
    return [
        (
            name,
            sensor.module,
            f"{mode.width}x{mode.height}",
            str(mode.bit_depth),
            f"{mode.largest_fps:g}",
            f"{mode.shortest_exposure_us} us",
            f"{mode.exposure_step_us:g} us",
            f"{sensor.smallest_gain:g} to {sensor.largest_gain:g}",
            str(sensor.black_level),
            "moves" if sensor.lens_moves else "fixed",
            "global" if sensor.global_shutter else "rolling",
            "has to be off" if sensor.own_hdr else "none",
        )
        for name, sensor in SENSORS.items()
        for mode in sensor.modes
    ]


def as_text() -> str:
    """Return the table for a terminal."""
    table = [HEAD, *rows()]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join(lines)


def as_markdown() -> str:
    """Return the table for a page."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *rows()))


def written(page: str) -> str:
    """Return the page with the table between its marks renewed; raises `ValueError` where a mark is missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{PAGE}: wants one {BEGIN} and one {END}")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{as_markdown()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
