"""Every word of the screen, English and French. Sentences about reasons, parts and verdicts have their own tables.

A text is asked for by its key; one that is missing in a language cannot be written down here.
"""

from typing import Literal, get_args

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

WORDS: dict[str, tuple[str, str]] = {
    # places and ways
    "title": ("Refill", "Refill"),
    "back": ("Back", "Retour"),
    "history": ("History", "Historique"),
    "check": ("Inclusion", "Inclusion"),
    "help": ("Help", "Aide"),
    "language": ("Français", "English"),
    # the subject
    "subject": ("Subject", "Sujet"),
    "nobody": ("Nobody is chosen", "Personne n'est choisi"),
    "choose": ("Choose", "Choisir"),
    "site": ("Site", "Centre"),
    "inclusion": ("Inclusion number", "Numéro d'inclusion"),
    "enter": ("Site and inclusion number, or scan", "Centre et numéro d'inclusion, ou scanner"),
    "clear": ("Clear", "Effacer"),
    "accept": ("OK", "OK"),
    "event": ("Study event", "Temps d'étude"),
    "no_event": ("none", "aucun"),
    "finger": ("Finger", "Doigt"),
    "knee": ("Knee", "Genou"),
    "left": ("Left", "Gauche"),
    "right": ("Right", "Droit"),
    # measuring
    "measure": ("Measure", "Mesurer"),
    "ready_probe": ("Is the probe in place?", "La sonde est-elle en place ?"),
    "start": ("Start", "Démarrer"),
    "not_yet": ("Not yet", "Pas encore"),
    "stop": ("Stop", "Arrêter"),
    "press_of": ("Press {press} of {presses}", "Appui {press} sur {presses}"),
    "again_set": ("The presses are made once more", "Les appuis sont refaits une fois"),
    "seconds_left": ("{seconds} s left", "encore {seconds} s"),
    "pressure": ("Pressure", "Pression"),
    "curve": ("Skin colour", "Couleur de la peau"),
    "released_at": ("released", "relâché"),
    # the result
    "refill_time": ("Capillary refill time", "Temps de recoloration capillaire"),
    "seconds": ("s", "s"),
    "interval": ("95 % interval {low} to {high} s", "intervalle à 95 % : {low} à {high} s"),
    "longer_than": ("longer than {seconds} s", "plus de {seconds} s"),
    "no_number": ("Not measurable", "Non mesurable"),
    "definition": (
        "Release to 90 % of the colour's return",
        "Du relâchement à 90 % du retour de la couleur",
    ),
    "median_of": ("Median of {count} presses", "Médiane de {count} appuis"),
    "one_press": ("One press", "Un appui"),
    "spread": ("spread {percent} %", "écart {percent} %"),
    "again": ("Measure again", "Mesurer encore"),
    "simulated": ("Simulated skin", "Peau simulée"),
    "not_calibrated": ("Bench use: no calibration", "Usage au banc : pas d'étalonnage"),
    "reading_number": ("Reading {number}", "Mesure {number}"),
    # inclusion
    "onset": ("Norepinephrine started", "Début de la noradrénaline"),
    "onset_unknown": ("not entered", "non saisi"),
    "onset_enter": ("Time of day, hour and minute", "Heure et minutes"),
    "onset_wrong": (
        "Four digits: hour and minute, for example 0730",
        "Quatre chiffres : heure et minutes, par exemple 0730",
    ),
    "today": ("Today", "Aujourd'hui"),
    "yesterday": ("Yesterday", "Hier"),
    "window_inside": ("Window open: {hours} h", "Fenêtre ouverte : {hours} h"),
    "window_before": ("Too early: {hours} h", "Trop tôt : {hours} h"),
    "window_after": ("Window closed: {hours} h", "Fenêtre fermée : {hours} h"),
    "window_undetermined": ("Window not known", "Fenêtre inconnue"),
    "window_none": ("This study has no window", "Cette étude n'a pas de fenêtre"),
    "hypoperfusion": ("Peripheral hypoperfusion", "Hypoperfusion périphérique"),
    "missing": ("Missing", "Il manque"),
    "mottling": ("Mottling", "Marbrures"),
    # what a person adds
    "confirm": ("Confirm", "Confirmer"),
    "comment": ("Comment", "Commenter"),
    "correct": ("Correct", "Corriger"),
    "confirmed": ("confirmed", "confirmé"),
    # a stopwatch's time
    "stopwatch": ("Stopwatch", "Chronomètre"),
    "by_hand": (
        "Press the skin by hand now, and time its refill. The device's number is shown afterwards.",
        "Appuyez maintenant à la main et chronométrez la recoloration. La valeur de l'appareil vient ensuite.",
    ),
    "times_kept": ("Timed so far: {count}", "Chronométré jusqu'ici : {count}"),
    "show_number": ("Show the number", "Afficher la valeur"),
    "hold_first": (
        "Press until the skin is pale. Touch as you let go.",
        "Appuyez jusqu'à pâleur. Touchez en relâchant.",
    ),
    "let_go": ("Let go", "Relâché"),
    "running": ("Touch when the colour is back.", "Touchez quand la couleur est revenue."),
    "is_back": ("Colour is back", "Couleur revenue"),
    "timed": ("{seconds} s by stopwatch", "{seconds} s au chronomètre"),
    "time_again": ("Time it again", "Recommencer"),
    "too_long": ("That took over a minute: time it again.", "Plus d'une minute : recommencez."),
    "nothing": ("nothing", "rien"),
    "moved": ("This reading is another subject's now", "Cette mesure est maintenant celle d'un autre sujet"),
    "nothing_added": ("Nothing was added yet", "Rien n'a encore été ajouté"),
    "new_value": ("What is right?", "Quelle est la bonne valeur ?"),
    "why": ("Why?", "Pourquoi ?"),
    "side": ("Side", "Côté"),
    "operator": ("Who", "Qui"),
    "operator_enter": ("Your code, never a name", "Votre code, jamais un nom"),
    "old_stays": ("The old value stays in the record.", "L'ancienne valeur reste dans l'enregistrement."),
    "write_down": ("Write down", "Enregistrer"),
    "machine": (
        "Software {version} ({build}), configuration {configuration}",
        "Logiciel {version} ({build}), configuration {configuration}",
    ),
    "not_installed": ("not installed", "non installé"),
    "amended": ("{count} added", "{count} ajout(s)"),
    # the photo of the leg
    "photo": ("Photo of the leg", "Photo de la jambe"),
    "photo_found": ("The leg with what was found", "La jambe et ce qui a été trouvé"),
    "photo_take": ("Take the photo", "Prendre la photo"),
    "photo_again": ("New photo", "Nouvelle photo"),
    "photo_bare": ("Bare the leg from below the knee to the groin.", "Découvrir la jambe, du mollet jusqu'à l'aine."),
    "photo_light": ("White light from above, no flash, no shadow.", "Lumière blanche d'en haut, sans flash ni ombre."),
    "photo_whole": (
        "Hold the camera straight above; knee and groin in the picture.",
        "Tenir l'appareil bien au-dessus ; genou et aine dans l'image.",
    ),
    "photo_refused": (
        "This was no photo that can be used. JPEG or PNG, at most 25 MB.",
        "Cette photo n'est pas utilisable. JPEG ou PNG, 25 Mo au plus.",
    ),
    "mark_knee": ("1 Knee", "1 Genou"),
    "mark_patella": ("2 Kneecap edge", "2 Bord rotule"),
    "mark_groin": ("3 Groin", "3 Aine"),
    "mark_no_groin": ("Groin not seen", "Aine non vue"),
    "touch_knee": ("Touch near the centre of the knee", "Toucher près du centre du genou"),
    "exactly_knee": ("Now exactly: the centre of the knee", "Exactement : le centre du genou"),
    "touch_patella": ("Touch near the kneecap's upper edge", "Toucher près du bord supérieur de la rotule"),
    "exactly_patella": ("Now exactly: the kneecap's upper edge", "Exactement : le bord supérieur de la rotule"),
    "touch_groin": ("Touch near the fold of the groin", "Toucher près du pli de l'aine"),
    "exactly_groin": ("Now exactly: the fold of the groin", "Exactement : le pli de l'aine"),
    "marks_done": ("Marked. A number marks it once more.", "C'est marqué. Un numéro le remarque."),
    "score": ("Score", "Évaluer"),
    "scoring": ("The photo is being looked at", "La photo est examinée"),
    "other_score": ("Another score", "Autre score"),
    "at_most": ("On this photo at most {score} can be told", "Sur cette photo, {score} au plus"),
    "confidence": ("Sure to {percent} %", "Sûr à {percent} %"),
    "score_confirmed": ("Mottling {score}, confirmed", "Marbrures {score}, confirmé"),
    "score_unconfirmed": ("Mottling {score}, not confirmed yet", "Marbrures {score}, à confirmer"),
    "score_0": ("none", "aucune"),
    "score_1": ("coin on the knee", "pièce sur le genou"),
    "score_2": ("up to the kneecap's edge", "jusqu'au bord de la rotule"),
    "score_3": ("up to mid-thigh", "jusqu'à mi-cuisse"),
    "score_4": ("up to the groin", "jusqu'à l'aine"),
    "score_5": ("beyond the groin", "au-delà de l'aine"),
    # history
    "no_readings": ("No reading yet", "Aucune mesure"),
    "when": ("When", "Quand"),
    "where": ("Where", "Où"),
    "result": ("Result", "Résultat"),
    # parts
    "probe": ("Probe", "Sonde"),
    "camera": ("Camera", "Caméra"),
    "calibration": ("Calibration", "Étalonnage"),
    "clock": ("Clock", "Horloge"),
    "disk": ("Disk", "Disque"),
    "journal": ("Journal", "Journal"),
    "broker": ("Network", "Réseau"),
    "feed": ("Unsent", "En attente"),
    "temperature": ("Heat", "Chaleur"),
    "gone": ("The measuring program does not answer", "Le programme de mesure ne répond pas"),
    "no_connection": ("No connection to this device", "Pas de connexion avec l'appareil"),
    # access
    "pin": ("PIN", "Code"),
    "pin_wrong": ("Wrong PIN", "Code faux"),
    "pin_locked": ("Too many wrong PINs. Wait {minutes} min.", "Trop de codes faux. Attendez {minutes} min."),
    "role_nurse": ("Nurse", "Infirmier"),
    "role_engineer": ("Engineer", "Technicien"),
    "log_out": ("Log out", "Quitter"),
    # states
    "state_idle": ("Ready", "Prêt"),
    "state_beginning": ("Beginning", "Début"),
    "state_baseline": ("Keep still: looking at the skin", "Ne pas bouger : observation de la peau"),
    "state_pressing": ("Pressing", "Appui"),
    "state_holding": ("Holding: the blood is pressed out", "Maintien : le sang est chassé"),
    "state_refilling": ("Released: the colour comes back", "Relâché : la couleur revient"),
    "state_resting": ("Rest before the next press", "Repos avant le prochain appui"),
    "state_repeating": ("Rest: the presses disagree", "Repos : les appuis diffèrent"),
    "state_judging": ("Working out the result", "Calcul du résultat"),
    "state_done": ("Done", "Terminé"),
    "state_aborted": ("Stopped", "Arrêté"),
    "state_probe_fault": ("Probe fault", "Défaut de la sonde"),
    "state_camera_fault": ("Camera fault", "Défaut de la caméra"),
    "state_analysis_fault": ("Analysis fault", "Défaut de l'analyse"),
    "state_journal_fault": ("The result cannot be stored yet", "Le résultat ne peut pas encore être enregistré"),
}

