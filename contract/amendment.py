"""What a person adds to a reading after it was made: a confirmation, a coded comment, a correction, a stopwatch's time.

An amendment is a record of its own, with a place in the device's chain, who and when. The reading that it is about
never changes: the old value stays, and what stands now is the reading and its amendments together.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contract.identifiers import ReadingId, Slug
from contract.mottling import Score
from contract.reasons import Sentence
from contract.record import Record
from contract.source import Source
from contract.times import RFC_3339


class CommentCode(StrEnum):
    """What may be said about a reading: coded, so that no free text can name anybody."""

    COLD_SKIN = "cold_skin"
    OEDEMA = "oedema"
    AGITATED = "agitated"
    HARD_TO_PLACE = "hard_to_place"
    LINE_OR_DRESSING = "line_or_dressing"
    LIMB_NOT_LEVEL = "limb_not_level"
    VASOPRESSOR_CHANGED = "vasopressor_changed"
    CARE_UNDER_WAY = "care_under_way"
    DOUBTFUL = "doubtful"
    OTHER = "other"


COMMENTS: dict[CommentCode, Sentence] = {
    CommentCode.COLD_SKIN: Sentence("The skin was cold.", "La peau était froide."),
    CommentCode.OEDEMA: Sentence("The skin was swollen (oedema).", "La peau était gonflée (œdème)."),
    CommentCode.AGITATED: Sentence("The patient was restless.", "Le patient était agité."),
    CommentCode.HARD_TO_PLACE: Sentence("The probe was hard to place.", "La sonde était difficile à poser."),
    CommentCode.LINE_OR_DRESSING: Sentence("A line or dressing was near.", "Un cathéter ou un pansement était proche."),
    CommentCode.LIMB_NOT_LEVEL: Sentence(
        "The limb was not at heart level.", "Le membre n'était pas à hauteur du cœur."
    ),
    CommentCode.VASOPRESSOR_CHANGED: Sentence(
        "A vasopressor was changed just before.", "Un vasopresseur venait d'être modifié."
    ),
    CommentCode.CARE_UNDER_WAY: Sentence("Care was under way.", "Un soin était en cours."),
    CommentCode.DOUBTFUL: Sentence("The result looks doubtful to me.", "Le résultat me paraît douteux."),
    CommentCode.OTHER: Sentence("Something else: see the study's paper log.", "Autre : voir le cahier de l'étude."),
}


class CorrectionWhy(StrEnum):
    """Why something that was entered is corrected."""

    CHOSEN_WRONG = "chosen_wrong"
    TYPED_WRONG = "typed_wrong"
    KNOWN_LATER = "known_later"
    OTHER = "other"


CORRECTION_WHYS: dict[CorrectionWhy, Sentence] = {
    CorrectionWhy.CHOSEN_WRONG: Sentence(
        "Something else was chosen by mistake.", "Un autre choix a été fait par erreur."
    ),
    CorrectionWhy.TYPED_WRONG: Sentence("It was typed wrong.", "Erreur de saisie."),
    CorrectionWhy.KNOWN_LATER: Sentence("It was known only later.", "L'information n'a été connue que plus tard."),
    CorrectionWhy.OTHER: Sentence("Something else: see the study's paper log.", "Autre : voir le cahier de l'étude."),
}

Correctable = Literal["inclusion", "event", "body_site", "side", "operator", "norepinephrine_onset_at"]
"""What a person entered and may correct. A measured number never, nor what says how it was measured."""
Value = Annotated[str, Field(pattern=rf"^[a-z0-9][a-z0-9-]{{0,62}}$|{RFC_3339}")]
"""A number, a code, a word of a list, or a time: nothing in which a name would fit."""


Action = Literal["confirmed", "commented", "corrected", "timed"]
StopwatchSeconds = Annotated[float, Field(ge=0.2, le=60.0)]
"""No thumb is faster, and no refill that is watched by eye lasts longer."""


class Change(Record):
    """One field that was corrected: what stood until then, and what stands from now on.

    Values are texts, times as `contract.reading.utc` writes them; null is nothing entered.
    """

    field: Correctable
    old: Value | None
    new: Value | None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.old == self.new:
            raise ValueError("the old value and the new one are the same")
        return self


class Amendment(Source):
    """What a person said of an earlier record of the same device.

    `subject`, `event` and the like are those of that record as it was entered; `operator` is who amends it, and
    `measured` is when.
    """

    kind: Literal["amendment"] = "amendment"
    about: ReadingId = Field(description="reading_id of the record that this one is about")
    operator: Slug = Field(description="code of whoever amends, never a name")
    action: Action
    mottling_score: Score | None = Field(
        None, description="confirmed only: the score by the person, of a mottling reading; the device's own stays"
    )
    comment: CommentCode | None = None
    changes: tuple[Change, ...] = Field((), max_length=6)
    why: CorrectionWhy | None = None
    stopwatch_s: StopwatchSeconds | None = Field(
        None, description="timed only: what the person's own stopwatch said of the same skin; null before 1.4"
    )
    before_number: bool | None = Field(
        None, description="timed only: whether it was stopped before its page had shown the device's number"
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.action == "commented") != (self.comment is not None):
            raise ValueError("a comment stands exactly when action is commented")
        corrected = self.action == "corrected"
        if corrected != bool(self.changes) or corrected != (self.why is not None):
            raise ValueError("changes and why stand exactly when action is corrected")
        if len({change.field for change in self.changes}) != len(self.changes):
            raise ValueError("a field is changed twice")
        if self.mottling_score is not None and self.action != "confirmed":
            raise ValueError("a mottling score is confirmed, nothing else")
        timed = self.action == "timed"
        if timed != (self.stopwatch_s is not None) or timed != (self.before_number is not None):
            raise ValueError("stopwatch_s and before_number stand exactly when action is timed")
        return self
