"""Logs: one line an event, with systemd's priority, and nobody can be told from them."""

import io
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from device_bench import reading
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.envelope import canonical_json
from contract.reading import BodySite, Reading, Subject
from device import logs
from device.console_words import Choice
from device.logs import MASK, OneLine, in_words, masked

HERE = Path(__file__).resolve().parents[2]
MARKER = "778899"
CHOICE = Choice(
    study="demo", subject=Subject(site="00", inclusion=MARKER), body_site=BodySite.FINGER, protocol="demo", event=None
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a process writes that has configured its logging."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    sys.excepthook, threading.excepthook = before[2], before[3]
    logging.captureWarnings(capture=False)


def refused(**change: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Reading.model_validate({**reading(1).model_dump(), **change})
    return caught.value


def test_a_line_is_a_line(written: io.StringIO) -> None:
    logging.getLogger("x").info("two\nlines\tand \x1b[31mcolour")
    assert written.getvalue() == "two lines and ?[31mcolour\n"


@pytest.mark.parametrize(
    "text",
    [
        f"chosen 00-{MARKER}",
        f"subject 00-{MARKER}.",
        f"({MARKER})",
        f"inclusion={MARKER}",
        f"inclusion: '{MARKER}'",
        f'"inclusion": "{MARKER}"',
        f"Inclusion number {MARKER}",
        CHOICE.model_dump_json(),
        repr(CHOICE.model_dump()),
        repr(CHOICE),
        str(CHOICE.subject),
        "subject 01-0042 was chosen",
        "01-7",
        "0042",
        "inclusion 7",
        canonical_json(reading(1)),
    ],
)
def test_who_was_measured_is_masked(text: str) -> None:
    line = masked(f"before {text} after")
    assert MASK in line
    for number in (MARKER, "0042", "01-7", "0001", "inclusion 7"):
        assert number not in line


@pytest.mark.parametrize(
    "text",
    [
        "record 12: stored",
        "connected to the broker 127.0.0.1:1883",
        "held 10.0 s at 40.1 kPa, released in 110 ms",
        "A broken journal was set aside as journal-broken-20261123T000000Z.sqlite. Call the study engineer.",
        "2026-11-26T03:00:00+01:00",
        "session 11111111-2222-4333-8444-555555555555",
        "console 3: connected by user 1000",
        "sensor_stale cleared by operator ab1",
        "The broker 10.0.0.7:8883 does not answer: timed out. Trying again in 60 s.",
        "Only 312 MB are free. Call the study engineer.",
        "subject.inclusion: String should match pattern",
        "Choose the subject first.",
        "/run/refill/bedside.sock: another bedside process is running",
    ],
)
def test_what_the_engineer_needs_stays(text: str) -> None:
    assert masked(text) == text


@given(st.text(max_size=300))
def test_whatever_is_logged_is_one_printable_line(text: str) -> None:
    line = masked(text)
    assert line.isprintable()


@pytest.mark.slow
@given(site=st.from_regex(r"[0-9]{2,4}", fullmatch=True), inclusion=st.from_regex(r"[0-9]{1,6}", fullmatch=True))
def test_no_subject_of_any_form_comes_through(site: str, inclusion: str) -> None:
    for text in (f"subject {site}-{inclusion} is", f"'{site}-{inclusion}'", f"{{'inclusion': '{inclusion}', 'a': 1}}"):
        assert not re.search(rf"(?<!\d){inclusion}(?!\d)", masked(text))


def test_a_record_that_was_cut_is_masked_to_its_end() -> None:
    assert masked('got {"subject":{"site":"00","inclusion":"77') == f"got {MASK}"
    assert masked("{a set} of {things}") == "{a set} of {things}"


def test_masking_takes_no_time_whatever_the_line() -> None:
    # What grows with the square of a line's length takes minutes here; the alarm only keeps the tests from hanging.
    def hangs(*_: object) -> None:
        pytest.fail("masking does not come to an end")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(60)
    try:
        for hostile in ("{" * 100_000, '{"' * 50_000, "inclusion=" * 10_000, "input_value=" * 10_000, "1-" * 50_000):
            assert masked(hostile)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_long_line_is_cut() -> None:
    assert len(masked("word " * 10_000)) < 2100


def test_an_exception_is_one_line_with_its_place_and_without_what_was_given(written: io.StringIO) -> None:
    error = refused(subject={"site": "00", "inclusion": f"Jeanne {MARKER}"})
    assert "Jeanne" in str(error), "pydantic tells what it was given"
    try:
        raise error
    except ValidationError:
        logging.getLogger("x").exception("the record was refused")
    line = written.getvalue()
    assert line.count("\n") == 1
    assert line.startswith("the record was refused [ValidationError: 1 validation error for Reading subject.inclusion")
    assert "test_device_logs.py:" in line
    assert "Jeanne" not in line
    assert MARKER not in line


@pytest.mark.parametrize(
    "given", ["Jean", "a, input_type=str Jean", "a]Jean", "a\nJean", "a, input_value=b]Jean", "{'x': 'Jean'}", 778899]
)
def test_what_a_check_was_given_never_comes_through(given: object, written: io.StringIO) -> None:
    logging.getLogger("x").error("refused", exc_info=refused(subject={"site": "00", "inclusion": given}))
    logging.getLogger("x").error("refused: %s", refused(operator=given, subject=given))
    assert "Jean" not in written.getvalue()
    assert MARKER not in written.getvalue()
    assert written.getvalue().count("\n") == 2


def test_an_exception_of_a_thread_is_one_masked_line_too(written: io.StringIO) -> None:
    def fails() -> None:
        raise RuntimeError(f"no measurement of 00-{MARKER}")

    thread = threading.Thread(target=fails, name="camera")
    thread.start()
    thread.join()
    line = written.getvalue()
    assert line.startswith(f"the thread camera ended by an error [RuntimeError: no measurement of {MASK}; at ")
    assert line.count("\n") == 1


def test_the_innermost_places_are_named_first() -> None:
    def inner() -> None:
        raise ValueError("x")

    try:
        inner()
    except ValueError as error:
        words = in_words(error)
    assert re.fullmatch(r"ValueError: x; at test_device_logs\.py:(\d+) < test_device_logs\.py:\d+", words)


@pytest.mark.parametrize(
    ("level", "prefix"),
    [
        (logging.CRITICAL, "<2>"),
        (logging.ERROR, "<3>"),
        (logging.WARNING, "<4>"),
        (logging.INFO, "<6>"),
        (logging.DEBUG, "<7>"),
    ],
)
def test_the_journal_is_told_the_priority(level: int, prefix: str) -> None:
    record = logging.LogRecord("x", level, "", 0, "word", None, None)
    assert OneLine(priorities=True).format(record) == f"{prefix}word"
    assert OneLine().format(record) == "word"


SCRIPT = """
import logging, os, sys
from device import logs
if sys.argv[1] == "journal":
    found = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
logs.configure()
logging.getLogger("x").warning("word")
raise RuntimeError("inclusion 778899")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("where", "prefixes"), [("journal", ("<4>", "<2>")), ("terminal", ("", ""))])
def test_a_process_that_ends_by_an_error_says_so_in_one_line(where: str, prefixes: tuple[str, str]) -> None:
    environment = {**os.environ, "JOURNAL_STREAM": "1:1"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, where],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=HERE,
        env=environment,
        check=False,
    )
    first, last = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert first == f"{prefixes[0]}word"
    assert last == f"{prefixes[1]}the process ended by an error [RuntimeError: {MASK}; at <string>:9]"
