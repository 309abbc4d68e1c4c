"""How a part does, as tables that a clinician and an engineer can read: limits, and what is said beyond them.

No sentence holds a number: the number stands beside it, and a number that trembles must not look like news.
"""

from dataclasses import dataclass
from typing import Literal

from contract.status import Condition, PartName
from device.health_rows import APPELEZ, CALL, Finding, fault, unknown, warning
from device.health_table_feed import BROKER_AND_FEED
from device.session_words import NO_PROBE

URGENCY: tuple[PartName, ...] = (
    PartName.PROBE,
    PartName.CAMERA,
    PartName.JOURNAL,
    PartName.DISK,
    PartName.TEMPERATURE,
    PartName.FEED,
    PartName.BROKER,
    PartName.CLOCK,
    PartName.CALIBRATION,
)
"""Whose sentence is read first among parts that do equally badly: the skin first, then the data, then the rest."""


@dataclass(frozen=True)
class Limit:
    """Beyond `warning` a part needs a person some time, beyond `fault` now. Below or above is beyond, never at it."""

    part: PartName
    what: str
    beyond: Literal["below", "above"]
    warning: float
    fault: float

    def of(self, value: float) -> Condition:
        """Return how a part with this value does."""
        sign = 1.0 if self.beyond == "above" else -1.0
        if sign * value > sign * self.fault:
            return Condition.FAULT
        return Condition.WARNING if sign * value > sign * self.warning else Condition.OK


FPS_SHARE = Limit(PartName.CAMERA, "frames a second, as a share of the expected", "below", 0.95, 0.80)
DROPPED_SHARE = Limit(PartName.CAMERA, "frames that never arrived, as a share", "above", 0.01, 0.05)
FREE = Limit(PartName.DISK, "free space, as a multiple of `storage.minimum_free_mb`", "below", 2.5, 1.0)
DAYS_LEFT = Limit(PartName.CALIBRATION, "days until the calibration ends", "below", 14.0, 0.0)
AWAY_S = Limit(PartName.BROKER, "s without a connection", "above", 30.0, 86_400.0)
OLDEST_S = Limit(PartName.FEED, "s for which the oldest unsent reading waits", "above", 3600.0, 86_400.0)
BOARD_C = Limit(PartName.TEMPERATURE, "°C of the processor", "above", 75.0, 80.0)
"""From 80 °C on, firmware slows a Raspberry Pi's processor (documentation of `config.txt`, `temp_limit`, and of
`get_throttled`): frames would be lost."""

LIMITS: tuple[Limit, ...] = (FPS_SHARE, DROPPED_SHARE, FREE, DAYS_LEFT, AWAY_S, OLDEST_S, BOARD_C)


