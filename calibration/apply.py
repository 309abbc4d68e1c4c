"""Corrections written into a site's `device.toml`: old and new proposed, checked, the file before kept beside it."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from calibration.state import Change, Value
from calibration.toml_edit import EditError, with_values
from calibration.whole_file import opened_anew, sync_folder
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DEFAULT_PATH, DeviceConfig, load_device
from firmware_config.loading import ConfigurationError
from firmware_config.wrong import examine

SAME: Final = 1e-9
"""Relative difference below which a correction changes nothing."""


CORRECTABLE: Final = frozenset(
    {
        "pressure_sensor.zero_kpa",
        "pressure_sensor.gain",
        "camera.lock.exposure_us",
        "camera.lock.analogue_gain",
        "camera.lock.colour_gains",
        "camera.delay_ms",
    }
)
"""All that steps correct. What the probe is held to is not among them, and nobody gets it changed by a calibration."""


class ApplyError(Exception):
    """Corrections were not written; the file is as it was. The text is one sentence naming file and key."""


def proposed(device: DeviceConfig, outcomes: Mapping[StepName, StepOutcome]) -> tuple[Change, ...]:
    """Return what the outcomes want the configuration to say and it does not say yet; the last step to name a key wins.

    Raises `ApplyError` where a correction names a key that is not `CORRECTABLE`, or that the device has not.
    """
    content = device.model_dump()
    found: dict[str, Change] = {}
    for outcome in outcomes.values():
        for key, new in outcome.corrections.items():
            if key not in CORRECTABLE:
                raise ApplyError(f"{key}: is nothing that a calibration corrects")
            old = value_in(content, key)
            found.pop(key, None)
            if not _same(old, new):
                # A whole number stays one: the file is read by people.
                number = int(new) if isinstance(old, int) and isinstance(new, float) and new.is_integer() else new
                found[key] = Change(key=key, step=outcome.step, old=old, new=number)
    return tuple(found.values())


def value_in(content: Mapping[str, Any], key: str) -> Value | None:
    """Return the number, or the numbers, that a device's dumped `content` has for a dotted key; raises `ApplyError`."""
    value: Any = content
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise ApplyError(f"{key}: the device file has no such key")
        value = value[part]
    if isinstance(value, bool | str | Mapping):
        raise ApplyError(f"{key}: is not a number")
    return tuple(value) if isinstance(value, list | tuple) else value


def _same(old: Value | None, new: Value) -> bool:
    if old is None or isinstance(old, tuple) != isinstance(new, tuple):
        return False
    return np.shape(old) == np.shape(new) and bool(np.allclose(old, new, rtol=SAME, atol=SAME))


def corrected(device: DeviceConfig, changes: Sequence[Change]) -> DeviceConfig:
    """Return the device with the changes; raises `ApplyError` where they are not allowed together."""
    content = device.model_dump()
    for change in changes:
        *sections, leaf = change.key.split(".")
        section = content
        for name in sections:
            section = section[name]
        section[leaf] = change.new
    try:
        return DeviceConfig.model_validate(content)
    except ValidationError as error:
        said = examine(content, DeviceConfig).problems
        raise ApplyError(f"the corrections do not fit the device: {'; '.join(said) or error}") from error


def write_corrections(path: Path, device: DeviceConfig, changes: Sequence[Change], now: datetime) -> Path:
    """Write the changes into the device file at `path`, comments kept; returns the copy of the file as it was before.

    Raises `ApplyError`, the file unchanged: it is the packaged one, is not what `device` was read from, or would not
    be valid.
    """
    if path.resolve() == DEFAULT_PATH.resolve():
        raise ApplyError(f"{path}: is the packaged file: a site's own is needed (copy it to /etc/refill/device.toml)")
    wanted = corrected(device, changes)
    part = path.with_name(f".{path.name}.part")
    try:
        if load_device(path) != device:
            raise ApplyError(f"{path}: was changed while the device was calibrated")
        text = path.read_text(encoding="utf-8")
        _write_beside(part, with_values(text, {change.key: change.new for change in changes}), path)
        if load_device(part) != wanted:
            raise ApplyError(f"{path}: would not say what was agreed to")
        backup = _backup(path, now)
        part.replace(path)
        sync_folder(path.parent)
    except EditError as error:
        raise ApplyError(f"{path}: {error}") from error
    except ConfigurationError as error:
        raise ApplyError(str(error).replace(str(part), str(path)).splitlines()[0]) from error
    except OSError as error:
        raise ApplyError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()
    return backup


def _write_beside(part: Path, text: str, like: Path) -> None:
    """Write a file with the mode and owner of another, on the disk on return."""
    found = like.stat()
    with os.fdopen(opened_anew(part, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), found.st_mode & 0o7777)
        made = os.fstat(file.fileno())
        if os.geteuid() == 0 and (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
            os.fchown(file.fileno(), found.st_uid, found.st_gid)


def _backup(path: Path, now: datetime) -> Path:
    """Copy the file to `<name>.before-<time>`; an earlier copy is never written over."""
    backup = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%S%f}")
    with path.open("rb") as old, backup.open("xb") as copy:
        shutil.copyfileobj(old, copy)
        copy.flush()
        os.fsync(copy.fileno())
    shutil.copystat(path, backup)
    return backup
