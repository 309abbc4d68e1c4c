"""What no program can show of itself: procedures for the bench, with the commands, for a Pi with tubes and a manometer.

`docs/probe.md` prints the same list; a test holds the two together.
"""

from dataclasses import dataclass

from firmware_config.hardware import Pins

PRESS = "refill probe press --protocol andromeda-finger &"
IN_MID_HOLD = "sleep 4; sudo systemctl kill --signal={} refill-probe; date +%T.%N"
JOURNAL = "journalctl -u refill-probe -o short-precise -n 20"


@dataclass(frozen=True)
class Procedure:
    """One bench test: what it shows, what to type or do, and what has to be seen."""

    shows: str
    do: tuple[str, ...]
    see: str


def procedures(pins: Pins) -> tuple[Procedure, ...]:
    """Return the procedures for a machine wired like that: plug and manometer on, never a finger."""
    return _processes(pins) + _hardware(pins)


def as_lines(pins: Pins) -> list[str]:
    """Return the procedures for a terminal."""
    lines = ["", "Only a Pi can show, with plug and manometer on and no finger:"]
    for procedure in procedures(pins):
        lines += ["", f"----  {procedure.shows}", *(f"      $ {step}" for step in procedure.do)]
        lines.append(f"      to be seen: {procedure.see}")
    return lines


def as_markdown(pins: Pins) -> str:
    """Return the procedures for docs/probe.md."""
    return "\n".join(
        f"**{number}. {procedure.shows}**\n\n"
        + "".join(f"    {step}\n" for step in procedure.do)
        + f"\nTo be seen: {procedure.see}.\n"
        for number, procedure in enumerate(procedures(pins), 1)
    )


def _processes(pins: Pins) -> tuple[Procedure, ...]:
    return (
        Procedure(
            "Measuring process killed in mid-hold: the lease",
            ("refill bedside ... (a measurement); sleep 4; sudo systemctl kill --signal=KILL refill-bedside",),
            "manometer below 5 % within 0.7 s; the same with --signal=STOP",
        ),
        Procedure(
            "Probe killed in mid-hold: ExecStopPost puts the outputs off, and the probe comes back",
            (PRESS, IN_MID_HOLD.format("KILL"), JOURNAL),
            "manometer below 5 % within 2 s of the kill; 'outputs off' in the journal before the restart",
        ),
        Procedure(
            "Probe killed in mid-hold, the kernel alone: dtparam=strict_gpiod lets the lines go",
            (
                "sudo systemctl edit --runtime refill-probe   # [Service] ExecStopPost= (empty) and Restart=no",
                f"sudo systemctl restart refill-probe; {PRESS}",
                IN_MID_HOLD.format("KILL"),
                f"pinctrl get {pins.pump},{pins.vent_valve}",
                "sudo systemctl revert refill-probe; sudo systemctl restart refill-probe",
            ),
            "both lines are inputs, at rest; manometer below 5 % within 0.7 s. Without strict_gpiod they stay outputs "
            "at their last level, and ExecStopPost is the only software level left",
        ),
        Procedure(
            "Probe stopped in mid-hold: systemd's watchdog ends it",
            (PRESS, IN_MID_HOLD.format("STOP"), JOURNAL),
            "'Watchdog timeout' within 4 s, 'outputs off' after it, manometer below 5 % within 6 s; meanwhile the "
            "relief valve keeps the pressure below its own setting",
        ),
    )


def _hardware(pins: Pins) -> tuple[Procedure, ...]:
    lines = f"{pins.pump},{pins.vent_valve}"
    pump_on, pump_off = ("dh", "dl") if pins.pump_active_high else ("dl", "dh")
    closed, vented = ("dh", "dl") if pins.vent_valve_active_high else ("dl", "dh")
    return (
        Procedure(
            "Power cut in mid-hold: the normally-open valve falls open, the pulls stop the pump",
            (PRESS, "(pull the power plug in mid-hold)"),
            "manometer below 5 % within 0.7 s, no current in valve or pump",
        ),
        Procedure(
            f"Boot: the lines stay at rest until the probe takes them (pulls; config.txt gpio={lines}=op,dl)",
            (
                "sudo systemctl disable refill-probe; sudo reboot",
                f"pinctrl get {lines}",
                "sudo systemctl enable --now refill-probe",
            ),
            "no click and no hum from power-on on, both lines at rest; a scope on both gates shows no pulse",
        ),
        Procedure(
            "Relief valve: limits the pressure whatever the electronics do",
            (
                "sudo systemctl stop refill-probe",
                f"pinctrl set {pins.vent_valve} op {closed}; pinctrl set {pins.pump} op {pump_on}   # NO finger",
                f"pinctrl set {pins.pump} op {pump_off}; pinctrl set {pins.vent_valve} op {vented}",
                "sudo systemctl start refill-probe",
            ),
            "the manometer stays below the relief valve's setting (above 66 kPa, where the probe vents, and below 80)",
        ),
        Procedure(
            "Hardware watchdog: a kernel that hangs resets the Pi (dtparam=watchdog=on, RuntimeWatchdogSec=10)",
            (PRESS, "sleep 4; echo 0 | sudo tee /proc/sys/kernel/panic; echo c | sudo tee /proc/sysrq-trigger"),
            "the Pi resets within some 15 s and the manometer is below 5 % then at the latest; the relief valve holds "
            "until then",
        ),
        Procedure(
            "The sensor against a reference manometer",
            ("refill probe press --protocol ait-oufella-15s   # manometer on a T-piece",),
            "both within 5 % of each other in the hold",
        ),
    )
