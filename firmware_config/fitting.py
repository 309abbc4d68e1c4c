"""Whether the files of a site fit each other: what one names exists in another, and may do there what it asks for."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from firmware_config.broker import Broker
from firmware_config.device import DeviceConfig
from firmware_config.loading import ConfigurationError, load_named, named
from firmware_config.mqtt import Connection
from firmware_config.protocol import Protocol
from firmware_config.study import Study
from firmware_config.trial import Trial

SLOWEST_RAMP: float = 1.1
SPARE_S: float = 0.3
"""How the probe reckons how long a press may take; this room may not look there, so a test holds the two together."""

Named = TypeVar("Named", Study, Protocol)


class Fitting:
    """One file among those of its site. `looked_at` are all that are looked at, `loaded` those right by themselves."""

    def __init__(self, path: Path, loaded: Mapping[Path, BaseModel], looked_at: Iterable[Path]) -> None:
        self._path = path
        self._looked_at = {each.absolute() for each in looked_at}
        self._folder = path.absolute().parent.parent if _is_named(loaded[path]) else path.absolute().parent
        self._loaded = {each.absolute(): content for each, content in loaded.items()}

    def problems(self, content: BaseModel) -> list[str]:
        """Return as `key: sentence` what does not fit the site's other files, or packaged ones in their place."""
        if isinstance(content, DeviceConfig):
            return self._device(content)
        if isinstance(content, Trial):
            return self._named("study", "studies", content.study, Study)[1] + self._same_broker(
                "broker", content.broker
            )
        if isinstance(content, Study):
            return self._own_name(content.name) + self._study(content)
        return self._own_name(content.name) if isinstance(content, Protocol) else []

    def _own_name(self, name: str) -> list[str]:
        file = self._path.stem
        return [f"name: is {name!r}, but the file is called {file!r}"] if name != file else []

    def _named(self, key: str, kind: str, name: str, model: type[Named]) -> tuple[Named | None, list[str]]:
        """Return a study or protocol; None, and why, where there is none. What is wrong in a file that is looked at too
        is told there."""
        path = None
        try:
            path = named(kind, name, self._folder)
            return load_named(kind, name, model, self._folder), []
        except ConfigurationError as error:
            told_there = path is not None and path.absolute() in self._looked_at
            return None, [] if told_there else [f"{key}: {line}" for line in str(error).splitlines()]

    def _device(self, device: DeviceConfig) -> list[str]:
        study, wrong = self._named("mqtt.study", "studies", device.mqtt.study, Study)
        if study is not None:
            if study.devices == "enrolled" and device.site not in study.sites:
                wrong.append(
                    f"site: {device.site} is not a site of study {study.name}, which has {_listed(study.sites)}"
                )
            protocols: dict[str, Protocol | None] = {}
            for name in sorted(set(study.protocols.values())):
                protocols[name], missing = self._named("mqtt.study", "protocols", name, Protocol)
                wrong += missing
                protocol = protocols[name]
                if protocol is not None:
                    wrong += beyond_limits(device, protocol, study.name)
            wrong += [f"mqtt.study: {study.name}: {line}" for line in _for_other_sites(study, protocols)]
        return wrong + self._same_broker("mqtt", device.mqtt)

    def _study(self, study: Study) -> list[str]:
        wrong = []
        protocols: dict[str, Protocol | None] = {}
        for body_site, name in study.protocols.items():
            protocols[name], missing = self._named(f"protocols.{body_site}", "protocols", name, Protocol)
            wrong += missing
        return wrong + _for_other_sites(study, protocols)

    def _same_broker(self, key: str, way: Connection) -> list[str]:
        """A connection to the broker whose file lies beside: the port is the one that it listens at."""
        broker = self._loaded.get(self._folder / "broker.toml")
        if not isinstance(broker, Broker) or way.host not in broker.hosts or way.port == broker.port:
            return []
        return [f"{key}.port: {way.port}, but broker.toml has {way.host} listen at {broker.port}"]


def _for_other_sites(study: Study, protocols: Mapping[str, Protocol | None]) -> list[str]:
    """Return where a study names a protocol that is not for the body site; None, not found, is told elsewhere."""
    wrong = []
    for body_site, name in study.protocols.items():
        protocol = protocols[name]
        if protocol is not None and body_site not in protocol.body_sites:
            wrong.append(f"protocols.{body_site}: {name} is for {' and '.join(protocol.body_sites)} only")
    return wrong


def _is_named(content: BaseModel) -> bool:
    return isinstance(content, Study | Protocol)


def beyond_limits(device: DeviceConfig, protocol: Protocol, study: str) -> list[str]:
    """Return where a protocol of the device's study asks for more than the device may do: it would never press."""
    asked = f"protocol {protocol.name} of study {study}"
    limits = device.press_limits
    wrong = []
    try:
        target_kpa = protocol.target_kpa_on(device.probe.plate_area_mm2)
    except ConfigurationError as error:
        return [f"probe.plate_area_mm2: {error}"]
    if target_kpa > limits.pressure_kpa:
        wrong.append(f"press_limits.pressure_kpa: {limits.pressure_kpa:g} is below the {target_kpa:.4g} kPa of {asked}")
    if protocol.hold_s > limits.hold_s:
        wrong.append(f"press_limits.hold_s: {limits.hold_s:g} is below the {protocol.hold_s:g} s of {asked}")
    press_s = protocol.ramp_s * SLOWEST_RAMP + protocol.hold_s + SPARE_S
    if press_s > limits.press_s:
        wrong.append(
            f"press_limits.press_s: {limits.press_s:g} is below the {press_s:g} s that a press of {asked} may take"
        )
    if protocol.presses > limits.presses_per_minute and _shortest_s(protocol) * limits.presses_per_minute < 60:
        wrong.append(
            f"press_limits.presses_per_minute: {limits.presses_per_minute} is too few for {asked}, whose "
            f"{protocol.presses} presses may follow each other after {_shortest_s(protocol):g} s"
        )
    return wrong


def _shortest_s(protocol: Protocol) -> float:
    """Return the shortest time from one press to the next."""
    window_s = protocol.least_observe_s if protocol.early_stop else protocol.observe_s
    return protocol.baseline_s + protocol.ramp_s + protocol.hold_s + window_s + protocol.spacing_s


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{names[0]} to {names[-1]} ({len(names)} of them)"
