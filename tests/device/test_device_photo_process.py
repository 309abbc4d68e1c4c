"""The program that looks at a photo: an answer, a sentence, or an error; never a bedside that waits for ever."""

import sys
import threading
from pathlib import Path

import pytest
from device_bench import scored

from contract.mottling import LegLandmarks
from device.photo_process import PhotoError, PhotoLook, PhotoProcess

pytestmark = pytest.mark.slow

MARKS = LegLandmarks(knee=(1.0, 2.0), patella=(1.0, 1.0))
BEGIN = """
import sys
sys.path.insert(0, {tests!r})
from device.child_pipe import receive, send
content, landmarks = receive(sys.stdin.buffer)
"""


def program(rest: str) -> list[str]:
    return [sys.executable, "-c", BEGIN.format(tests=str(Path(__file__).parent)) + rest]


def test_photo_and_landmarks_go_there_and_what_was_found_comes_back() -> None:
    rest = (
        "from device_bench import scored\nfrom device.photo_process import PhotoLook\n"
        "send(sys.stdout.buffer, PhotoLook(scored(len(content)), landmarks, content * 2))"
    )
    look = PhotoProcess(program(rest))(b"abc", MARKS)
    assert look == PhotoLook(scored(3), MARKS, b"abcabc")


def test_a_photo_that_cannot_be_read_comes_back_as_a_sentence() -> None:
    with pytest.raises(PhotoError, match=r"^The photo cannot be read: it is cut short\.$"):
        PhotoProcess(program("send(sys.stdout.buffer, 'The photo cannot be read: it is cut short.')"))(b"abc", None)


@pytest.mark.parametrize("rest", ["raise SystemExit(3)", "sys.stdout.buffer.write(b'xx')", "import os; os.abort()"])
def test_a_program_that_dies_is_an_error_and_the_next_photo_has_a_new_one(rest: str) -> None:
    process = PhotoProcess(program(rest))
    for _ in range(2):
        with pytest.raises(PhotoError, match="ended without an answer"):
            process(b"abc", None)


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(PhotoError, match="ended without an answer"):
        PhotoProcess(program("import time; time.sleep(600)"), limit_s=0.5)(b"abc", None)


def test_the_end_of_the_bedside_ends_the_program() -> None:
    process = PhotoProcess(program("sys.stdout.buffer.flush(); sys.stdin.buffer.read()"))
    errors: list[PhotoError] = []

    def look() -> None:
        with pytest.raises(PhotoError) as caught:
            process(b"abc", None)
        errors.append(caught.value)

    thread = threading.Thread(target=look)
    thread.start()
    process.end()
    thread.join(30)
    assert len(errors) == 1
    with pytest.raises(PhotoError, match="ending"):
        process(b"abc", None)
