"""What the tests of the booted machine do to its services, and how they look at them."""

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from phantom.world import PressureWorldReader
from tests.systemd.inside import ELSEWHERE
from tests.systemd.machine_bench import Machine, until
from tests.systemd.machine_place import LASTING
from tests.systemd.units_bench import PROGRAM

PROBE, BEDSIDE, PUBLISH, SCREEN, INGEST = LASTING
DEVICE = (PROBE, BEDSIDE, PUBLISH, SCREEN)
UP_S = 30.0
PRESS = (
    *("systemd-run", "--quiet", "--collect", "--uid=refill", "--gid=refill"),
    *(PROGRAM, "probe", "press", "--simulate", "--protocol=ait-oufella-15s"),
    "--socket=/run/refill-probe/probe.sock",
)
"""Fifteen seconds of pressure, from a process that only watches."""
KIOSK = "refill-kiosk.service"
WINDOW = f"""\
#!/usr/bin/python3
import errno, json, pwd, os, socket, sys, time, urllib.request
elsewhere = "done"
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("{ELSEWHERE}", 4567))
except OSError as error:
    elsewhere = errno.errorcode[error.errno]
answer = urllib.request.urlopen(sys.argv[-1]).status
print("shown", json.dumps([pwd.getpwuid(os.getuid()).pw_name, answer, elsewhere, *sys.argv[1:]]), flush=True)
time.sleep(1000)
"""
"""In the place of cage, which would need a display: looks at the page, and says how that went."""


def all_up(booted: Machine) -> None:
    for name in LASTING:
        until(partial(booted.is_active, name), UP_S, f"{name} active")


def stop_the_target(booted: Machine) -> None:
    """Stop the device as one; systemctl itself does not wait for what the target takes with it."""
    booted.systemctl("stop", "refill.target")
    for name in DEVICE:
        until(partial(is_over, booted, name), UP_S, f"{name} ended")


@contextlib.contextmanager
def drop_in(booted: Machine, name: str, text: str) -> Iterator[None]:
    """A unit with other lines; what runs of it goes on as it is."""
    file = booted.path(f"/run/systemd/system/{name}.d/of-a-test.conf")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    booted.systemctl("daemon-reload")
    try:
        yield
    finally:
        file.unlink()
        booted.systemctl("daemon-reload")


def is_over(booted: Machine, name: str) -> bool:
    return booted.shown(name)["ActiveState"] in ("inactive", "failed")


def pids(booted: Machine, *names: str) -> dict[str, int]:
    return {name: booted.pid(name) for name in names}


def back(booted: Machine, name: str, before: int, limit_s: float = UP_S) -> None:
    """A service runs again, as another process."""
    until(lambda: booted.is_active(name) and booted.pid(name) not in (0, before), limit_s, f"{name} back")


def lines_closed(booted: Machine) -> bool:
    """Whether the probe's lines say that the valve is closed, by a living probe or a dead one."""
    world = PressureWorldReader(booted.path("/run/refill-probe/world"), lines_kept=True)
    try:
        return world.left_closed() is not None
    finally:
        world.close()


def tried(booted: Machine, name: str) -> dict[str, Any]:
    """What the sandbox of a service let through, at its last start."""
    lines = [line for line in booted.log(name) if line.startswith("inside ")]
    return json.loads(lines[-1].removeprefix("inside "))
