"""Why there is no number: one table of reasons, each with what the nurse reads and what to do about it.

The codes are the words of the wire, the journal, the screen and the logs. A reason is never reused for another meaning.
The codes that `vision` returns are among them; a test holds that.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Code of the one leading reason why a measurement ends without a number."""

    PRESSURE_OFF_TARGET = "pressure_off_target"
    PRESSURE_NOT_HELD = "pressure_not_held"
    RELEASE_TOO_SLOW = "release_too_slow"
    RELEASE_INCOMPLETE = "release_incomplete"
    SECOND_PRESS = "second_press"
    NO_RELEASE = "no_release"
    NO_BLANCH = "no_blanch"
    MOVED = "moved"
    LIGHT_CHANGED = "light_changed"
    FLICKER = "flicker"
    SATURATED = "saturated"
    TOO_DARK = "too_dark"
    GLARE = "glare"
    CAMERA_SETTINGS_MOVED = "camera_settings_moved"
    FRAMES_LOST = "frames_lost"
    FRAMES_REPEATED = "frames_repeated"
    CLOCKS_DISAGREE = "clocks_disagree"
    WINDOW_TOO_SHORT = "window_too_short"
    NOT_SETTLED = "not_settled"
    BASELINE_DRIFT = "baseline_drift"
    NOT_A_REFILL = "not_a_refill"
    TOO_UNCERTAIN = "too_uncertain"
    PRESSES_DISAGREE = "presses_disagree"
    CALIBRATION_DUE = "calibration_due"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    PROBE_FAULT = "probe_fault"
    CAMERA_FAULT = "camera_fault"


@dataclass(frozen=True)
class Sentence:
    """What a nurse reads for one reason: what happened, and what to do, in both languages."""

    english: str
    french: str


