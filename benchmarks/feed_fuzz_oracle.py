"""What must become of each message, worked out apart from the trial side: the published schema, and rules in words.

It remembers what was stored, so it must be asked in the order in which the ingester gets the messages.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from benchmarks.feed_fuzz_schema import Schema, UnreadableError, loads

LIMIT_BYTES = 262_144
OURS = (1, 4)
_TOPIC = re.compile(r"refill/v1/([a-z0-9][a-z0-9-]{0,62})/([0-9]{2,4})/([a-z0-9][a-z0-9-]{0,62})/(reading|status)")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")
_SENT_AT = re.compile(rb'"sent_at"\s*:\s*"[^"\\]{0,64}"')
_RECORDS = {"refill": "reading", "mottling": "mottling", "amendment": "amendment"}
"""The published schema of each kind of record."""


class RefusedError(Exception):
    """A message for the dead letters; its text is the reason."""


@dataclass(frozen=True)
class Fate:
    """What must become of a message. `letter` tells those that must share one dead letter.

    `sha256` and `version` are a stored record's hash and the version of its envelope: its receipt names both.
    """

    kind: Literal["stored", "again", "status", "status ignored", "refused"]
    reason: str = ""
    letter: str = ""
    sha256: str = ""
    version: str = ""


@dataclass
class Oracle:
    """The trial side as it must be. `homes`: the enrolled devices and their sites."""

    study: str
    sites: Collection[str]
    homes: Mapping[str, str]
    stored: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """By reading_id: hash, body, device."""
    places: dict[tuple[str, int], str] = field(default_factory=dict)
    statuses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._envelope, self._record, self._status = Schema("envelope"), _Record(), Schema("status")

    def fate(self, topic: str, payload: bytes) -> Fate:
        """Return what must become of the next message."""
        try:
            site, device, kind = self._whose(topic)
            if kind == "status":
                return self._keep_status(site, device, payload)
            return self._store(site, device, payload)
        except RefusedError as refused:
            return Fate("refused", str(refused), hashlib.sha256(self._same(topic, payload)).hexdigest())

    def _whose(self, topic: str) -> tuple[str, str, str]:
        match = _TOPIC.fullmatch(topic)
        if match is None:
            raise RefusedError("topic")
        study, site, device, kind = match.groups()
        if study != self.study:
            raise RefusedError("study")
        if site not in self.sites:
            raise RefusedError("site")
        if self.homes.get(device) != site:
            raise RefusedError("device")
        return site, device, kind

    def _store(self, site: str, device: str, payload: bytes) -> Fate:
        _small(payload)
        envelope = _read(payload, self._envelope)
        body = envelope["body"]
        record = _read(body, self._record)
        if not _sensible(record):
            raise RefusedError("unreadable")
        if _chained(envelope) != envelope["sha256"]:
            raise RefusedError("hash")
        if json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False) != body:
            raise RefusedError("not_canonical")
        if (record["study"], record["subject"]["site"], record["device"]["name"]) != (self.study, site, device):
            raise RefusedError("wrong_place")
        if record["simulated"]:
            raise RefusedError("simulated")
        times = [envelope["sent_at"], record["measured"]["at"], record.get("norepinephrine_onset_at")]
        _holdable(_texts(record), times)
        if record["kind"] == "amendment" and UUID(record["about"]) == UUID(record["reading_id"]):
            raise RefusedError("about")
        return self._once(envelope, record, device)

    def _once(self, envelope: Mapping[str, Any], record: Mapping[str, Any], device: str) -> Fate:
        name, place = str(UUID(record["reading_id"])), (device, record["device_seq"])
        alike = {other for other in (name if name in self.stored else None, self.places.get(place)) if other}
        if any(self.stored[other][0] != envelope["sha256"] for other in alike):
            raise RefusedError("conflict")
        version = envelope.get("schema_version", "")
        if alike:
            return Fate("again", sha256=envelope["sha256"], version=version)
        if record["kind"] == "amendment" and not self._may_be_about(record, device):
            raise RefusedError("about")
        self.stored[name] = (envelope["sha256"], envelope["body"], device)
        self.places[place] = name
        return Fate("stored", sha256=envelope["sha256"], version=version)

    def _may_be_about(self, amendment: Mapping[str, Any], device: str) -> bool:
        """Whether an amendment fits what it is about; what has not come yet may be anything."""
        kept = self.stored.get(str(UUID(amendment["about"])))
        if kept is None:
            return True
        about = json.loads(kept[1])
        earlier = kept[2] == device and about["device_seq"] < amendment["device_seq"]
        scored = amendment.get("mottling_score") is None or about["kind"] == "mottling"
        return earlier and scored and about["kind"] != "amendment"

    def _keep_status(self, site: str, device: str, payload: bytes) -> Fate:
        _small(payload)
        status = _read(payload, self._status)
        sentences = [part.get("sentence") for part in status.get("health") or ()]
        _holdable([status["software_version"], status.get("problem"), *sentences], [status["at"]])
        before = self.statuses.get((site, device))
        if status["state"] == "lost" and before and UUID(before["session_id"]) != UUID(status["session_id"]):
            return Fate("status ignored")
        self.statuses[site, device] = status
        return Fate("status")

    def _same(self, topic: str, payload: bytes) -> bytes:
        """Return what is the same for one bad message however often it is sent.

        A record: whatever its time of sending. A status: as long as session, state and software are the same, and of a
        newer version whatever it says.
        """
        whose = topic.encode() + b"\n"
        if topic.endswith("/status") and _is_newer(payload):
            return whose + f"status of version {json.loads(payload)['schema_version']}".encode()
        if topic.endswith("/status"):
            status = None if len(payload) > LIMIT_BYTES else _as(payload, self._status)
            names = ("session_id", "state", "software_version")
            return whose + (payload if status is None else "\n".join(status[name] for name in names).encode())
        if len(payload) > LIMIT_BYTES or _is_newer(payload):
            return whose + _SENT_AT.sub(b"", payload, count=1)
        envelope = _as(payload, self._envelope)
        names = ("previous_sha256", "sha256", "body")
        return whose + (payload if envelope is None else "\n".join(envelope[name] for name in names).encode())


class _Record:
    """The published schema of a record, by the kind that it says it is."""

    def __init__(self) -> None:
        self._kinds = {kind: Schema(name) for kind, name in _RECORDS.items()}

    def check(self, value: Any) -> None:
        """Raise `UnreadableError` where `value` is no record of a known kind."""
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in self._kinds:
            raise UnreadableError("no kind of record")
        self._kinds[kind].check(value)


def _as(text: str | bytes, schema: Schema | _Record) -> dict[str, Any] | None:
    """Return what a text holds where the schema wants it, else None."""
    try:
        content: dict[str, Any] = loads(text)
        schema.check(content)
    except UnreadableError:
        return None
    return content


def _small(payload: bytes) -> None:
    if len(payload) > LIMIT_BYTES:
        raise RefusedError("too_large")


def _read(text: str | bytes, schema: Schema | _Record) -> dict[str, Any]:
    """Return what a text holds; where the schema does not want it, it is newer than ours or rubbish."""
    content = _as(text, schema)
    if content is None:
        raise RefusedError("newer_schema" if _is_newer(text) else "unreadable")
    return content


def _is_newer(text: str | bytes) -> bool:
    try:
        content = loads(text, constants=True)
    except UnreadableError:
        return False
    version = content.get("schema_version") if isinstance(content, dict) else None
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return match is not None and (int(match[1]), int(match[2])) > OURS


def _sensible(record: Mapping[str, Any]) -> bool:
    """Whether what a schema cannot say holds: the ids' version, and that what belongs together agrees."""
    if UUID(record["reading_id"]).version != 7:
        return False
    if record["kind"] == "mottling":
        return _score_agrees(record["result"])
    if record["kind"] == "amendment":
        return UUID(record["about"]).version == 7 and _says_one_thing(record)
    return all(map(_agrees, [record["result"], *(press["result"] for press in record["presses"])]))


