"""`refill site`: the broker of a trial and who may speak to it. Exit codes: 0 done, 1 not done, 2 wrong use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail

if TYPE_CHECKING:
    from datetime import datetime

    from trial.site import Site

app = typer.Typer(
    help="The trial's broker: its authority, certificates, access list.", no_args_is_help=True, rich_markup_mode=None
)

Folder = Annotated[
    Path, typer.Option("--folder", envvar="REFILL_SITE", help="The site's folder, as `refill site init` made it.")
]
StudyName = Annotated[str, typer.Option("--study", help="Study file's name.")]
Hosts = Annotated[
    str, typer.Option("--broker-host", help="Name that clients use, then more names and addresses: NAME[,IP...].")
]
Port = Annotated[int, typer.Option("--broker-port", min=1, max=65535, help="Port of the broker.")]
Days = Annotated[int, typer.Option("--valid-days", min=1, max=3653, help="How long the certificate is good.")]
Renew = Annotated[bool, typer.Option("--renew", help="A new key and certificate; the one before counts no more.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it: a code, never a name.")]
Why = Annotated[str | None, typer.Option("--why", help="The reason, in a line; never about a person.")]
Database = Annotated[
    str | None, typer.Option("--database", help="Trial database in which the device is enrolled or revoked too.")
]
Config = Annotated[Path | None, typer.Option("--config", help="A site's own configuration folder, for its studies.")]

_FOLDER = Path("refill-site")
_DAYS = 730


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="To be made.")], broker_host: Hosts, port: Port = 8883) -> None:
    """Make a site's folder: a private authority, the broker's certificate, mosquitto.conf and an empty access list."""
    from trial.site import make_site

    with _said():
        site = make_site(folder, _list(broker_host), port, _now())
    typer.echo(f"{folder}: the authority is good until {site.authority.expires_at:%Y-%m-%d}")
    typer.echo(f"{folder / 'authority' / 'ca.key'} is the secret of it all: it stays here, and is backed up")
    typer.echo(f"{folder / 'broker'} goes to {site.broker.folder} on the broker's machine (docs/broker.md)")


@app.command()
def enrol(
    study: StudyName,
    device: Annotated[str | None, typer.Argument(help="Device's name.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="The device's site within the study.")] = None,
    ingester: Annotated[
        str | None, typer.Option("--ingester", help="Name of an ingester, instead of a device.")
    ] = None,
    folder: Folder = _FOLDER,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to make; default: bundles/NAME in the site's.")
    ] = None,
    installed: Annotated[Path, typer.Option("--installed", help="Where the files will lie on the machine.")] = Path(
        "/etc/refill/tls"
    ),
    key_file: Annotated[
        bool, typer.Option("--key-file", help="The key is read from its file, not handed over by systemd.")
    ] = False,
    via: Annotated[
        str | None, typer.Option("--via", help="Bridge whose broker it speaks to; default: the trial's.")
    ] = None,
    valid_days: Days = _DAYS,
    renew: Renew = False,
    database: Database = None,
    by: By = None,
    why: Why = None,
    config: Config = None,
) -> None:
    """Give a device, or an ingester, its key and certificate, and the broker its lines for it."""
    from refill.site_database import enrolled_in
    from trial.site import Handed, Site
    from trial.site_entries import Asked

    name = _one_of(device, ingester, site)
    _known(study, site, config)
    by_code, reason = _signature(by, why, database, "renewed" if renew else "enrolled")
    asked = Asked("device" if device else "ingester", name, study, site, valid_days, renew, by_code, reason)
    with _said(), Site.changing(folder) as opened:
        handed = Handed(out, installed, "file" if key_file else "credential", via)
        entry, place = opened.enrol(asked, _now(), handed, enrolled_in(database if device else None))
    typer.echo(f"{place}: {asked.kind} {name}, serial {entry.serial}, until {entry.expires_at:%Y-%m-%d}")
    _after(opened)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Device, ingester or bridge.")],
    why: Annotated[str, typer.Option("--why", help="The reason, in a line; never about a person.")],
    folder: Folder = _FOLDER,
    by: By = None,
    database: Database = None,
) -> None:
    """Let a client in no more: its certificate on the list of revoked ones, its lines out of the access list."""
    from refill.site_database import revoked_in
    from trial.site import Site

    by_code, reason = _signature(by, why, database, why)
    with _said(), Site.changing(folder) as opened:
        entry = opened.revoke(name, by_code, reason, _now())
        typer.echo(f"{name}: serial {entry.serial} counts no more")
        _after(opened, restart=entry.kind == "ingester")
        if entry.kind == "device":
            revoked_in(database)(entry)


@app.command("list")
def list_(
    folder: Folder = _FOLDER,
    revoked: Annotated[bool, typer.Option("--revoked", help="Those that were revoked, too.")] = False,
) -> None:
    """List who has a certificate and until when; exit 1 where one ends within 30 days, or has ended."""
    from trial.site import SOON, Site

    now = _now()
    with _said():
        site = Site(folder)
    typer.echo(f"{'kind':<9} {'name':<24} {'study':<12} {'site':<4} {'until':<10}  serial")
    for entry in site.registry.current():
        if entry.event == "issued" or revoked:
            place = f"{entry.study or '':<12} {entry.site or '':<4}"
            until = f"{entry.expires_at:%Y-%m-%d}" if entry.event == "issued" else "revoked"
            typer.echo(f"{entry.kind:<9} {entry.name:<24} {place} {until:<10}  {entry.serial}")
    ending = site.registry.expiring(now, SOON)
    for entry in ending:
        typer.echo(f"{entry.kind} {entry.name}: {_ends(entry.expires_at, now)}")
    if site.authority.expires_at - now < SOON:
        typer.echo(f"the authority: {_ends(site.authority.expires_at, now)}")
        raise typer.Exit(1)
    if ending:
        raise typer.Exit(1)


@app.command()
def bridge(
    name: Annotated[str, typer.Argument(help="Bridge's name.")],
    study: StudyName,
    site: Annotated[str, typer.Option("--site", help="The site whose devices it speaks for.")],
    broker_host: Hosts,
    port: Port = 8883,
    folder: Folder = _FOLDER,
    valid_days: Days = _DAYS,
    renew: Renew = False,
    by: By = None,
    why: Why = None,
    config: Config = None,
) -> None:
    """Make the folder of a hospital's own broker, which passes messages of one site's devices to the trial's broker.

    --broker-host is what devices in the hospital call it.
    """
    from trial.site import Site
    from trial.site_entries import Asked

    _known(study, site, config)
    by_code, reason = _signature(by, why, None, "renewed" if renew else "enrolled")
    asked = Asked("bridge", name, study, site, valid_days, renew, by_code, reason)
    with _said(), Site.changing(folder) as opened:
        entry, place = opened.bridge(asked, _list(broker_host), port, _now())
    typer.echo(f"{place}: bridge {name}, serial {entry.serial}, until {entry.expires_at:%Y-%m-%d}")
    _after(opened)


@app.command("renew-broker")
def renew_broker(folder: Folder = _FOLDER, valid_days: Days = _DAYS, by: By = None, why: Why = None) -> None:
    """Give the broker a new key and certificate, for the hosts that broker.toml names; its clients notice nothing."""
    from trial.site import Site

    by_code, reason = _signature(by, why, None, "renewed")
    with _said(), Site.changing(folder) as opened:
        entry = opened.renew_broker(_now(), valid_days, by_code, reason)
    typer.echo(f"broker: serial {entry.serial}, until {entry.expires_at:%Y-%m-%d}")
    _after(opened)


def _one_of(device: str | None, ingester: str | None, site: str | None) -> str:
    """Return the name that was asked for; ends the command unless it is one device with its site, or one ingester."""
    name = device or ingester
    if name is None or (device is not None and ingester is not None):
        fail("name a device, or --ingester NAME", 2)
    if device is not None and site is None:
        fail("a device has a site: --site NN", 2)
    if ingester is not None and site is not None:
        fail("an ingester serves all sites of its study: leave out --site", 2)
    return name


def _known(study: str, site: str | None, config: Path | None) -> None:
    from firmware_config.loading import ConfigurationError, load_named
    from firmware_config.study import Study

    try:
        known = load_named("studies", study, Study, config)
    except (ConfigurationError, ValueError) as error:
        fail(str(error), 2)
    if site is not None and site not in known.sites:
        fail(f"site {site!a} is not in study {study}", 2)


def _signature(by: str | None, why: str | None, database: str | None, usual: str) -> tuple[str, str]:
    from trial.people import is_person_code

    if database is not None and (by is None or why is None):
        fail("--database needs --by and --why: the trial's audit trail says who and why", 2)
    if by is not None and not is_person_code(by):
        fail("--by: a code of at most 16 lower-case letters, digits and hyphens, no word of more than four letters", 2)
    return by or "site", why or usual


@contextmanager
def _said() -> Iterator[None]:
    """End with one sentence where it cannot be done."""
    from trial.site_entries import SiteError

    try:
        yield
    except SiteError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{error.filename or 'the folder'}: {error.strerror or error}", 1)


def _after(site: Site, *, restart: bool = False) -> None:
    """Say what a person does now: nothing here speaks to a broker. An ingester's session only ends with a restart."""
    places = ", ".join(str(place) for place in site.stations())
    how = "restart mosquitto" if restart else "reload mosquitto"
    typer.echo(f"Now copy {places} to where they belong, and {how} there (docs/broker.md).")


def _list(hosts: str) -> list[str]:
    return [host.strip() for host in hosts.split(",")]


def _ends(moment: datetime, now: datetime) -> str:
    return f"{'ended' if moment <= now else 'ends'} on {moment:%Y-%m-%d}: renew it"


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)
