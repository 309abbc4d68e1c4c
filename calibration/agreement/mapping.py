"""The agreement's line as a study file takes it: from the device's seconds to a stopwatch's, and how surely."""

from calibration.agreement.pairs import Pairs
from calibration.agreement.regression import Line
from firmware_config.study_stopwatch import StopwatchLine


def mapping_of(line: Line, pairs: Pairs, body_site: str, version: str) -> StopwatchLine:
    """Return a line with the range that its pairs cover; raises `pydantic.ValidationError` where no study takes it."""
    return StopwatchLine.model_validate(
        {
            "version": version,
            "body_site": body_site,
            "intercept_s": round(line.intercept_s, 4),
            "slope": round(line.slope, 4),
            "covariance": [
                _digits(line.covariance[0, 0]),
                _digits(line.covariance[0, 1]),
                _digits(line.covariance[1, 1]),
            ],
            "from_s": round(float(pairs.device_s.min()), 2),
            "to_s": round(float(pairs.device_s.max()), 2),
            "subjects": pairs.subjects,
            "pairs": len(pairs.device_s),
        }
    )


def mapping_text(line: StopwatchLine) -> str:
    """Return the section as it is put into a study's file."""
    given = line.model_dump()
    rows = [f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in given.items()]
    return "\n".join(["[[stopwatch]]", *rows]) + "\n"


def _digits(value: float) -> float:
    return float(f"{value:.6g}")
