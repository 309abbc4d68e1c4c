"""Every file of a folder looked at in one go: each by itself, then whether the files fit each other.

A site's folder holds `device.toml`, `trial.toml`, `broker.toml`, `studies/` and `protocols/`, each of which may be
missing; what a file names and the folder lacks is looked for among the packaged files.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from firmware_config.broker import Broker
from firmware_config.device import DeviceConfig
from firmware_config.fitting import Fitting
from firmware_config.loading import ConfigurationError, content_of
from firmware_config.protocol import Protocol
from firmware_config.study import Study
from firmware_config.trial import Trial
from firmware_config.wrong import Examined, alike, examine

FILES: dict[str, type[BaseModel]] = {"device.toml": DeviceConfig, "trial.toml": Trial, "broker.toml": Broker}
FOLDERS: dict[str, type[BaseModel]] = {"studies": Study, "protocols": Protocol}


@dataclass(frozen=True)
class Checked:
    """What was looked at, and what is wrong: `FILE: key: sentence`, sorted."""

    files: tuple[Path, ...]
    errors: tuple[str, ...]


def check(paths: Iterable[Path]) -> Checked:
    """Look at files, and at all files of folders; never raises for what stands in them, or does not."""
    files: list[Path] = []
    errors: list[str] = []
    for path in paths:
        found = files_in(path) if path.is_dir() else [path]
        if path.is_dir() and not found:
            errors.append(f"{path}: folder: holds none of {', '.join(FILES)}, studies/*.toml, protocols/*.toml")
        files += [each for each in found if each not in files]
    right: dict[Path, BaseModel] = {}
    examined: dict[Path, Examined] = {}
    for path in files:
        model = model_of(path)
        if model is None:
            errors.append(f"{path}: file: {_nobody_reads(path)}")
            continue
        try:
            one = examined[path] = examine(content_of(path), model)
        except ConfigurationError as error:
            errors.append(str(error))
            continue
        errors += [f"{path}: {line}" for line in one.problems]
        if one.model is not None:
            right[path] = one.model
    for path, content in right.items():
        unfit = Fitting(path, right, files).problems(content)
        errors += [f"{path}: {line}" for line in unfit if not examined[path].concerns(line)]
    return Checked(tuple(files), tuple(sorted(set(errors))))


def model_of(path: Path) -> type[BaseModel] | None:
    """Return what a file is held to, by its name and its folder's; None for a file that nobody reads."""
    whole = path.absolute()
    return FOLDERS.get(whole.parent.name) if whole.parent.name in FOLDERS else FILES.get(whole.name)


def files_in(folder: Path) -> list[Path]:
    """Return every TOML file of a configuration's folder, those that nobody reads included, in order."""
    if folder.absolute().name in FOLDERS:
        return sorted(folder.glob("*.toml"))
    return sorted(
        path for pattern in ("*.toml", *(f"{name}/*.toml" for name in FOLDERS)) for path in folder.glob(pattern)
    )


def _nobody_reads(path: Path) -> str:
    near = alike(path.name, list(FILES))
    meant = f"is {near} meant? " if near is not None else ""
    return f"nobody reads a file of this name; {meant}there are {', '.join(FILES)}, studies/ and protocols/"
