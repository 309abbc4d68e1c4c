"""Topics: there and back, and nothing else gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.topics import Topic, TopicError, parse, subscription

SLUGS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
SITES = st.from_regex(r"[0-9]{2,4}", fullmatch=True).filter(str.isascii)
KINDS = st.sampled_from(["reading", "status", "calibration", "receipt"])


@pytest.mark.slow
@given(st.builds(Topic, SLUGS, SITES, SLUGS, KINDS))
def test_a_topic_comes_back_as_it_was(topic: Topic) -> None:
    assert parse(str(topic)) == topic


@pytest.mark.slow
@given(st.builds(Topic, SLUGS, SITES, SLUGS, KINDS), KINDS)
def test_a_sibling_differs_in_kind_only(topic: Topic, kind) -> None:
    assert topic.sibling(kind) == Topic(topic.study, topic.site, topic.device, kind)


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_topic_that_is_none(text: str) -> None:
    with pytest.raises(TopicError):
        parse(text)


GOOD = "refill/v1/demo/00/bedside-1/reading"


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD + "\n",
        GOOD + "/",
        "/" + GOOD,
        GOOD.upper(),
        GOOD.replace("demo", "+"),
        GOOD.replace("demo", "#"),
        GOOD.replace("demo", "de mo"),
        GOOD.replace("demo", "démo"),
        GOOD.replace("demo", ".."),
        GOOD.replace("demo", ""),
        GOOD.replace("demo", "a" * 64),
        GOOD.replace("demo", "-demo"),
        GOOD.replace("00", "٠٠"),
        GOOD.replace("00", "0"),
        GOOD.replace("00", "00000"),
        GOOD.replace("v1", "v2"),
        GOOD.replace("reading", "readings"),
        GOOD + "\0",
        "$share/g/" + GOOD,
    ],
)
def test_a_hostile_topic_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(TopicError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "+", "a/b", "A", "a\n", "../x"])
def test_a_name_that_is_no_topic_level_never_reaches_the_wire(name: str) -> None:
    for topic in (Topic(name, "00", "d", "reading"), Topic("s", "00", name, "reading")):
        with pytest.raises(TopicError):
            str(topic)


def test_a_subscription_covers_every_site_and_device_of_one_study() -> None:
    assert subscription("demo", "reading") == "refill/v1/demo/+/+/reading"
    assert subscription("demo", "status", "trial") == "$share/trial/refill/v1/demo/+/+/status"
