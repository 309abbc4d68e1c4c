"""Every word of the calibration's page, English and French; the steps bring their own, certificates theirs.

Sentences of the machine and of its files are English everywhere, as in the log. Where they name an option of the
command line, the page names its own key instead.
"""

from calibration.figures_text import limits, measured
from contract.certificate import Figure
from device.screen.words import LANGUAGES, Language

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Calibration", "Étalonnage"),
    "language": ("Français", "English"),
    "simulated": ("Simulated device", "Appareil simulé"),
    "step_of": ("Step {place} of {of}", "Étape {place} sur {of}"),
    "heading": ("{where}: {title}", "{where} : {title}"),
    "again": ("Once more, with the new values.", "De nouveau, avec les nouvelles valeurs."),
    "marks": (
        "Steps passed: {passed}, failed: {failed}, of {of}",
        "Étapes réussies : {passed}, échouées : {failed}, sur {of}",
    ),
    # the start
    "no_file": ("The device file cannot be read.", "Le fichier de l'appareil ne peut pas être lu."),
    "due": ("Due on {date}", "À refaire le {date}"),
    "last": ("Last certificate: {date}, {id}", "Dernier certificat : {date}, {id}"),
    "under_way": (
        "Interrupted: begun {date} by {operator}, {done} of {of} steps done",
        "Interrompu : commencé le {date} par {operator}, {done} étapes faites sur {of}",
    ),
    "steps": ("{of} steps", "{of} étapes"),
    "begin": ("Begin", "Commencer"),
    "resume": ("Go on", "Continuer"),
    "fresh": ("Begin anew", "Recommencer"),
    "back": ("Back", "Retour"),
    "sure": (
        "Put the interrupted calibration aside, and begin with the first step?",
        "Mettre de côté l'étalonnage interrompu et recommencer à la première étape ?",
    ),
    "sure_yes": ("Yes, begin anew", "Oui, recommencer"),
    "operator": ("Your code, never a name", "Votre code, jamais un nom"),
    "operator_wrong": (
        "A code begins with a letter or digit: lower-case letters, digits, hyphens",
        "Un code commence par une lettre ou un chiffre : minuscules, chiffres, tirets",
    ),
    "clear": ("Clear", "Effacer"),
    "accept": ("OK", "OK"),
    # a step
    "measure": ("It is done:\nmeasure", "C'est fait :\nmesurer"),
    "stop": ("Stop here", "Arrêter ici"),
    "measuring": ("Measuring", "Mesure en cours"),
    "seconds": ("{seconds} s", "{seconds} s"),
    "not_within": ("{typed} is not a number within {limits}", "{typed} n'est pas un nombre de {limits}"),
    "shown": ("The simulated reference shows {value}", "La référence simulée montre {value}"),
    "pass": ("✓ pass", "✓ conforme"),
    "fail": ("✕ FAIL", "✕ NON CONFORME"),
    "figure": ("Figure", "Grandeur"),
    "value": ("Value (k = 2)", "Valeur (k = 2)"),
    "limit": ("Limits", "Limites"),
    "verdict": ("Verdict", "Verdict"),
    "repeat": ("Repeat", "Répéter"),
    "go_on": ("Go on", "Continuer"),
    "could_not": ("The machine could not do this step", "La machine n'a pas pu faire cette étape"),
    "leave_out": ("Going on leaves it out.", "Continuer la laisse de côté."),
    "fails": ("Going on fails the certificate.", "Continuer fait échouer le certificat."),
    # corrections
    "agree": ("Write these into the device file?", "Écrire ces valeurs dans le fichier de l'appareil ?"),
    "key": ("Key", "Clé"),
    "old": ("Old", "Avant"),
    "new": ("New", "Après"),
    "by_step": ("By step", "Par l'étape"),
    "yes": ("Yes, write", "Oui, écrire"),
    "no": ("No", "Non"),
    "written": ("Written; the file as it was: {file}", "Écrit ; le fichier d'avant : {file}"),
    # the end
    "PASSED": ("Passed", "Réussi"),
    "FAILED": ("Failed", "Échoué"),
    "INCOMPLETE": ("Incomplete", "Incomplet"),
    "certificate": ("Certificate {id}", "Certificat {id}"),
    "failed_steps": ("Failed: {steps}", "Échoué : {steps}"),
    "missing_steps": (
        "Never in force, since these steps are missing: {steps}",
        "Jamais en vigueur, car ces étapes manquent : {steps}",
    ),
    "left_out": ("Left out: {step}: {why}", "Laissé de côté : {step} : {why}"),
    "changed": ("What changed since {date}", "Ce qui a changé depuis le {date}"),
    "changed_none": (
        "{count} figures compared: none moved by more than measuring explains",
        "{count} grandeurs comparées : aucune n'a bougé de plus que la mesure ne l'explique",
    ),
    "changed_some": (
        "{count} figures compared; these moved by more than measuring explains:",
        "{count} grandeurs comparées ; celles-ci ont bougé de plus que la mesure ne l'explique :",
    ),
    "moved": ("E_n", "E_n"),
    "pdf": ("Certificate\n(PDF)", "Certificat\n(PDF)"),
    "to_start": ("To the start", "Au début"),
    "bedside_again": (
        "Give the device back to the bedside: systemctl start refill.target",
        "Rendre l'appareil au lit du patient : systemctl start refill.target",
    ),
    # who drives
    "watching": (
        "Another screen leads this calibration. Here it is only shown.",
        "Un autre écran mène cet étalonnage. Ici, il est seulement montré.",
    ),
    "take_over": ("Take over", "Prendre la main"),
}


def say(key: str, language: Language, **values: object) -> str:
    """Return a text of the table; raises `KeyError` for one that is not there."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)


def on_page(sentence: str, language: Language) -> str:
    """Return a sentence of the calibration with the page's keys in place of the command line's options."""
    for option, key in (("--resume", "resume"), ("--fresh", "fresh")):
        sentence = sentence.replace(option, f"“{say(key, language)}”")
    return sentence


def written(number: str, language: Language) -> str:
    """Return numbers as they are written: in French with a comma, and `à` between limits."""
    return number.replace(".", ",").replace(" to ", " à ") if language == "fr" else number


def figure_words(figure: Figure, language: Language) -> tuple[str, str]:
    """Return a figure's value with its uncertainty, and its limits."""
    return written(measured(figure), language), written(limits(figure), language)
