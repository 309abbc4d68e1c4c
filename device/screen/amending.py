"""What a nurse is about to add to a reading, step by step: pure. It stands once the bedside has written it down."""

from dataclasses import dataclass
from typing import Literal

from contract.amendment import Action, Change, CommentCode, Correctable, CorrectionWhy
from contract.reading import Reading
from device.console_words import Amend
from device.standing import Standing, text_of

Step = Literal["comments", "fields", "value", "whys", "timing", "operator", "sure"]

FIELDS: tuple[Correctable, ...] = ("inclusion", "body_site", "side", "event", "norepinephrine_onset_at")
"""What may be corrected at the bed, in the order of the keys; who measured is the data manager's to correct."""


@dataclass(frozen=True)
class AmendDraft:
    """One amendment as far as it is known. `operator` may stand already: whoever was chosen with the subject."""

    about: Standing
    action: Action
    operator: str | None = None
    comment: CommentCode | None = None
    field: Correctable | None = None
    new: str | None = None
    asked: bool = False
    """Whether a new value was given: None may be one."""
    why: CorrectionWhy | None = None
    mottling_score: int | None = None
    sure: bool = False
    stopwatch_s: float | None = None
    before_number: bool = False
    """Timed only: this page had not shown the device's number."""

    @property
    def step(self) -> Step | None:
        """What has to be asked next; None where all is known."""
        if self.action == "commented" and self.comment is None:
            return "comments"
        if self.action == "timed" and self.stopwatch_s is None:
            return "timing"
        if self.action == "corrected":
            if self.field is None:
                return "fields"
            if not self.asked:
                return "value"
            if self.why is None:
                return "whys"
        if self.operator is None:
            return "operator"
        return None if self.sure or self.action != "corrected" else "sure"

    @property
    def old(self) -> str | None:
        """What stands now in the field that is corrected."""
        return None if self.field is None else text_of(self.about.now, self.field)

    def word(self) -> Amend:
        """Return it as it is asked of the bedside; raises `ValueError` where something is still to be asked."""
        if self.step is not None or self.operator is None:
            raise ValueError(f"still to be asked: {self.step}")
        changes = () if self.field is None else (Change(field=self.field, old=self.old, new=self.new),)
        return Amend(
            about=self.about.entry.reading_id,
            operator=self.operator,
            action=self.action,
            mottling_score=self.mottling_score,
            comment=self.comment,
            changes=changes,
            why=self.why,
            stopwatch_s=self.stopwatch_s,
            before_number=self.before_number if self.action == "timed" else None,
        )


def correctable(about: Standing) -> tuple[Correctable, ...]:
    """Return what may be corrected of a reading: a photo of the leg has no body site to choose."""
    return tuple(field for field in FIELDS if field != "body_site" or isinstance(about.entry, Reading))
