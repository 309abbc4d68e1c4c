"""The table of lights and sounds as text, and the part of docs/panel.md that is it: `python -m refill.panel_docs`."""

from pathlib import Path

from device.panel.looks import ENDED, LOOKS, PROBLEM, REFUSED, Sound
from device.session_words import State

PAGE = Path("docs/panel.md")
BEGIN, END = "<!-- looks -->", "<!-- /looks -->"


def rows() -> list[tuple[str, str, str, str]]:
    """Return what is shown, its light, its sound and what they say: every state, then what is no state."""
    states = [(state.value, LOOKS[state].light.name, _named(LOOKS[state].sound), LOOKS[state].says) for state in State]
    return [
        *states,
        ("(a problem)", PROBLEM.name, "-", "a push would be refused: read the screen; in place of a steady light"),
        ("(refused)", "as it was", _named(REFUSED), "the push was heard, nothing was started: read the screen"),
        (
            "(done: a number)",
            "as it was",
            _named(ENDED[True]),
            "done and kept, with a number; in place of done's sound",
        ),
        ("(done: none)", "as it was", _named(ENDED[False]), "done and kept, without one; in place of done's sound"),
    ]


def as_text() -> str:
    """Return the table for a terminal."""
    return "\n".join(f"{what:18} {light:11} {sound:12} {says}" for what, light, sound, says in rows())


def as_markdown() -> str:
    """Return the table for a page."""
    lines = [
        f"| {what if what.startswith('(') else f'`{what}`'} | {light} | {sound} | {says} |"
        for what, light, sound, says in rows()
    ]
    return "\n".join(["| shown | light | sound | what it says |", "|---|---|---|---|", *lines])


def written(page: str) -> str:
    """Return the page with the table between its marks renewed; raises `ValueError` where a mark is missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{PAGE}: wants one {BEGIN} and one {END}")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{as_markdown()}\n\n{END}{after}"


def _named(sound: Sound | None) -> str:
    return sound.name if sound is not None else "-"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
