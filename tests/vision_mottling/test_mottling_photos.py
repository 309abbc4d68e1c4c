"""Real photos of other things: wherever the marks are put on them, there is no score."""

import pytest

from benchmarks.mottling_photos import NAMES, marks_on, photo
from vision.mottling.assess import assess

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", [*NAMES])
def test_what_is_no_leg_gets_no_score(name: str) -> None:
    picture = photo(name)
    scored = [marks for marks in marks_on(picture.shape, 6, seed=1) if assess(picture, marks).score is not None]
    assert scored == []
