"""`refill screen`: the page that the nurse touches. `refill bedside` starts it; it can be started by hand as well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, Data, device_file, fail, simulated_folder, site_folder

if TYPE_CHECKING:
    from device.screen.access import Doors
    from device.screen.words import Language
    from firmware_config.device import DeviceConfig
    from firmware_config.screen import Screen

app = typer.Typer(help="The nurse's screen.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def serve(
    config: Config = None,
    data: Data = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="the simulated bedside's socket and device file")
    ] = False,
    console: Annotated[Path | None, typer.Option(help="where the bedside listens; default: the device file's")] = None,
    port: Annotated[int | None, typer.Option(min=1024, max=65535, help="default: the device file's")] = None,
    language: Annotated[str | None, typer.Option(help="en or fr; default: the device file's")] = None,
    stopwatch: Annotated[
        bool, typer.Option("--stopwatch", help="time a reading by hand before its number is shown")
    ] = False,
) -> None:
    """Serve the page until SIGTERM or Ctrl-C."""
    from device import logs

    device = device_file(config, simulate)
    spoken = language_named(language or device.language)
    doors = doors_of(device.screen)
    logs.configure()
    # After the options are known to be good: the page's libraries take a second to load.
    from device.photo_inbox import inbox_of
    from device.screen.page import Settings
    from device.screen.server import Place, serve

    screen = device.screen
    place = Place(
        host=screen.host,
        port=port or screen.port,
        names=frozenset(screen.names),
        certificate_file=screen.certificate_file,
        key_file=screen.key_file,
        doors=doors,
    )
    socket = console or (simulated_folder() / "bedside.sock" if simulate else device.bedside.socket)
    journal = (data or device.storage.journal_folder) / "journal.sqlite"
    home = _home_site(device, site_folder(config, simulate))
    inbox, own = inbox_of(socket), site_folder(config, simulate)
    by_hand = stopwatch or screen.stopwatch
    serve(place, socket, journal, Settings(device.mqtt.study, home, spoken, simulate, inbox, own, by_hand))


@app.command(name="try")
def try_(
    data: Annotated[Path, typer.Option(help="folder of the journal; kept")] = Path("var/screen"),
    port: Annotated[int, typer.Option(min=1024, max=65535)] = 8480,
    language: Annotated[str, typer.Option(help="en or fr")] = "en",
    crt: Annotated[float, typer.Option(min=0.3, max=8.0, help="true refill time of the simulated skin, s")] = 2.4,
    tone: Annotated[str, typer.Option(help="simulated skin tone, I to VI")] = "IV",
    kind: Annotated[str, typer.Option(help="simulated refill curve")] = "biexp",
    stopwatch: Annotated[
        bool, typer.Option("--stopwatch", help="time a reading by hand before its number is shown")
    ] = False,
) -> None:
    """Touch the screen without a Pi, on simulated skin: open the address that it prints. Ends with Ctrl-C."""
    import signal
    import threading

    from refill.screen_try import Skin, TryError, run_try

    language_named(language)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    typer.echo(f"http://127.0.0.1:{port}/ (a few seconds until it answers; Ctrl-C ends it)")
    try:
        run_try(data, port, language, Skin(crt, tone, kind), stop, stopwatch=stopwatch)
    except TryError as error:
        fail(str(error), 1)


@app.command()
def pin(role: Annotated[str, typer.Argument(help="nurse or engineer")]) -> None:
    """Ask for a PIN and print the line that goes into the systemd credential."""
    from device.screen.access import ROLES, PinError, sealed

    chosen = next((each for each in ROLES if each == role), None)
    if chosen is None:
        fail(f"role {role}: nurse or engineer", 2)
    typed = typer.prompt("PIN", hide_input=True, confirmation_prompt=True, err=True)
    try:
        typer.echo(sealed(chosen, typed))
    except PinError as error:
        fail(str(error), 2)


def language_named(name: str) -> Language:
    """Return the language of an option; ends the command where it is none."""
    from device.screen.words import LANGUAGES

    found = next((each for each in LANGUAGES if each == name), None)
    if found is None:
        fail(f"--language {name}: en or fr", 2)
    return found


def _home_site(device: DeviceConfig, folder: Path | None) -> str:
    """Return the site that a number is typed for: the device's; the study's first where that is none."""
    from firmware_config.study import Study
    from refill.common import named_file

    sites = named_file("studies", device.mqtt.study, Study, folder).sites
    return device.site if device.site in sites else sites[0]


def doors_of(screen: Screen, *, engineer_only: bool = False) -> Doors | None:
    """Return what opens by PIN; None where only this machine can come in."""
    import os
    import time

    from device.screen.access import Doors, PinError, pins_of

    if screen.pins_credential is None:
        return None
    file = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / screen.pins_credential
    try:
        pins = pins_of(file.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        fail(f"the credential {screen.pins_credential} was not handed over by systemd", 1)
    except PinError as error:
        fail(f"the credential {screen.pins_credential}: {error}", 1)
    if engineer_only:
        pins = {role: pin for role, pin in pins.items() if role == "engineer"}
    if not pins:
        fail(f"the credential {screen.pins_credential}: there is no PIN of an engineer", 1)
    return Doors(pins, time.monotonic, idle_s=60.0 * screen.idle_minutes)