def _score_agrees(result: Mapping[str, Any]) -> bool:
    score, most, reason = (result.get(key) for key in ("score", "max_supported", "reason"))
    if result["status"] == "measured":
        return score is not None and most is not None and reason is None and score <= most
    return score is None and most is None and reason is not None


def _says_one_thing(amendment: Mapping[str, Any]) -> bool:
    action, changes = amendment["action"], amendment.get("changes") or []
    fields = [change["field"] for change in changes]
    return (
        (action == "commented") == (amendment.get("comment") is not None)
        and (action == "corrected") == bool(changes) == (amendment.get("why") is not None)
        and len(set(fields)) == len(fields)
        and all(change["old"] != change["new"] for change in changes)
        and (amendment.get("mottling_score") is None or action == "confirmed")
        and all((action == "timed") == (amendment.get(name) is not None) for name in ("stopwatch_s", "before_number"))
    )


def _texts(record: Mapping[str, Any]) -> list[str | None]:
    """Return the free texts of a record."""
    device = record["device"]
    protocol = [record["protocol"]["version"]] if "protocol" in record else []
    return [device["software_version"], device["algorithm_version"], device.get("build"), *protocol]


def _agrees(result: Mapping[str, Any]) -> bool:
    crt_s, interval, exceeds_s = (result.get(key) for key in ("crt_s", "crt_ci95_s", "crt_exceeds_s"))
    there = (crt_s is not None, interval is not None, result.get("reason") is not None, exceeds_s is not None)
    wanted = {
        "measured": (True, True, False, False),
        "not_measurable": (False, False, True, False),
        "censored": (False, False, False, True),
    }[result["status"]]
    return there == wanted and (interval is None or interval[0] <= crt_s <= interval[1])


def _chained(envelope: Mapping[str, Any]) -> str:
    return hashlib.sha256((envelope["previous_sha256"] + "\n" + envelope["body"]).encode()).hexdigest()


def _holdable(texts: list[str | None], times: list[str | None]) -> None:
    """Raise where no database could hold it: a NUL in a text, a time at the calendar's end."""
    if any("\0" in text for text in texts if text):
        raise RefusedError("not_storable")
    if any(not "0002" <= time[:4] < "9999" for time in times if time):
        raise RefusedError("not_storable")
