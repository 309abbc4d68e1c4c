"""A study's lines to the stopwatch: what is taken, and what is refused with its key."""

from pathlib import Path

import pytest

from contract.reading import BodySite
from device.perfusion import criteria_of
from firmware_config.loading import ConfigurationError, load
from firmware_config.study import Study

STUDY = Path("firmware_config/studies/demo.toml")
LINE = """
[[stopwatch]]
version = "v1"
body_site = "finger"
intercept_s = 0.4
slope = 1.1
covariance = [0.01, -0.002, 0.0005]
from_s = 1.0
to_s = 6.0
subjects = 24
pairs = 72
"""


def study(folder: Path, *sections: str) -> Study:
    path = folder / "demo.toml"
    path.write_text(STUDY.read_text(encoding="utf-8") + "".join(sections), encoding="utf-8")
    return load(path, Study)


def test_a_study_with_a_line_compares_stopwatch_seconds(tmp_path: Path) -> None:
    line = criteria_of(study(tmp_path, LINE), None).stopwatch[BodySite.FINGER]
    assert (line.version, line.stopwatch_s(2.0), line.covers(6.1)) == ("v1", pytest.approx(2.6), False)
    assert criteria_of(study(tmp_path), None).stopwatch == {}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ((LINE, LINE), "stopwatch: finger stands there twice"),
        ((LINE.replace("to_s = 6.0", "to_s = 1.2"),), "narrower than 0.5 s"),
        ((LINE.replace("-0.002", "-0.2"),), "covariance is none"),
        ((LINE.replace("subjects = 24", "subjects = 4"),), "subjects"),
        ((LINE.replace("slope = 1.1", "slope = -1.1"),), "slope"),
    ],
)
def test_a_line_that_cannot_be_one_is_refused_by_its_key(tmp_path: Path, sections: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        study(tmp_path, *sections)
