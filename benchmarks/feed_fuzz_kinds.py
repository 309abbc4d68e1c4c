"""The kinds of fuzzed message, from nonsense over what is older, newer or elsewhere to what is valid after all.

What must become of each, `feed_fuzz_oracle` says.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks import feed_fuzz_broken as broken
from benchmarks.feed_fuzz_messages import HOMES, STUDY, TOPICS, Message, Sender, at, canonical, sealed, text
from contract.identifiers import GENESIS_SHA256, new_reading_id


def _elsewhere(s: Sender) -> Message:
    """A whole reading under another's topic, or one that names another place than its topic does."""
    device, body = s.inner()
    if s.dice.random() < 0.5:
        other = s.dice.choice([name for name in HOMES if name != device])
        return at(other, text(sealed(body)))
    draw = s.dice.randrange(3)
    if draw == 0:
        body["study"] = s.dice.choice(["demo", "i-micro"])
    elif draw == 1:
        body["subject"]["site"] = s.dice.choice(["77", "03", "0000"])
    else:
        body["device"]["name"] = s.dice.choice(["stranger", "bedside-9"])
    return at(device, text(sealed(body)))


def _odd_topic(s: Sender) -> Message:
    kind = s.dice.choice(["reading", "reading", "status"])
    content = s.base()[1] if kind == "reading" else s.status()[1]
    return Message("", f"refill/v1/{STUDY}/{s.dice.choice(TOPICS)}/{kind}", text(content))


def _hash(s: Sender) -> Message:
    device, outer = s.base()
    key = s.dice.choice(["sha256", "sha256", "previous_sha256"])
    return at(device, text(outer | {key: f"{s.dice.getrandbits(256):064x}"}))


def _altered(s: Sender) -> Message:
    """Another value in a body whose hash was left as it was."""
    device, outer = s.base("refill")
    body = json.loads(outer["body"])
    body["result"]["crt_s"] += 0.01
    return at(device, text(outer | {"body": canonical(body)}))


def _not_canonical(s: Sender) -> Message:
    device, body = s.inner()
    inside = canonical(body)
    ways: list[Callable[[], str]] = [
        lambda: json.dumps(body, sort_keys=True),
        lambda: json.dumps(dict(reversed(body.items())), separators=(",", ":")),
        lambda: inside.replace('"left"', '"l\\u0065ft"'),
        lambda: inside.replace("40.0", "40.00"),
        lambda: inside.replace("40.0", "4e1"),
        lambda: inside + "\n",
        lambda: " " + inside,
    ]
    return at(device, text(sealed(s.dice.choice(ways)())))


def _again(s: Sender) -> Message:
    """A reading that was stored, as it was or with another time of sending."""
    if not s.good:
        return broken.flipped(s)
    known = s.dice.choice(s.good[-200:])
    if s.dice.random() < 0.5:
        return known
    outer = json.loads(known.payload)
    return Message("", known.topic, text(outer | {"sent_at": datetime.now(UTC).isoformat()}))


def _other_content(s: Sender) -> Message:
    """Another reading under an id or a number that is taken, or the same one in another place of the chain."""
    if not s.good:
        return broken.flipped(s)
    known = s.dice.choice(s.good[-200:])
    body = json.loads(json.loads(known.payload)["body"])
    draw = s.dice.randrange(3)
    if draw == 0:
        body["operator"] = "n99"
    elif draw == 1:
        body["reading_id"] = str(new_reading_id())
    previous = f"{s.dice.getrandbits(256):064x}" if draw == 2 else GENESIS_SHA256
    return Message("", known.topic, text(sealed(body, previous)))


def _kind(s: Sender) -> Message:
    """A record that says it is of another kind, or of none that there is."""
    device, body = s.inner()
    other = s.dice.choice(["refill", "mottling", "amendment", "Refill", "", "status", None, 1, ["refill"]])
    return at(device, text(sealed({**body, "kind": other})))


def _unagreed(s: Sender) -> Message:
    """A mottling reading or an amendment whose parts do not agree, or only just do."""
    device, body = s.inner(s.dice.choice(["mottling", "amendment"]))
    if body["kind"] == "mottling":
        names: tuple[str, ...] = ("status", "reason", "score", "max_supported", "at_least", "confidence")
        values: tuple[object, ...] = ("measured", "not_measurable", "blurred", None, 0, 3, 4, 5, 6, 1.0, True)
        body["result"][s.dice.choice(names)] = s.dice.choice(values)
    else:
        names = ("action", "comment", "why", "mottling_score", "changes", "about", "operator", "stopwatch_s")
        twice = {"field": "side", "old": "left", "new": s.dice.choice(["left", "right", None, "a\u0000"])}
        values = (
            "confirmed",
            "commented",
            "corrected",
            "timed",
            None,
            2,
            0.1,
            "oedema",
            "other",
            [],
            [twice],
            [twice] * 2,
        )
        body[s.dice.choice(names)] = s.dice.choice([*values, body["reading_id"]])
    return at(device, text(sealed(body)))


