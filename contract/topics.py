"""MQTT topics: `refill/v1/<study>/<site>/<device>/<kind>`."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["reading", "status", "calibration", "receipt"]

_KINDS: tuple[Kind, ...] = get_args(Kind)
_LEVEL = r"[a-z0-9][a-z0-9-]{0,62}"
_TOPIC = re.compile(rf"refill/v1/({_LEVEL})/([0-9]{{2,4}})/({_LEVEL})/({'|'.join(_KINDS)})")


class TopicError(ValueError):
    """A topic is not one of ours."""


@dataclass(frozen=True)
class Topic:
    """Whose message it is, and of which kind."""

    study: str
    site: str
    device: str
    kind: Kind

    def __str__(self) -> str:
        """Return the topic as it stands on the wire; raises `TopicError` where a level could not be one."""
        text = f"refill/v1/{self.study}/{self.site}/{self.device}/{self.kind}"
        if not _TOPIC.fullmatch(text):
            raise TopicError(f"not a topic: {text!r}")
        return text

    def sibling(self, kind: Kind) -> "Topic":
        """Return the same device's topic of another kind."""
        return Topic(self.study, self.site, self.device, kind)


def parse(text: str) -> Topic:
    """Return the parts of a topic; raises `TopicError` for anything that is not exactly one of ours."""
    match = _TOPIC.fullmatch(text)
    if match is None:
        raise TopicError(f"not a topic: {text[:200]!r}")
    study, site, device, kind = match.groups()
    for known in _KINDS:
        if kind == known:
            return Topic(study, site, device, known)
    raise AssertionError(kind)


def subscription(study: str, kind: Kind, group: str | None = None) -> str:
    """Return the filter for one kind of all sites and devices of a study; with `group`, shared between its members."""
    plain = f"refill/v1/{study}/+/+/{kind}"
    return f"$share/{group}/{plain}" if group else plain
