"""How a part does, as tables that a clinician and an engineer can read: limits, and what is said beyond them.

No sentence holds a number: the number stands beside it, and a number that trembles must not look like news.
"""

from dataclasses import dataclass
from typing import Literal

from contract.status import Condition, PartName
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


@dataclass(frozen=True)
class Finding:
    """One row: what was found of a part, how bad that is, and what is said. None: said in the part's own words."""

    part: PartName
    condition: Condition
    when: str
    english: str | None
    french: str | None


_CALL = "Call the study engineer."
_APPELEZ = "Appelez l'ingénieur de l'étude."


def _unknown(part: PartName, when: str, english: str, french: str) -> Finding:
    return Finding(part, Condition.UNKNOWN, when, english, french)


def _warning(part: PartName, when: str, english: str | None, french: str | None) -> Finding:
    return Finding(part, Condition.WARNING, when, english, french)


def _fault(part: PartName, when: str, english: str | None, french: str | None) -> Finding:
    return Finding(part, Condition.FAULT, when, english, french)


FINDINGS: dict[str, Finding] = {
    "camera_trouble": _fault(PartName.CAMERA, "the camera says what is wrong", None, None),
    "camera_moved": _fault(
        PartName.CAMERA,
        "a frame came with other settings than the locked ones",
        f"The camera does not keep its settings. {_CALL}",
        f"La caméra ne garde pas ses réglages. {_APPELEZ}",
    ),
    "camera_slow_fault": _fault(
        PartName.CAMERA,
        "far too few frames",
        f"The camera is far too slow. {_CALL}",
        f"La caméra est beaucoup trop lente. {_APPELEZ}",
    ),
    "camera_drops_fault": _fault(
        PartName.CAMERA,
        "many frames are lost",
        f"The camera loses many frames. {_CALL}",
        f"La caméra perd beaucoup d'images. {_APPELEZ}",
    ),
    "camera_slow": _warning(
        PartName.CAMERA,
        "too few frames",
        "The camera is slower than it should be.",
        "La caméra est plus lente que prévu.",
    ),
    "camera_drops": _warning(
        PartName.CAMERA, "frames are lost", "The camera loses frames.", "La caméra perd des images."
    ),
    "camera_unknown": _unknown(
        PartName.CAMERA,
        "rate, losses or settings are not known",
        "How the camera does is not known.",
        "L'état de la caméra est inconnu.",
    ),
    "probe_away": _fault(
        PartName.PROBE,
        "no probe answers",
        NO_PROBE,
        f"La sonde ne répond pas. {_APPELEZ}",
    ),
    "probe_fault": _fault(PartName.PROBE, "a fault is latched: its sentence (docs/probe.md)", None, None),
    "probe_unknown": _unknown(
        PartName.PROBE,
        "it has not been spoken to yet",
        "How the probe does is not known.",
        "L'état de la sonde est inconnu.",
    ),
    "calibration_over": _fault(
        PartName.CALIBRATION,
        "its last day is past",
        f"The calibration has expired. {_CALL}",
        f"L'étalonnage est périmé. {_APPELEZ}",
    ),
    "calibration_none": _warning(
        PartName.CALIBRATION,
        "there is none",
        "There is no calibration: bench use only.",
        "Il n'y a pas d'étalonnage : usage d'essai seulement.",
    ),
    "calibration_soon": _warning(
        PartName.CALIBRATION,
        "its last day is near",
        f"The calibration expires soon. {_CALL}",
        f"L'étalonnage expire bientôt. {_APPELEZ}",
    ),
    "calibration_unknown": _unknown(
        PartName.CALIBRATION,
        "nobody has looked",
        "Whether the calibration is in force is not known.",
        "La validité de l'étalonnage est inconnue.",
    ),
    "clock_free": _warning(
        PartName.CLOCK,
        "no time server has set it since the start",
        "The clock was not set by a time server: times in the records may be wrong.",
        "L'horloge n'a pas été réglée par un serveur de temps : les heures des mesures peuvent être fausses.",
    ),
    "clock_unknown": _unknown(
        PartName.CLOCK,
        "the system does not say",
        "Whether the clock is set is not known.",
        "On ne sait pas si l'horloge est à l'heure.",
    ),
    "disk_read_only": _fault(
        PartName.DISK,
        "it takes no data",
        f"The disk takes no data. {_CALL}",
        f"Le disque n'accepte plus de données. {_APPELEZ}",
    ),
    "disk_full": _fault(
        PartName.DISK,
        "below what a measurement needs",
        f"The disk is full: no measurement can be started. {_CALL}",
        f"Le disque est plein : aucune mesure ne peut commencer. {_APPELEZ}",
    ),
    "disk_filling": _warning(
        PartName.DISK,
        "little is free",
        f"The disk is nearly full. {_CALL}",
        f"Le disque est presque plein. {_APPELEZ}",
    ),
    "disk_unknown": _unknown(
        PartName.DISK,
        "it cannot be asked",
        "How much of the disk is free is not known.",
        "L'espace libre du disque est inconnu.",
    ),
    "journal_problem": _fault(PartName.JOURNAL, "it takes or gives no record: its own words", None, None),
    "journal_set_aside": _fault(
        PartName.JOURNAL,
        "a broken one was set aside and waits for a person",
        f"A broken journal was set aside. {_CALL}",
        f"Un journal endommagé a été mis de côté. {_APPELEZ}",
    ),
    "journal_unknown": _unknown(
        PartName.JOURNAL,
        "it has not been opened yet",
        "How the journal does is not known.",
        "L'état du journal est inconnu.",
    ),
    "broker_away_fault": _fault(
        PartName.BROKER,
        "away for so long that somebody has to look",
        f"The network has been away for long: readings wait in the device. {_CALL}",
        f"Le réseau est absent depuis longtemps : les mesures attendent dans l'appareil. {_APPELEZ}",
    ),
    "broker_away": _warning(
        PartName.BROKER,
        "away, or never there since the start",
        "The network is away: readings wait in the device.",
        "Le réseau est absent : les mesures attendent dans l'appareil.",
    ),
    "broker_unknown": _unknown(
        PartName.BROKER,
        "the publisher does not answer",
        "Whether the network is there is not known: the publisher does not answer.",
        "L'état du réseau est inconnu : le programme d'envoi ne répond pas.",
    ),
    "feed_problem": _fault(PartName.FEED, "records cannot be sent, or were refused: the publisher's words", None, None),
    "feed_old_fault": _fault(
        PartName.FEED,
        "a reading waits for a day",
        f"Readings have waited for the trial database for long. {_CALL}",
        f"Des mesures attendent la base de l'étude depuis longtemps. {_APPELEZ}",
    ),
    "feed_unanswered": _warning(
        PartName.FEED,
        "sent, and no receipt came",
        "The trial database does not answer: readings wait in the device.",
        "La base de l'étude ne répond pas : les mesures attendent dans l'appareil.",
    ),
    "feed_old": _warning(
        PartName.FEED,
        "a reading waits for an hour",
        "Readings wait in the device for the trial database.",
        "Des mesures attendent dans l'appareil d'être reçues par la base de l'étude.",
    ),
    "feed_unknown": _unknown(
        PartName.FEED,
        "the publisher or the journal does not answer",
        "Whether readings arrive is not known.",
        "On ne sait pas si les mesures arrivent.",
    ),
    "temperature_power": _fault(
        PartName.TEMPERATURE,
        "the supply's voltage is too low now",
        f"The power supply is too weak. {_CALL}",
        f"L'alimentation est trop faible. {_APPELEZ}",
    ),
    "temperature_fault": _fault(
        PartName.TEMPERATURE,
        "too hot, or the processor slows itself down",
        "The device is too hot. Uncover it, and call the study engineer if that does not help.",
        "L'appareil est trop chaud. Dégagez-le ; si cela ne suffit pas, appelez l'ingénieur de l'étude.",
    ),
    "temperature_hot": _warning(
        PartName.TEMPERATURE,
        "hot",
        "The device is getting hot. See that it is not covered.",
        "L'appareil chauffe. Vérifiez qu'il n'est pas couvert.",
    ),
    "temperature_unknown": _unknown(
        PartName.TEMPERATURE,
        "the board does not tell",
        "The temperature of the device is not known.",
        "La température de l'appareil est inconnue.",
    ),
}
"""By the name of the row; `judge` takes the first of a part's rows that is true, in the order of its function."""

BEDSIDE_SILENT = "The bedside program does not answer."