def _simulated(s: Sender) -> Message:
    device, body = s.inner()
    return at(device, text(sealed(body | {"simulated": True})))


def _old(s: Sender) -> Message:
    """A whole reading as version 1.0 wrote it, in an envelope of its own version or of today's."""
    device, body = s.inner("refill")
    del body["norepinephrine_onset_at"]
    for press in body["presses"]:
        del press["set_number"]
    body["schema_version"] = "1.0"
    return at(device, text(sealed(body, schema_version=s.dice.choice(["1.0", "1.1", "1.2", "1.3", "1.4"]))))


def _newer(s: Sender) -> Message:
    """A message of a version that is not written yet; or one that only looks like it."""
    version = s.dice.choice(["1.4", "1.10", "2.0", "12.34", "1.4", "2.0", "0.9", "1.2.3", "v2", "٢.0", "1.99999", 2.0])
    if s.dice.random() < 0.2:
        device, status = s.status()
        return at(device, text(status | {"schema_version": version, "battery": 0.4}), "status")
    device, body = s.inner()
    newer = body | {"schema_version": version, "skin_temperature_c": 33.1}
    outer = s.dice.choice([sealed(newer, schema_version=version), sealed(newer), sealed(body, schema_version=version)])
    return at(device, text(outer))


def _times(s: Sender) -> Message:
    device, body = s.inner()
    when = s.dice.choice(
        [
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0000-01-01T00:00:00Z", "2026-11-23T12:00:00"),
            *("2026-02-30T12:00:00Z", "2026-11-23 12:00Z", "20261123T120000Z", "1790000000", "0002-01-01T00:00:00Z"),
            *(
                "2026-11-23T24:00:00Z",
                "2026-11-23T12:00:60Z",
                "2026-11-23T12:00:00+24:00",
                "9998-12-31T23:59:59.9999999Z",
            ),
        ]
    )
    draw = s.dice.randrange(3)
    if draw == 0:
        return at(device, text(sealed(body, sent_at=when if s.dice.random() < 0.8 else 1_790_000_000)))
    if draw == 1:
        body["measured"]["at"] = when
    else:
        body["norepinephrine_onset_at"] = when
    return at(device, text(sealed(body)))


def _repeat(s: Sender) -> Message:
    """A bad message once more, as it was or, where it is an envelope still, with another time of sending."""
    if not s.bad:
        return broken.random_bytes(s)
    known = s.dice.choice(s.bad)
    try:
        outer = json.loads(known.payload)
        later = outer | {"sent_at": (datetime.now(UTC) + timedelta(hours=s.dice.random())).isoformat()}
    except (ValueError, TypeError, RecursionError):
        return known
    return s.dice.choice([known, Message("", known.topic, text(later))])


def _status(s: Sender) -> Message:
    device, status = s.status()
    return at(device, text(status), "status", retain=s.dice.random() < 0.8)


KINDS: dict[str, tuple[float, Callable[[Sender], Message]]] = {
    "random bytes": (6, broken.random_bytes),
    "nothing at all": (0.5, broken.nothing),
    "some JSON": (6, broken.some_json),
    "some JSON as body, hash right": (5, broken.some_json_body),
    "bits flipped": (9, broken.flipped),
    "cut or glued": (6, broken.cut_or_glued),
    "a field of the envelope": (5, broken.outer_field),
    "a field of the body, hash right": (14, broken.inner_field),
    "NaN, infinite, huge, no token": (5, broken.raw_token),
    "a key twice": (3, broken.key_twice),
    "NUL": (2.5, broken.nul),
    "half a character": (2, broken.half_character),
    "nested deeply": (1, broken.deep),
    "at or over the limit of size": (0.1, broken.long),
    "another's place": (4, _elsewhere),
    "topic beside the devices' own": (4, _odd_topic),
    "wrong hash": (3, _hash),
    "altered under its hash": (2, _altered),
    "not canonical": (3, _not_canonical),
    "a stored reading again": (3, _again),
    "other content under a known id or number": (4, _other_content),
    "another kind of record": (2, _kind),
    "mottling or amendment that does not agree": (4, _unagreed),
    "simulated": (2, _simulated),
    "version 1.0": (2, _old),
    "newer version": (4, _newer),
    "odd times": (2, _times),
    "a bad one again": (3, _repeat),
    "status": (2, _status),
    "a bad status": (4, broken.bad_status),
    "status and reading mixed up": (1.5, broken.mixed_up),
}
"""Kind of message: how often, and how it is made."""
