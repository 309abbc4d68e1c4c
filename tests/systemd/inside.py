"""Run in a unit's own sandbox, by Debian's Python alone: tries what should not come off, says in a line how it went.

Each answer is "done" or the name of the error that stopped it.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ELSEWHERE = "203.0.113.1"
"""An address of this very machine (the test gives it one) that is neither loopback nor of a hospital's network."""
FILES = (
    *("/etc/refill/tried", "/usr/bin/tried", "/opt/refill/tried", "/var/tried", "/proc/sys/kernel/domainname"),
    *("/var/lib/refill/tried", "/var/lib/refill-probe/tried", "/var/lib/refill-trial/tried"),
    *("/run/refill/tried", "/run/refill/photos/tried", "/run/refill-probe/tried", "/run/tried"),
)
SECRETS = ("/etc/credstore/refill-mqtt-key", "/run/credentials/refill-publish.service/refill-mqtt-key")
CLONE_NEWUSER = 0x10000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def how(trial: Callable[[], object]) -> str:
    """Try it."""
    try:
        trial()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def write(path: str) -> None:
    with Path(path).open("wb"):
        pass
    Path(path).unlink()


def speak(family: int, host: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(b"tried", (host, 4567))


def privileged_file() -> None:
    """Make a program of this user's that others would run as this user."""
    with tempfile.TemporaryFile() as file:
        os.fchmod(file.fileno(), 0o4700)


def new_user() -> None:
    if _LIBC.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")


def process_status() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {key: found[key] for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}


def main() -> None:
    """Try all, and print one line."""
    handed_over = os.environ.get("CREDENTIALS_DIRECTORY", "")
    said = {
        "write": {path: how(partial(write, path)) for path in FILES},
        "network": {
            "loopback": how(lambda: speak(socket.AF_INET, "127.0.0.1")),
            "elsewhere": how(lambda: speak(socket.AF_INET, ELSEWHERE)),
            "packets": how(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()),
        },
        "device": how(lambda: os.close(os.open("/dev/refill-tried", os.O_RDWR))),
        "others": sum(path.name.isdigit() and path.stat().st_uid != os.getuid() for path in Path("/proc").iterdir()),
        "privileged file": how(privileged_file),
        "new user": how(new_user),
        "code": how(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC).close()),
        "clock": how(lambda: time.clock_settime(time.CLOCK_REALTIME, time.time())),
        "secrets": {path: how(Path(path).read_bytes) for path in SECRETS},
        "handed over": sorted(path.name for path in Path(handed_over).iterdir()) if handed_over else [],
        "process": process_status(),
    }
    print("inside " + json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
