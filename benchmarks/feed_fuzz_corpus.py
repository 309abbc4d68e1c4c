"""JSON texts as hypothesis makes them: from a seed, all at once, before anything is sent."""

import json

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

_NAMES = st.sampled_from(["schema_version", "body", "sha256", "state", "at", "reading_id", "device_seq", "result"])
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["1.1", "2.0"])
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def corpus(texts: int, number: int) -> list[str]:
    """Return that many JSON texts, NaN and infinity among them, half characters written out."""
    made: list[str] = []

    @seed(number)
    @settings(
        max_examples=texts,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_VALUES, st.booleans())
    def collect(value: object, spaced: bool) -> None:
        made.append(json.dumps(value) if spaced else json.dumps(value, separators=(",", ":"), sort_keys=True))

    collect()
    return made