QUICK_CARD: tuple[tuple[str, str], ...] = (
    (
        "Warm hand or knee, at heart level. Wipe the skin and the window dry.",
        "Main ou genou au chaud, à hauteur du cœur. Essuyer la peau et la fenêtre.",
    ),
    ("Choose the subject and the body site.", "Choisir le sujet et le site de mesure."),
    (
        "Put the probe on. Push the button once, or touch Measure and Start.",
        "Poser la sonde. Appuyer une fois sur le bouton, ou toucher Mesurer puis Démarrer.",
    ),
    ("Keep the limb still until the number stands.", "Ne pas bouger le membre jusqu'au résultat."),
    (
        "To stop: hold the button, or touch Stop. The probe lets go at once.",
        "Pour arrêter : maintenir le bouton, ou toucher Arrêter. La sonde relâche aussitôt.",
    ),
    (
        "No number? Do what the sentence says, and measure again.",
        "Pas de nombre ? Faire ce que dit la phrase, puis mesurer encore.",
    ),
)
"""The quick card, one step a line."""


def say(key: str, language: Language, **values: object) -> str:
    """Return a text of the table; raises `KeyError` for one that is not there."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)


def number(value: float, digits: int, language: Language) -> str:
    """Return a number as it is written: with a comma in French."""
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "fr" else text
