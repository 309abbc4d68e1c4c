"""Whether a device's calibration is in force: its newest certificate, held against the device as it is and the day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

from calibration.certificate.keys import DeviceKey, KeyFileError
from calibration.certificate.latest import LatestError
from calibration.certificate.make import calibration_sha256
from calibration.certificate.store import MissingError, Store, StoreError
from calibration.step import Words
from contract.certificate import Certificate, StepName
from firmware_config.device import DeviceConfig

State = Literal[
    "in_force",
    "none",
    "unreadable",
    "missing",
    "altered",
    "failed",
    "incomplete",
    "other_device",
    "simulated",
    "changed",
    "expired",
]
NEEDED: frozenset[StepName] = frozenset(StepName) - {
    StepName.LIGHT_WARM_UP,
    StepName.LIGHT_AMBIENT,
    StepName.LIGHT_FLICKER,
}
"""Steps without which no certificate is in force; a light on the supply cannot be switched, nor looked at by itself."""
FOLDER: str = "certificates"
"""Within the calibration's folder, which holds the device's key too."""
SAYS: dict[State, Words] = {
    "in_force": Words("The calibration is in force.", "L'étalonnage est en vigueur."),
    "none": Words("There is no calibration.", "Il n'y a pas d'étalonnage."),
    "unreadable": Words("The calibration cannot be read.", "L'étalonnage ne peut pas être lu."),
    "missing": Words("The newest calibration certificate is missing.", "Le dernier certificat d'étalonnage manque."),
    "altered": Words("The calibration certificate was altered.", "Le certificat d'étalonnage a été modifié."),
    "failed": Words("The last calibration failed.", "Le dernier étalonnage a échoué."),
    "incomplete": Words("The calibration is not complete.", "L'étalonnage n'est pas complet."),
    "other_device": Words("The calibration is another device's.", "L'étalonnage est celui d'un autre appareil."),
    "simulated": Words("The calibration was only simulated.", "L'étalonnage n'était que simulé."),
    "changed": Words(
        "The device was set up anew since its calibration.", "L'appareil a été reconfiguré depuis son étalonnage."
    ),
    "expired": Words("The calibration has expired.", "L'étalonnage a expiré."),
}
CLOCK_BEHIND: Words = Words(
    "The clock stands before the calibration's making: one of the two is wrong.",
    "L'horloge est en retard sur la date de l'étalonnage : l'une des deux est fausse.",
)
BEHIND: timedelta = timedelta(minutes=2)
"""A clock that a time server sets right may be put back a little."""


def missing_steps(certificate: Certificate) -> list[StepName]:
    """Return the needed steps that a certificate lacks, in their order."""
    there = {step.step for step in certificate.steps}
    return [name for name in StepName if name in NEEDED - there]


@dataclass(frozen=True)
class Standing:
    """What a device's calibration counts for. `certificate` is the newest, where it could be read."""

    state: State
    certificate: Certificate | None = None
    days_left: float | None = None
    """Days until it is due, negative once it is not in force any more for whatever reason; None without one."""
    clock_behind: bool = False
    """Whether the clock stands before the certificate's making; that ends nothing, and has to be said."""

    @property
    def certificate_id(self) -> UUID | None:
        """The certificate in force: what readings name."""
        return self.certificate.certificate_id if self.state == "in_force" and self.certificate is not None else None


def in_force(folder: Path, device: DeviceConfig, now: datetime, *, simulated: bool = False) -> Standing:
    """Return how the calibration in `folder` stands for this device, as it is configured now.

    A certificate counts if the device's own key signed it, every needed step is in it and passed, nothing that it
    depends on was changed since, and it is not due. A simulated device takes simulated certificates, a real one never.
    A clock that stands before the certificate's making is wrong, or was then: that is told, and does not end it. A
    measurement must not fail for a flat battery.
    """
    try:
        if not (folder / FOLDER).is_dir():
            return Standing("none")
        kept = Store(folder / FOLDER).newest(DeviceKey.read(folder).public)
    except MissingError:
        return Standing("missing", days_left=-1.0)
    except LatestError:
        return Standing("altered", days_left=-1.0)
    except (KeyFileError, StoreError, OSError):
        return Standing("unreadable", days_left=-1.0)
    if kept is None:
        return Standing("none")
    found = kept.certificate
    if found is None:
        return Standing("altered", days_left=-1.0)
    days_left = (found.due_at - now).total_seconds() / 86400
    state = _state(found, device, days_left, simulated=simulated)
    behind = found.made_at - now > BEHIND
    return Standing(state, found, days_left if state == "in_force" else min(days_left, -1.0), behind)


def _state(found: Certificate, device: DeviceConfig, days_left: float, *, simulated: bool) -> State:
    if found.device.name != device.name:
        return "other_device"
    if found.simulated and not simulated:
        return "simulated"
    if not found.passed:
        return "failed"
    if missing_steps(found):
        return "incomplete"
    if found.configuration_sha256 != calibration_sha256(device):
        return "changed"
    return "expired" if days_left < 0 else "in_force"
