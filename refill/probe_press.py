"""A press of the bench in words and in figures: `refill probe press`."""

from typing import Any

from device.probe.faults import FAULTS
from device.probe.pressing import BenchPress


def as_lines(made: BenchPress, plate_area_mm2: float) -> list[str]:
    """Return the press for a person; what there was not is left out or said."""
    lines = [f"target    {made.target_kpa:g} kPa, {_newton(made.target_kpa, plate_area_mm2):.1f} N on the plate"]
    released = made.released
    if released is None or released.hold_mean_kpa is None:
        lines.append(f"hold      none; highest {made.highest_kpa:.2f} kPa")
    else:
        near = "" if made.share_near is None else f", {100 * made.share_near:.1f} % of samples within 5 %"
        lines.append(
            f"hold      {released.held_s:.1f} s at {released.hold_mean_kpa:.2f} kPa, "
            f"sd {released.hold_sd_kpa or 0.0:.2f}{near} ({_newton(released.hold_mean_kpa, plate_area_mm2):.1f} N)"
        )
        lines.append(f"overshoot {100 * (released.overshoot or 0.0):.1f} %")
        if made.rise_s is not None:
            lines.append(f"rise      {made.rise_s:.2f} s")
        if released.leak_kpa_per_s is not None:
            lines.append(f"leak      {released.leak_kpa_per_s:.2f} kPa/s made up for by the pump")
    if released is not None:
        if released.t_boot_ns is not None:
            after = (
                ""
                if "ramp" not in made.began_ns
                else f", {(released.t_boot_ns - made.began_ns['ramp']) / 1e9:.3f} s after the start"
            )
            lines.append(f"instant   {released.t_boot_ns / 1e9:.4f} s of boot time{after}")
        lines.append(
            "release   not seen from 90 to 10 %"
            if released.release_s is None
            else f"release   {released.release_s * 1e3:.0f} ms (90 to 10 %)"
        )
    return lines


def as_json(made: BenchPress, protocol: str, plate_area_mm2: float) -> dict[str, Any]:
    """Return the press for a program: units in the names, null for what there was not."""
    released = made.released
    told: dict[str, Any] = {
        "protocol": protocol,
        "target_kpa": made.target_kpa,
        "target_n": _newton(made.target_kpa, plate_area_mm2),
        "came_off": made.trouble is None,
        "sentence": made.trouble,
        "fault": made.fault,
        "fault_french": None if made.fault is None else FAULTS[made.fault].french,
        "rise_s": made.rise_s,
        "highest_kpa": made.highest_kpa,
        "hold_samples": len(made.hold_kpa),
        "hold_share_within_5_percent": made.share_near,
    }
    of_probe = ("why", "held_s", "hold_mean_kpa", "hold_sd_kpa", "overshoot", "leak_kpa_per_s", "release_s")
    told |= {key: None if released is None else getattr(released, key) for key in of_probe}
    told["release_t_boot_ns"] = None if released is None else released.t_boot_ns
    return told


def _newton(kpa: float, plate_area_mm2: float) -> float:
    return kpa * plate_area_mm2 / 1000
