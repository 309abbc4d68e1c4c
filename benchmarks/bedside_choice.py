"""Who the next push measures, and where: chosen over the bedside's console, as a screen or `refill choose` does."""

from benchmarks.bedside_place import CampaignError, Place
from contract.reading import BodySite, Subject
from device.console_client import ConsoleClient
from device.console_socket import ConsoleError
from device.console_words import Choice, Choose

STUDY, EVENT, SITE, INCLUSION = "demo", "inclusion", "00", "0001"


def choose(place: Place, protocol: str, body: str = "finger") -> None:
    """Choose the campaign's subject; raises `CampaignError` where the bedside does not take it."""
    choice = Choice(
        study=STUDY,
        subject=Subject(site=SITE, inclusion=INCLUSION),
        body_site=BodySite(body),
        event=EVENT,
        protocol=protocol,
    )
    try:
        with ConsoleClient(place.console) as console:
            refusal = console.ask(Choose(choice=choice))
    except ConsoleError as error:
        raise CampaignError(str(error)) from error
    if refusal is not None:
        raise CampaignError(f"the choice is refused: {refusal}")
