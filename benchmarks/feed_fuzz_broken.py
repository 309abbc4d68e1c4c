"""Fuzzed messages that are broken: nonsense, and valid ones with bits, tokens or fields that are not right."""

import json
import random
from typing import Any

from benchmarks.feed_fuzz_messages import (
    HOMES,
    LIMIT_BYTES,
    RAW,
    WILD,
    Content,
    Message,
    Sender,
    at,
    canonical,
    sealed,
    text,
)


def random_bytes(s: Sender) -> Message:
    return at(
        s.dice.choice(list(HOMES)), s.dice.randbytes(s.dice.randrange(1, 600)), s.dice.choice(["reading", "status"])
    )


def nothing(s: Sender) -> Message:
    device, kind = s.dice.choice(list(HOMES)), s.dice.choice(["reading", "status"])
    return at(device, b"", kind, retain=s.dice.random() < 0.5)


def some_json(s: Sender) -> Message:
    return at(s.dice.choice(list(HOMES)), s.dice.choice(s.corpus).encode(), s.dice.choice(["reading", "status"]))


def some_json_body(s: Sender) -> Message:
    return at(s.dice.choice(list(HOMES)), text(sealed(s.dice.choice(s.corpus))))


def flipped(s: Sender) -> Message:
    device, outer = s.base()
    changed = bytearray(text(outer))
    for _ in range(s.dice.randrange(1, 6)):
        changed[s.dice.randrange(len(changed))] ^= 1 << s.dice.randrange(8)
    return at(device, bytes(changed))


def cut_or_glued(s: Sender) -> Message:
    device, outer = s.base()
    whole = text(outer)
    begin, end = sorted((s.dice.randrange(len(whole)), s.dice.randrange(len(whole))))
    other = text(s.base()[1])
    made = s.dice.choice(
        [
            *(whole[:begin], whole[begin:], whole[:begin] + whole[end:]),
            *(whole[:end] + whole[begin:], whole + other),
        ]
    )
    return at(device, made)


def outer_field(s: Sender) -> Message:
    device, outer = s.base()
    return at(device, text(_changed(s.dice, outer)))


def inner_field(s: Sender) -> Message:
    device, body = s.inner()
    part: Any = body
    while s.dice.random() < 0.6:
        deeper = [
            value
            for value in (part.values() if isinstance(part, dict) else part)
            if isinstance(value, dict | list) and value
        ]
        if not deeper:
            break
        part = s.dice.choice(deeper)
    if isinstance(part, dict):
        changed = _changed(s.dice, part)
        part.clear()
        part.update(changed)
    else:
        part[s.dice.randrange(len(part))] = s.dice.choice(WILD)
    return at(device, text(sealed(body)))


def _changed(dice: random.Random, content: Content) -> Content:
    """Return it with a wild value, two values changed over, a key less, a key more, or one renamed."""
    keys = list(content)
    one, other = dice.choice(keys), dice.choice(keys)
    made = dict(content)
    draw = dice.randrange(6)
    if draw <= 1:
        made[one] = dice.choice(WILD)
    elif draw == 2:
        made[one], made[other] = content[other], content[one]
    elif draw == 3:
        del made[one]
    elif draw == 4:
        made[dice.choice(["extra", "", "name", "\u0000", "k" * 300, "\U0001f600"])] = dice.choice(WILD)
    else:
        made[one.upper()] = made.pop(one)
    return made


def raw_token(s: Sender) -> Message:
    """A token that JSON does not have, or that is too large, in the place of a value, inside or outside."""
    device, body = s.inner()
    inside = canonical(body)
    if s.dice.random() < 0.7:
        return at(device, text(sealed(_put(s.dice, inside))))
    return at(device, _put(s.dice, text(sealed(body)).decode()).encode("utf-8", "surrogatepass"))


def _put(dice: random.Random, whole: str) -> str:
    begin = dice.choice([place for place, sign in enumerate(whole) if sign == ":"]) + 1
    end = min((found for sign in ",}" if (found := whole.find(sign, begin)) > 0), default=len(whole))
    return whole[:begin] + dice.choice(RAW) + whole[end:]


def key_twice(s: Sender) -> Message:
    """A key that stands there twice, inside or outside, with the same or another value."""
    device, body = s.inner()
    key = s.dice.choice(["device_seq", "study", "simulated", "reading_id"])
    value = json.dumps(body[key] if s.dice.random() < 0.5 else s.dice.choice(WILD))
    inside = canonical(body)
    if s.dice.random() < 0.6:
        return at(device, text(sealed(inside[:-1] + f',"{key}":{value}}}')))
    outer = text(sealed(body)).decode()
    key = s.dice.choice(["sent_at", "sha256", "schema_version"])
    return at(device, (outer[:-1] + f',"{key}":{json.dumps(s.dice.choice(WILD))}}}').encode("utf-8", "surrogatepass"))


def nul(s: Sender) -> Message:
    device, body = s.inner("refill")
    draw = s.dice.randrange(4)
    if draw == 0:
        body["protocol"]["version"] = s.dice.choice(["2\u0000", "\u0000"])
    elif draw == 1:
        body["device"][s.dice.choice(["software_version", "algorithm_version", "name"])] = "0.1\u0000"
    elif draw == 2:
        status_device, status = s.status()
        return at(status_device, text(status | {"problem": "a\u0000b"}), "status")
    whole = text(sealed(body))
    if draw == 3:
        place = s.dice.randrange(len(whole))
        whole = whole[:place] + b"\x00" + whole[place:]
    return at(device, whole)


def half_character(s: Sender) -> Message:
    """Half of a character that takes two, written out or as bytes, in a text that may hold anything."""
    device, body = s.inner("refill")
    body["protocol"]["version"] = s.dice.choice(["\ud800", "x\udfff", "\udc00\ud800"])
    if s.dice.random() < 0.5:
        return at(device, text(sealed(body)))
    return at(device, json.dumps(sealed(json.dumps(body, sort_keys=True, separators=(",", ":")))).encode())


def deep(s: Sender) -> Message:
    depth = s.dice.choice([50, 150, 1000, 20_000])
    nest = s.dice.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth])
    device, body = s.inner()
    inside = canonical(body).replace('"side":"left"', f'"side":{nest}')
    made = s.dice.choice([nest.encode(), text(sealed(inside)), text(sealed(nest)), f'{{"body":{nest}}}'.encode()])
    return at(device, made, s.dice.choice(["reading", "status"]))


def long(s: Sender) -> Message:
    device, outer = s.base()
    whole = text(outer)
    over = LIMIT_BYTES + s.dice.choice([0, 1, 1, 5000]) - len(whole)
    return at(device, whole[:-1] + b" " * over + b"}")


def bad_status(s: Sender) -> Message:
    device, status = s.status()
    if s.dice.random() < 0.5:
        return at(device, text(_changed(s.dice, status)), "status", retain=s.dice.random() < 0.5)
    whole = bytearray(text(status))
    whole[s.dice.randrange(len(whole))] ^= 1 << s.dice.randrange(8)
    return at(device, bytes(whole[: s.dice.choice([None, None, s.dice.randrange(len(whole))])]), "status")


def mixed_up(s: Sender) -> Message:
    """A status where a reading belongs, or the other way round."""
    device, outer = s.base()
    if s.dice.random() < 0.5:
        return at(device, text(outer), "status")
    device, status = s.status()
    return at(device, text(status))
