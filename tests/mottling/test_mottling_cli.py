"""`refill mottling`: what is said of a photo, as JSON and in words, and where landmarks and scale come from."""

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mottling_card_bench import Camera, cloth, pointed, with_card
from mottling_photo_bench import TAPS, called, picture, refused, saved, scored, taken_as, told, turned

from contract.mottling import MOTTLING_REASONS, MottlingReason
from refill.mottling_cli import CARD_NOTES, LEVELS
from vision.mottling.find_card import CardProblem
from vision.mottling.levels import Landmarks
from vision.mottling.reasons import Reason
from vision.mottling.result import Assessment

TIPS = {"knee": (-60.0, 60.0), "patella": (-15.0, 60.0), "groin": (250.0, 80.0)}


class Watched:
    """An assessment that keeps what it was asked with."""

    def __init__(self, **more: Any) -> None:
        self._scored = scored(**more)
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, *asked: Any) -> Assessment:
        self.asked.append(asked)
        return self._scored(*asked)


@pytest.fixture
def leg(tmp_path: Path) -> Path:
    return saved(tmp_path / "leg.png", picture())


def test_a_score_is_told_with_everything_it_rests_on(leg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_as(monkeypatch, scored())
    answer = told(leg, *TAPS)
    assert (answer["status"], answer["reason"], answer["sentence"]) == ("measured", None, None)
    assert (answer["score"], answer["max_supported"], answer["at_least"], answer["confidence"]) == (3, 4, False, 0.88)
    shares = {"knee_centre": 0.8, "knee": 0.451, "lower_thigh": 0.1, "upper_thigh": 0.0, "beyond_groin": None}
    assert answer["zones"] == shares
    assert answer["landmarks"] == {"knee": [80.0, 200.0], "patella": [80.0, 170.0], "groin": [80.0, 20.0]}
    assert answer["landmarks_from"] == "given"
    assert (answer["mm_per_px"], answer["scale_from"], answer["mottled_area_cm2"]) == (None, None, None)
    assert answer["photo_sha256"] == hashlib.sha256(leg.read_bytes()).hexdigest()


def test_a_scale_that_is_given_gives_an_area(leg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    taken_as(monkeypatch, watched)
    answer = told(leg, *TAPS, "--mm-per-px", "0.8")
    assert (answer["mm_per_px"], answer["scale_from"], answer["mottled_area_cm2"]) == (0.8, "given", 12.3)
    assert watched.asked[0][2] == 0.8


def test_a_score_in_words(leg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_as(monkeypatch, scored())
    result = called(leg, *TAPS, "--mm-per-px", "0.8")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Mottling score 3 of 5: does not exceed the middle of the thigh",
        "  at most 4 can be told on this photo",
        "  mottled: centre of the knee 80 %, knee 45 %, lower thigh 10 %, upper thigh 0 %, beyond the groin not seen",
        "  mottled area 12 cm2 (scale 0.8 mm/px, given)",
        "  confidence 88 %; landmarks: given",
        "  A person confirms or changes this score.",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("score", range(6))
def test_each_score_is_told_as_its_level(leg: Path, monkeypatch: pytest.MonkeyPatch, score: int) -> None:
    taken_as(monkeypatch, scored(score, max_supported=5))
    first, second, *_ = called(leg, *TAPS).stdout.splitlines()
    assert first == f"Mottling score {score} of 5: {LEVELS[score]}"
    assert "at most" not in second


@pytest.mark.slow
def test_mottling_to_the_end_of_what_is_seen_is_told_as_a_bound(leg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_as(monkeypatch, scored(3, max_supported=3, at_least=True))
    assert called(leg, *TAPS).stdout.startswith("Mottling score 3 or more: it goes on to the end of what can be seen\n")
    assert told(leg, *TAPS)["at_least"] is True


@pytest.mark.slow
@pytest.mark.parametrize("reason", Reason)
def test_a_photo_without_a_score_says_why_and_what_to_do(
    leg: Path, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    taken_as(monkeypatch, lambda *_: Assessment(reason=reason))
    sentence = MOTTLING_REASONS[MottlingReason(reason.value)].english
    answer = told(leg, *TAPS, exit_code=3)
    assert (answer["status"], answer["reason"], answer["sentence"]) == ("not_measurable", reason.value, sentence)
    assert (answer["score"], answer["max_supported"], answer["confidence"]) == (None, None, None)
    assert set(answer["zones"].values()) == {None}
    result = called(leg, *TAPS)
    assert (result.exit_code, result.stdout) == (3, f"Not measurable ({reason.value}): {sentence}\n")


@pytest.mark.slow
def test_without_landmarks_and_without_a_card_there_is_no_score(tmp_path: Path) -> None:
    answer = told(saved(tmp_path / "leg.jpg", cloth(Camera())), exit_code=3)
    assert (answer["score"], answer["landmarks"], answer["landmarks_from"]) == (None, None, None)


@pytest.mark.slow
def test_landmarks_of_a_file_and_of_options_are_the_same(
    leg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_as(monkeypatch, scored())
    (tmp_path / "marks.json").write_text(json.dumps({"knee": [80, 200], "patella": [80, 170], "groin": [80, 20]}))
    assert told(leg, "--landmarks", tmp_path / "marks.json") == told(leg, *TAPS)


@pytest.mark.slow
def test_landmarks_are_pixels_of_the_upright_photo_whatever_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched()
    taken_as(monkeypatch, watched)
    path = turned(saved(tmp_path / "leg.jpg", picture(4000, 3000)), 6)
    answer = told(path, "--knee", "1000,3001", "--patella", "1000,2500", "--mm-per-px", "0.25")
    seen, marks, scale, _ = watched.asked[0]
    assert seen.shape == (2000, 1500, 3)
    assert marks == Landmarks((499.75, 1500.25), (499.75, 1249.75))
    assert scale == 0.5
    assert answer["landmarks"] == {"knee": [1000.0, 3001.0], "patella": [1000.0, 2500.0], "groin": None}
    assert answer["mm_per_px"] == 0.25


@pytest.mark.slow
def test_the_card_gives_landmarks_scale_and_light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    taken_as(monkeypatch, watched)
    camera = Camera(3200, 2400, 3000.0)
    photo = pointed(camera, TIPS, with_card(cloth(camera), camera, (60.0, -90.0)))
    answer = told(saved(tmp_path / "leg.jpg", photo))
    assert (answer["landmarks_from"], answer["scale_from"], answer["notes"]) == ("card", "card", [])
    for name, tip in TIPS.items():
        assert answer["landmarks"][name] == pytest.approx(camera.seen(*tip), abs=4.0)
    assert answer["mm_per_px"] == pytest.approx(camera.mm_per_px(*TIPS["knee"]), rel=0.01)
    assert watched.asked[0][2] == pytest.approx(2 * answer["mm_per_px"], abs=1e-4)
    assert watched.asked[0][3] == pytest.approx([0.2, 0.2, 0.2], rel=0.05)


@pytest.mark.slow
def test_what_is_given_goes_before_what_the_card_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_as(monkeypatch, scored())
    path = saved(tmp_path / "leg.png", pointed(Camera(), TIPS, with_card(cloth(Camera()), Camera(), (60.0, -90.0))))
    answer = told(path, "--knee", "300,700", "--patella", "300,650", "--mm-per-px", "0.9")
    assert (answer["landmarks"]["knee"], answer["landmarks_from"]) == ([300.0, 700.0], "given")
    assert (answer["mm_per_px"], answer["scale_from"]) == (0.9, "given")


@pytest.mark.slow
def test_a_card_that_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_as(monkeypatch, scored())
    mirrored = with_card(cloth(Camera()), Camera())[:, ::-1]
    path = saved(tmp_path / "leg.png", np.ascontiguousarray(mirrored))
    assert told(path, *TAPS)["notes"] == [CARD_NOTES["mirrored"]]
    assert CARD_NOTES["mirrored"] in called(path, *TAPS).stdout


def test_every_problem_of_a_card_has_its_sentence() -> None:
    assert set(CARD_NOTES) == {problem.value for problem in CardProblem}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--knee", "1,2"), "--patella: missing"),
        (("--patella", "1,2"), "--knee: missing"),
        (("--groin", "1,2"), "--knee: missing"),
        (("--knee", "1;2", "--patella", "1,2"), "--knee: '1;2' is not x,y in pixels"),
        (("--knee", "1,2", "--patella", "1,2,3"), "--patella: '1,2,3' is not x,y in pixels"),
        (("--knee", "1,2", "--patella", "1,nan"), "--patella: '1,nan' is not a place"),
        (("--knee", "1,2", "--patella", "1,3", "--groin", "inf,1"), "--groin: 'inf,1' is not a place"),
        ((*TAPS, "--mm-per-px", "0"), "--mm-per-px: 0 is not the scale"),
        ((*TAPS, "--mm-per-px", "nan"), "--mm-per-px: nan is not the scale"),
        ((*TAPS, "--landmarks", "marks.json"), "--landmarks: not together with"),
        (("--landmarks", "gone.json"), "gone.json: no such file"),
    ],
)
def test_wrong_options_are_named_in_one_line(leg: Path, arguments: tuple[str, ...], words: str) -> None:
    refused(leg, *arguments, words=words)


@pytest.mark.slow
def test_the_map_is_the_photo_at_its_size_with_what_was_found_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_as(monkeypatch, scored())
    seen = np.full((3200, 2400, 3), 120, np.uint8)
    path = saved(tmp_path / "leg.jpg", seen)
    result = called(path, "--knee", "1200,2800", "--patella", "1200,2700", "--map", tmp_path / "map.png")
    assert result.exit_code == 0
    drawn = cv2.imread(str(tmp_path / "map.png"))
    assert drawn is not None
    assert drawn.shape == seen.shape
    # The assessment above says: the lower half is mottled, the upper is not.
    upper, lower = drawn[1000:1400, 100:2300].reshape(-1, 3), drawn[1800:2400, 100:2300].reshape(-1, 3)
    assert np.abs(upper.astype(int) - 120).mean() < 2
    assert (lower[:, 0].astype(int) - lower[:, 1]).mean() > 30


@pytest.mark.slow
@pytest.mark.parametrize("place", ["", "gone/map.png"])
def test_a_map_that_cannot_be_written_is_named_and_nothing_is_left(
    leg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    taken_as(monkeypatch, scored())
    refused(leg, *TAPS, "--map", tmp_path / place, words=str(tmp_path / place))
    assert [path.name for path in tmp_path.iterdir()] == ["leg.png"]


def test_a_photo_without_a_score_still_gets_its_map(leg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_as(monkeypatch, lambda *_: Assessment(reason=Reason.LANDMARKS_IMPOSSIBLE))
    assert called(leg, "--knee", "9e9,1", "--patella", "9e9,1", "--map", tmp_path / "map.png").exit_code == 3
    drawn = cv2.imread(str(tmp_path / "map.png"))
    assert drawn is not None
    assert (drawn == picture()).all()