REASONS: dict[Reason, Sentence] = {
    Reason.PRESSURE_OFF_TARGET: Sentence(
        "The probe did not reach its pressure. Re-seat the finger and press again.",
        "La sonde n'a pas atteint sa pression. Repositionnez le doigt et recommencez.",
    ),
    Reason.PRESSURE_NOT_HELD: Sentence(
        "The probe did not seal. Re-seat the finger and press again.",
        "La sonde n'est pas étanche. Repositionnez le doigt et recommencez.",
    ),
    Reason.RELEASE_TOO_SLOW: Sentence(
        "The probe released too slowly. Repeat; if it happens again, call the study engineer.",
        "La sonde s'est relâchée trop lentement. Recommencez ; si cela persiste, appelez l'ingénieur de l'étude.",
    ),
    Reason.RELEASE_INCOMPLETE: Sentence(
        "The probe did not release fully. Remove the finger and call the study engineer.",
        "La sonde ne s'est pas relâchée complètement. Retirez le doigt et appelez l'ingénieur de l'étude.",
    ),
    Reason.SECOND_PRESS: Sentence(
        "The skin was pressed again before it had refilled. Wait two minutes and repeat.",
        "La peau a été pressée à nouveau avant d'être recolorée. Attendez deux minutes et recommencez.",
    ),
    Reason.NO_RELEASE: Sentence(
        "No release was seen. Press again and let go fully.",
        "Aucun relâchement n'a été vu. Pressez à nouveau et relâchez complètement.",
    ),
    Reason.NO_BLANCH: Sentence(
        "The skin did not blanch. Re-seat the finger and press again.",
        "La peau n'a pas blanchi. Repositionnez le doigt et recommencez.",
    ),
    Reason.MOVED: Sentence(
        "The hand moved. Rest it on the pillow and repeat.",
        "La main a bougé. Posez-la sur l'oreiller et recommencez.",
    ),
    Reason.LIGHT_CHANGED: Sentence(
        "The room light changed during the measurement. Shade the probe and repeat.",
        "L'éclairage a changé pendant la mesure. Abritez la sonde de la lumière et recommencez.",
    ),
    Reason.FLICKER: Sentence(
        "The room light flickers. Shade the probe or switch that lamp off, and repeat.",
        "L'éclairage scintille. Abritez la sonde ou éteignez la lampe, puis recommencez.",
    ),
    Reason.SATURATED: Sentence(
        "The picture is too bright. Shade the probe and repeat.",
        "L'image est trop claire. Abritez la sonde de la lumière et recommencez.",
    ),
    Reason.TOO_DARK: Sentence(
        "The picture is too dark. Check that the probe's light is on and the window is clean.",
        "L'image est trop sombre. Vérifiez que la lampe de la sonde est allumée et la fenêtre propre.",
    ),
    Reason.GLARE: Sentence(
        "There is glare on the skin. Dry the finger, clean the window and repeat.",
        "Il y a un reflet sur la peau. Séchez le doigt, nettoyez la fenêtre et recommencez.",
    ),
    Reason.CAMERA_SETTINGS_MOVED: Sentence(
        "Camera fault: its settings changed. Repeat; if it happens again, call the study engineer.",
        "Défaut de caméra : ses réglages ont changé. Recommencez ; si cela persiste, appelez l'ingénieur de l'étude.",
    ),
    Reason.FRAMES_LOST: Sentence(
        "Camera fault: pictures were lost. Repeat; if it happens again, call the study engineer.",
        "Défaut de caméra : des images ont été perdues. Recommencez ; si cela persiste, appelez l'ingénieur de l'étude.",
    ),
    Reason.FRAMES_REPEATED: Sentence(
        "Camera fault: pictures were repeated. Repeat; if it happens again, call the study engineer.",
        "Défaut de caméra : des images ont été répétées. Recommencez ; si cela persiste, appelez l'ingénieur de l'étude.",
    ),
    Reason.CLOCKS_DISAGREE: Sentence(
        "Camera and probe disagree in time. Repeat; if it happens again, call the study engineer.",
        "Caméra et sonde ne sont pas synchrones. Recommencez ; si cela persiste, appelez l'ingénieur de l'étude.",
    ),
    Reason.WINDOW_TOO_SHORT: Sentence(
        "The recording is too short to tell. Repeat and wait until the device is done.",
        "L'enregistrement est trop court. Recommencez et attendez la fin de la mesure.",
    ),
    Reason.NOT_SETTLED: Sentence(
        "Skin colour did not settle. Wait two minutes and repeat.",
        "La couleur de la peau ne s'est pas stabilisée. Attendez deux minutes et recommencez.",
    ),
    Reason.BASELINE_DRIFT: Sentence(
        "Skin colour was drifting before the press. Wait two minutes and repeat.",
        "La couleur de la peau dérivait avant la pression. Attendez deux minutes et recommencez.",
    ),
    Reason.NOT_A_REFILL: Sentence(
        "What was seen is not skin refilling. Re-seat the finger and press again.",
        "Ce qui a été vu n'est pas une recoloration de la peau. Repositionnez le doigt et recommencez.",
    ),
    Reason.TOO_UNCERTAIN: Sentence(
        "The refill could not be measured well enough. Keep the hand still and repeat.",
        "La recoloration n'a pas pu être mesurée assez précisément. Gardez la main immobile et recommencez.",
    ),
    Reason.PRESSES_DISAGREE: Sentence(
        "The presses disagree. Wait two minutes and repeat.",
        "Les pressions ne concordent pas. Attendez deux minutes et recommencez.",
    ),
    Reason.CALIBRATION_DUE: Sentence(
        "Calibration is due. Call the study engineer.",
        "L'étalonnage est à refaire. Appelez l'ingénieur de l'étude.",
    ),
    Reason.ABORTED: Sentence(
        "The measurement was stopped. Press the button to start again.",
        "La mesure a été arrêtée. Appuyez sur le bouton pour recommencer.",
    ),
    Reason.INTERRUPTED: Sentence(
        "The device restarted during the measurement. Press the button to start again.",
        "L'appareil a redémarré pendant la mesure. Appuyez sur le bouton pour recommencer.",
    ),
    Reason.PROBE_FAULT: Sentence(
        "Probe fault: it has released. Call the study engineer.",
        "Défaut de sonde : elle s'est relâchée. Appelez l'ingénieur de l'étude.",
    ),
    Reason.CAMERA_FAULT: Sentence(
        "Camera fault. Call the study engineer.",
        "Défaut de caméra. Appelez l'ingénieur de l'étude.",
    ),
}


def sentence(reason: Reason, language: str = "en") -> str:
    """Return what the nurse reads for `reason`; `language` is "en" or "fr", anything else raises `ValueError`."""
    if language not in ("en", "fr"):
        raise ValueError(f"no such language: {language}")
    entry = REASONS[reason]
    return entry.french if language == "fr" else entry.english