FINDINGS: dict[str, Finding] = {
    "camera_trouble": fault(PartName.CAMERA, "the camera says what is wrong", None, None),
    "camera_moved": fault(
        PartName.CAMERA,
        "a frame came with other settings than the locked ones",
        f"The camera does not keep its settings. {CALL}",
        f"La caméra ne garde pas ses réglages. {APPELEZ}",
    ),
    "camera_slow_fault": fault(
        PartName.CAMERA,
        "far too few frames",
        f"The camera is far too slow. {CALL}",
        f"La caméra est beaucoup trop lente. {APPELEZ}",
    ),
    "camera_drops_fault": fault(
        PartName.CAMERA,
        "many frames are lost",
        f"The camera loses many frames. {CALL}",
        f"La caméra perd beaucoup d'images. {APPELEZ}",
    ),
    "camera_slow": warning(
        PartName.CAMERA,
        "too few frames",
        "The camera is slower than it should be.",
        "La caméra est plus lente que prévu.",
    ),
    "camera_drops": warning(
        PartName.CAMERA, "frames are lost", "The camera loses frames.", "La caméra perd des images."
    ),
    "camera_unknown": unknown(
        PartName.CAMERA,
        "rate, losses or settings are not known",
        "How the camera does is not known.",
        "L'état de la caméra est inconnu.",
    ),
    "probe_away": fault(
        PartName.PROBE,
        "no probe answers",
        NO_PROBE,
        f"La sonde ne répond pas. {APPELEZ}",
    ),
    "probe_fault": fault(PartName.PROBE, "a fault is latched: its sentence (docs/probe.md)", None, None),
    "probe_unknown": unknown(
        PartName.PROBE,
        "it has not been spoken to yet",
        "How the probe does is not known.",
        "L'état de la sonde est inconnu.",
    ),
    "calibration_over": fault(
        PartName.CALIBRATION,
        "its last day is past",
        f"The calibration has expired. {CALL}",
        f"L'étalonnage est périmé. {APPELEZ}",
    ),
    "calibration_none": warning(
        PartName.CALIBRATION,
        "there is none",
        "There is no calibration: bench use only.",
        "Il n'y a pas d'étalonnage : usage d'essai seulement.",
    ),
    "calibration_soon": warning(
        PartName.CALIBRATION,
        "its last day is near",
        f"The calibration expires soon. {CALL}",
        f"L'étalonnage expire bientôt. {APPELEZ}",
    ),
    "calibration_ahead": warning(
        PartName.CALIBRATION,
        "the clock stands before it was made; measuring goes on",
        "The clock stands before the calibration's making: one of the two is wrong.",
        "L'horloge est en retard sur la date de l'étalonnage : l'une des deux est fausse.",
    ),
    "calibration_unknown": unknown(
        PartName.CALIBRATION,
        "nobody has looked",
        "Whether the calibration is in force is not known.",
        "La validité de l'étalonnage est inconnue.",
    ),
    "clock_free": warning(
        PartName.CLOCK,
        "no time server has set it since the start",
        "The clock was not set by a time server: times in the records may be wrong.",
        "L'horloge n'a pas été réglée par un serveur de temps : les heures des mesures peuvent être fausses.",
    ),
    "clock_unknown": unknown(
        PartName.CLOCK,
        "the system does not say",
        "Whether the clock is set is not known.",
        "On ne sait pas si l'horloge est à l'heure.",
    ),
    "disk_read_only": fault(
        PartName.DISK,
        "it takes no data",
        f"The disk takes no data. {CALL}",
        f"Le disque n'accepte plus de données. {APPELEZ}",
    ),
    "disk_full": fault(
        PartName.DISK,
        "below what a measurement needs",
        f"The disk is full: no measurement can be started. {CALL}",
        f"Le disque est plein : aucune mesure ne peut commencer. {APPELEZ}",
    ),
    "disk_filling": warning(
        PartName.DISK,
        "little is free",
        f"The disk is nearly full. {CALL}",
        f"Le disque est presque plein. {APPELEZ}",
    ),
    "disk_unknown": unknown(
        PartName.DISK,
        "it cannot be asked",
        "How much of the disk is free is not known.",
        "L'espace libre du disque est inconnu.",
    ),
    "journal_problem": fault(PartName.JOURNAL, "it takes or gives no record: its own words", None, None),
    "journal_set_aside": fault(
        PartName.JOURNAL,
        "a broken one was set aside and waits for a person",
        f"A broken journal was set aside. {CALL}",
        f"Un journal endommagé a été mis de côté. {APPELEZ}",
    ),
    "journal_unknown": unknown(
        PartName.JOURNAL,
        "it has not been opened yet",
        "How the journal does is not known.",
        "L'état du journal est inconnu.",
    ),
    **BROKER_AND_FEED,
    "temperature_power": fault(
        PartName.TEMPERATURE,
        "the supply's voltage is too low now",
        f"The power supply is too weak. {CALL}",
        f"L'alimentation est trop faible. {APPELEZ}",
    ),
    "temperature_fault": fault(
        PartName.TEMPERATURE,
        "too hot, or the processor slows itself down",
        "The device is too hot. Uncover it, and call the study engineer if that does not help.",
        "L'appareil est trop chaud. Dégagez-le ; si cela ne suffit pas, appelez l'ingénieur de l'étude.",
    ),
    "temperature_hot": warning(
        PartName.TEMPERATURE,
        "hot",
        "The device is getting hot. See that it is not covered.",
        "L'appareil chauffe. Vérifiez qu'il n'est pas couvert.",
    ),
    "temperature_unknown": unknown(
        PartName.TEMPERATURE,
        "the board does not tell",
        "The temperature of the device is not known.",
        "La température de l'appareil est inconnue.",
    ),
}
"""By the name of the row; `judge` takes the first of a part's rows that is true, in the order of its function."""

BEDSIDE_SILENT = "The bedside program does not answer."
