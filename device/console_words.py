"""What screens and commands may ask of the bedside, and whose measurement is chosen: the words of its socket.

One word starts a measurement, for the screen beside the patient; it names whose, and starts nobody else's.
"""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contract.amendment import Action, Change, CommentCode, CorrectionWhy, StopwatchSeconds
from contract.envelope import first_error
from contract.identifiers import Slug
from contract.mottling import LegLandmarks, Score
from contract.reading import BodySite, Side, Subject

CONSOLE_VERSION: int = 1


class _Word(BaseModel):
    """Closed and immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Choice(_Word):
    """Whose measurement the next push of the button starts, where, when in the study, by whom, and how."""

    study: Slug
    subject: Subject
    body_site: BodySite
    side: Side | None = None
    event: Slug | None = None
    operator: Slug | None = Field(None, description="operator code, never a name")
    norepinephrine_onset_at: AwareDatetime | None = None
    protocol: Slug


class Choose(_Word):
    """Measure this from now on; refused while a measurement runs, and where study, protocol and subject do not fit."""

    ask: Literal["choose"] = "choose"
    choice: Choice


class Forget(_Word):
    """Nobody is chosen: the button starts nothing until somebody is."""

    ask: Literal["forget"] = "forget"


class Measure(_Word):
    """Start a measurement, as a push of the button does; refused where another choice than this one stands."""

    ask: Literal["measure"] = "measure"
    choice: Choice


class Abort(_Word):
    """Stop the measurement under way; always allowed, and does nothing where none runs."""

    ask: Literal["abort"] = "abort"


class Amend(_Word):
    """Say something of a record that this device's journal holds; the bedside writes it down as a record of its own."""

    ask: Literal["amend"] = "amend"
    about: UUID
    operator: Slug = Field(description="code of whoever amends, never a name")
    action: Action
    mottling_score: Score | None = None
    comment: CommentCode | None = None
    changes: tuple[Change, ...] = ()
    why: CorrectionWhy | None = None
    stopwatch_s: StopwatchSeconds | None = None
    before_number: bool | None = None


class Mottling(_Word):
    """Score mottling on a photo that lies in the bedside's inbox; refused where another choice than this one stands."""

    ask: Literal["mottling"] = "mottling"
    choice: Choice
    photo: str = Field(pattern=r"^[0-9a-f-]{36}\.(jpg|png)$", description="name of a file in the inbox, no path")
    photo_from: Literal["camera", "file"] = "file"
    landmarks: LegLandmarks | None = Field(None, description="null: those of the card's markers in the photo")


Request = Choose | Forget | Measure | Abort | Amend | Mottling
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="ask")])


class NotARequestError(ValueError):
    """A line is not one of our words; the text says why in one sentence, without what stood there."""


def parse_request(line: bytes) -> Request:
    """Return the request in one line; raises `NotARequestError` for anything else, whatever it is."""
    try:
        return _REQUEST.validate_json(line)
    except ValidationError as error:
        raise NotARequestError(f"Not understood: {first_error(error)}.") from error


@dataclass(frozen=True)
class Asked:
    """One request, and by which connection it came: what `Console.answer` needs."""

    request: Request
    connection: int
    number: int
    """Which of the connection's requests it is; the answer names it."""
