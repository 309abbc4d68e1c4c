"""A site's folder: its authority, who has a certificate, and the files that its brokers read.

    authority/  ca.crt, ca.key (the secret of it all)
    registry.jsonl  every certificate that was issued or revoked; what is not there has not happened
    broker/  broker.toml (a person's), and made of it and of the registry: mosquitto.conf, acl, crl.pem; certificates
    bridges/NAME/  the same for a hospital's own broker
    bundles/NAME/  what a device or an ingester is handed

A change is in force once its line is in the registry, which is replaced as a whole. What follows from the registry is
made anew by the next command, should a kill have come in between.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from firmware_config.bridge import hospital_conf
from firmware_config.broker import Broker, Client, acl, load_broker, mosquitto_conf
from firmware_config.loading import ConfigurationError
from firmware_config.mqtt import is_loopback
from trial.certificates import Authority, CertificateError, Issued, revoked_serials
from trial.site_bundle import Files, KeyFrom, client_files
from trial.site_entries import VALID_DAYS, Asked, SiteError, ended, ended_before, issued_entry, misnamed, settings
from trial.site_files import OPEN, SECRET, folder_beside, place_whole, sweep, sync, write_whole
from trial.site_registry import Entry, Registry, RegistryError

SOON: timedelta = timedelta(days=30)
INSTALLED: Path = Path("/etc/refill/tls")


@dataclass(frozen=True)
class Handed:
    """How a bundle is handed over: where it is made, where it will lie, and to which broker its client speaks."""

    out: Path | None = None
    installed: Path = INSTALLED
    key_from: KeyFrom = "credential"
    via: str | None = None


class Site:
    """One folder, as it was when it was opened. Changes only inside `changing`, where nobody else works in it."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; raises `SiteError` where it is none, or a file of it cannot be used."""
        self.folder = folder
        self.bundles = folder / "bundles"
        try:
            secret = (folder / "authority" / "ca.key").read_bytes()
            self.authority = Authority.read((folder / "authority" / "ca.crt").read_bytes(), secret)
            self.registry = Registry.read((folder / "registry.jsonl").read_text(encoding="utf-8"))
            self.broker = _settings_of(folder / "broker")
        except FileNotFoundError as error:
            raise SiteError(f"{folder} is no site folder: {error.filename} is missing") from error
        except OSError as error:
            raise SiteError(f"{error.filename}: {error.strerror}") from error
        except CertificateError as error:
            raise SiteError(str(error)) from error
        except (RegistryError, UnicodeDecodeError) as error:
            raise SiteError(f"{folder / 'registry.jsonl'}: {error}") from error

    @classmethod
    @contextmanager
    def changing(cls, folder: Path) -> Iterator["Site"]:
        """Open a site's folder for changes; what a kill left half done is brought to its end first."""
        if not folder.is_dir():
            raise SiteError(f"{folder} is no site folder")
        with _alone(folder):
            site = cls(folder)
            for place in (folder, folder / "broker", folder / "bridges", site.bundles, *site._bridges()):
                sweep(place)
            site._settle()
            yield site

    def enrol(
        self,
        asked: Asked,
        now: datetime,
        handed: Handed = Handed(),
        first: Callable[[Entry], None] = lambda _: None,
    ) -> tuple[Entry, Path]:
        """Give a device or an ingester its certificate; returns the registry's line and the folder to hand over.

        `first` is called before anything counts, and may raise to stop it. Raises `SiteError`.
        """
        before = self._free(asked)
        place, broker = self._place(self.bundles / asked.name, handed.out), self._reached(asked, handed.via)
        issued = self._certificate(asked, now)
        entry = self._entry(asked, issued, now)
        files = client_files(entry, issued, self.authority.certificate_pem, broker, handed.installed, handed.key_from)
        self._put(place, files, [*ended_before(before, asked, now), entry], lambda: first(entry))
        return entry, place

    def bridge(self, asked: Asked, hosts: list[str], port: int, now: datetime) -> tuple[Entry, Path]:
        """Make the folder of a hospital's own broker, which speaks for the devices of one site; raises `SiteError`."""
        before = self._free(asked)
        same = sorted(host for host in {*hosts} & {*self.broker.hosts} if not is_loopback(host))
        if same:
            raise SiteError(f"{', '.join(same)} is the trial's broker: nobody else may have a certificate for it")
        local = settings(hosts, port)
        issued = self._certificate(asked, now)
        entry = self._entry(asked, issued, now)
        own, own_entry = self._server(hosts, asked.name, now, asked.valid_days, asked.by, asked.why)
        files = {
            "broker.toml": (local.encode(), OPEN),
            "ca.crt": (self.authority.certificate_pem, OPEN),
            "broker.crt": (own.certificate_pem, OPEN),
            "broker.key": (own.key_pem, SECRET),
            "bridge.crt": (issued.certificate_pem, OPEN),
            "bridge.key": (issued.key_pem, SECRET),
        }
        place = self.folder / "bridges" / asked.name
        self._put(place, files, [*ended_before(before, asked, now), entry, own_entry], lambda: None)
        self._settle()
        return entry, place

    def revoke(self, name: str, by: str, why: str, now: datetime) -> Entry:
        """Let a client in no more. Raises `SiteError` where it has no certificate that counts."""
        before = self.registry.last(name)
        if before is None:
            raise SiteError(f"{name} was never enrolled")
        if before.event == "revoked":
            raise SiteError(f"{name} was revoked already, on {before.at:%Y-%m-%d}")
        entry = ended(before, now, by, why)
        self._commit([entry])
        return entry

    def renew_broker(self, now: datetime, valid_days: int, by: str, why: str) -> Entry:
        """Give the trial's broker a new key and certificate, for the hosts that broker.toml names now."""
        issued, entry = self._server(self.broker.hosts, "broker", now, valid_days, by, why)
        place = self.folder / "broker"
        files = {each.name: (each.read_bytes(), each.stat().st_mode & 0o777) for each in place.iterdir()}
        files |= {"broker.crt": (issued.certificate_pem, OPEN), "broker.key": (issued.key_pem, SECRET)}
        # The other way round than with a client: a kill in between leaves the list with the earlier date.
        place_whole(folder_beside(place, files), place)
        self._commit([entry])
        return entry

    def stations(self) -> list[Path]:
        """Return the folders that brokers read, each to be copied to its machine."""
        return [self.folder / "broker", *self._bridges()]

    def _free(self, asked: Asked) -> Entry | None:
        """Return what the name stood for so far; raises `SiteError` where it may not be used as asked."""
        try:
            Client(kind=asked.kind, name=asked.name, study=asked.study, site=asked.site)
        except ValueError:
            raise SiteError(misnamed(asked)) from None
        before = self.registry.last(asked.name)
        if before is None:
            if asked.renew:
                raise SiteError(f"{asked.name} was never enrolled: there is nothing to renew")
            return None
        if (before.kind, before.study, before.site) != (asked.kind, asked.study, asked.site):
            raise SiteError(f"{asked.name} is the name of the {before.kind} of {before.place}, for good")
        if not asked.renew:
            known = "enrolled" if before.event == "issued" else "revoked"
            raise SiteError(f"{asked.name} is {known} already; --renew gives it a new key and revokes the old one")
        return before

    def _place(self, usual: Path, out: Path | None) -> Path:
        if out is not None and (out.exists() or out.is_symlink()):
            raise SiteError(f"{out} exists already")
        if out is not None and not out.parent.is_dir():
            raise SiteError(f"{out.parent} is no folder")
        return out or usual

    def _reached(self, asked: Asked, via: str | None) -> Broker:
        """Return the broker that a client speaks to: the trial's, or a hospital's own."""
        if via is None:
            return self.broker
        bridge = self.registry.last(via)
        if bridge is None or (bridge.kind, bridge.study, bridge.site) != ("bridge", asked.study, asked.site):
            raise SiteError(f"--via: {ascii(via)[:80]} is no bridge of study {asked.study}, site {asked.site}")
        return _settings_of(self.folder / "bridges" / via)

    def _certificate(self, asked: Asked, now: datetime) -> Issued:
        try:
            return self.authority.client(asked.name, now, asked.valid_days)
        except CertificateError as error:
            raise SiteError(str(error)) from error

    def _entry(self, asked: Asked, issued: Issued, now: datetime) -> Entry:
        group = None
        if asked.kind == "ingester":
            group = self.registry.group(asked.study) or f"g-{secrets.token_hex(16)}"
        place = {"study": asked.study, "site": asked.site, "group": group}
        return issued_entry(asked.kind, asked.name, issued, now, (asked.by, asked.why)).model_copy(update=place)

    def _server(
        self, hosts: list[str], name: str, now: datetime, valid_days: int, by: str, why: str
    ) -> tuple[Issued, Entry]:
        try:
            issued = self.authority.broker(hosts, now, valid_days)
        except CertificateError as error:
            raise SiteError(str(error)) from error
        return issued, issued_entry("broker", name, issued, now, (by, why))

    def _put(self, place: Path, files: Files, entries: list[Entry], first: Callable[[], None]) -> None:
        """Prepare a folder, commit the registry, and only then give the folder its name: no key counts before it."""
        place.parent.mkdir(mode=0o700, exist_ok=True)
        beside = folder_beside(place, files)
        try:
            first()
            self._commit(entries)
            place_whole(beside, place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _commit(self, entries: list[Entry]) -> None:
        registry = self.registry.with_(*entries)
        write_whole(self.folder / "registry.jsonl", registry.text().encode(), SECRET)
        self.registry = registry
        self._settle()

    def _settle(self) -> None:
        """Make anew what follows from registry and broker.toml, where it is not so already."""
        clients = self.registry.clients()
        self._follow(self.folder / "broker", mosquitto_conf(self.broker), acl(clients))
        for place in self._bridges():
            bridge = next((each for each in clients if each.name == place.name), None)
            if bridge is None:
                continue  # revoked: the trial's broker takes nothing from it, whatever its folder says
            conf = hospital_conf(_settings_of(place), self.broker, bridge)
            here = [c for c in clients if c.kind == "device" and (c.study, c.site) == (bridge.study, bridge.site)]
            self._follow(place, conf, acl(here))

    def _follow(self, place: Path, conf: str, access: str) -> None:
        for name, content in (("mosquitto.conf", conf.encode()), ("acl", access.encode())):
            if not (place / name).is_file() or (place / name).read_bytes() != content:
                write_whole(place / name, content)
        revoked, path = self.registry.revoked(), place / "crl.pem"
        if not _lists(path, {serial for serial, _ in revoked}):
            at = max((moment for _, moment in revoked), default=self.registry.current()[0].at)
            write_whole(path, self.authority.revocations(revoked, len(self.registry), at))

    def _bridges(self) -> list[Path]:
        return sorted(each for each in (self.folder / "bridges").glob("*") if (each / "broker.toml").is_file())


def make_site(folder: Path, hosts: list[str], port: int, now: datetime, by: str = "site") -> Site:
    """Make a site's folder (mode 0700), which must not be there yet; raises `SiteError`."""
    if folder.exists() or folder.is_symlink():
        raise SiteError(f"{folder} exists already: nothing was written")
    if not folder.parent.is_dir():
        raise SiteError(f"{folder.parent} is no folder")
    text = settings(hosts, port)
    authority = Authority.made(f"Refill site {secrets.token_hex(4)}", now)
    own = authority.broker(hosts, now, VALID_DAYS)
    registry = Registry([issued_entry("broker", "broker", own, now, (by, "site made"))])
    files: Files = {
        "authority/ca.crt": (authority.certificate_pem, OPEN),
        "authority/ca.key": (authority.key_pem, SECRET),
        "registry.jsonl": (registry.text().encode(), SECRET),
        "broker/broker.toml": (text.encode(), OPEN),
        "broker/ca.crt": (authority.certificate_pem, OPEN),
        "broker/broker.crt": (own.certificate_pem, OPEN),
        "broker/broker.key": (own.key_pem, SECRET),
    }
    beside = folder_beside(folder, files)
    try:
        with Site.changing(beside):
            beside.rename(folder)
            sync(folder.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Site(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, SECRET)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SiteError(f"another command is at work in {folder}") from error
        yield
    finally:
        os.close(handle)


def _lists(path: Path, serials: set[int]) -> bool:
    """Return whether a list of revoked certificates is there and holds these."""
    try:
        return revoked_serials(path.read_bytes()) == serials
    except (FileNotFoundError, CertificateError):
        return False


def _settings_of(station: Path) -> Broker:
    try:
        return load_broker(station / "broker.toml")
    except ConfigurationError as error:
        raise SiteError(str(error)) from error
