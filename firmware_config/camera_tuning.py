"""What of libcamera's tuning file has to be still, so that a pixel means the same in every frame.

The image processor bends its tone curve to each picture's histogram and moves colours over the picture as it sees them
(libcamera, src/ipa/rpi/controller: `rpi.contrast` unless `ce_enable` is 0, `rpi.alsc` unless `n_iter` is 0), and tells
nothing of it in the metadata. Skin that blanches is such a change. Nobody has measured on a Pi what is left then.
"""

import copy
from typing import Any

CHOICES: dict[str, dict[str, int]] = {"rpi.contrast": {"ce_enable": 0}, "rpi.alsc": {"n_iter": 0}}
FOLDER = "/usr/share/libcamera/ipa/rpi"
"""Where the system keeps the files: `vc4/SENSOR.json` for a Pi 4, `pisp/SENSOR.json` for a Pi 5."""


class TuningError(Exception):
    """A tuning file is not of the form that is known here; the text says in what."""


def tuned(base: Any) -> dict[str, Any]:
    """Return a sensor's tuning with our choices in it; what a file does not have stays out of it.

    Raises `TuningError` for anything but a tuning file of version 2, whose algorithms are a list.
    """
    if not isinstance(base, dict) or not isinstance(base.get("algorithms"), list):
        raise TuningError("not a tuning file of version 2: no list of algorithms")
    new = copy.deepcopy(base)
    found = set()
    for algorithm in new["algorithms"]:
        for name, settings in algorithm.items() if isinstance(algorithm, dict) else ():
            if name in CHOICES and isinstance(settings, dict):
                settings.update(CHOICES[name])
                found.add(name)
    missing = sorted(CHOICES.keys() - found)
    if missing:
        raise TuningError(f"has no {', '.join(missing)}: nothing that could be held still")
    return new
