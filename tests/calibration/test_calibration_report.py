"""The certificate as a PDF: its words and figures are in it, and what moved since the last one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from matplotlib import rc_context

from calibration.figures_text import limits, measured, moved
from calibration.report_pdf import rows_of, write_certificate
from contract.certificate import Certificate, Curve, Figure, StepName, StepOutcome
from contract.source import Device

MADE = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def certificate(offset: float, number: int, previous: int | None = None, trouble: str | None = None) -> Certificate:
    zero = StepOutcome(
        step=StepName.PRESSURE_ZERO,
        at=MADE,
        figures=(
            Figure(name="offset-kpa", value=offset, unit="kPa", uncertainty=0.05, at_least=-0.3, at_most=0.3),
            Figure(name="samples", value=100.0 + number),
        ),
        curves=(Curve(name="drift", x_label="time, s", y_label="kPa", x=(0.0, 1.0, 2.0), y=(offset, 0.0, 0.1)),),
        corrections={"pressure_sensor.zero_kpa": offset},
    )
    focus = StepOutcome(step=StepName.FOCUS, at=MADE, trouble=trouble)
    return Certificate(
        certificate_id=UUID(int=number),
        device=Device(name="bench-1", software_version="1.0", algorithm_version="1.0", configuration_sha256="0" * 64),
        site="01",
        study="demo",
        operator="eng-1",
        simulated=True,
        made_at=MADE,
        due_at=MADE + timedelta(days=365),
        configuration_sha256="1" * 64,
        previous_certificate_id=UUID(int=previous) if previous is not None else None,
        steps=(zero, focus),
    )


def text_of(path: Path) -> str:
    """Return what a PDF written without compression shows, its text as it stands in the page streams."""
    return path.read_bytes().decode("latin-1")


def pages(path: Path) -> int:
    return text_of(path).count("/Type /Page\n") or text_of(path).count("/Type /Page ")


@pytest.fixture(autouse=True)
def readable() -> object:
    # Without compression and with the PDF's own fonts, words stand in the file as they are written.
    with rc_context({"pdf.compression": 0, "pdf.use14corefonts": True}):
        yield


@pytest.mark.slow
def test_a_report_has_verdict_figures_limits_and_curve(tmp_path: Path) -> None:
    path = tmp_path / "one.pdf"
    write_certificate(path, certificate(0.1, 1))
    text = text_of(path)
    for words in (
        "INCOMPLETE",
        "steps are missing",
        "SIMULATED",
        "bench-1",
        "eng-1",
        "offset-kpa",
        "-0.3 to 0.3 kPa",
        "pressure_sensor.zero_kpa",
        "drift",
    ):
        assert words in text, words
    assert "Changed since" not in text


@pytest.mark.slow
def test_a_failed_step_says_why(tmp_path: Path) -> None:
    path = tmp_path / "one.pdf"
    write_certificate(path, certificate(0.5, 1, trouble="The card is not seen."))
    text = text_of(path)
    assert "FAILED" in text
    assert "The card is not seen." in text


@pytest.mark.slow
def test_the_last_certificate_is_drawn_beside_and_what_moved(tmp_path: Path) -> None:
    path = tmp_path / "two.pdf"
    write_certificate(path, certificate(0.2, 2, previous=1), certificate(0.1, 1))
    text = text_of(path)
    assert "last certificate" in text
    assert "Changed since 2026-11-27" in text
    assert "samples" in text


def test_moved_is_judged_by_both_uncertainties() -> None:
    offset, samples = moved(certificate(0.1, 1), certificate(0.2, 2))
    assert offset.en == pytest.approx(0.1 / (0.05 * 2**0.5))
    assert (samples.old, samples.new, samples.en) == (101.0, 102.0, None)


@pytest.mark.slow
def test_many_figures_go_over_several_pages(tmp_path: Path) -> None:
    one = certificate(0.1, 1)
    many = tuple(Figure(name=f"figure-{number}", value=number, at_most=1e9) for number in range(100))
    long = one.model_copy(update={"steps": (one.steps[0].model_copy(update={"figures": many}),)})
    assert len(rows_of(long)) == 101
    path = tmp_path / "many.pdf"
    write_certificate(path, long)
    text = text_of(path)
    assert all(f"figure-{number}" in text for number in range(100))


@pytest.mark.parametrize(
    ("figure", "words", "within"),
    [
        (Figure(name="a", value=0.1234, unit="kPa", uncertainty=0.031, at_most=0.3), "0.123 ± 0.031 kPa", "≤ 0.3 kPa"),
        (Figure(name="a", value=12.34, uncertainty=2.0, at_least=3.0), "12.3 ± 2.0", "≥ 3"),
        (Figure(name="a", value=1234.5, unit="us", uncertainty=120.0), "1234 ± 120 us", ""),
        (Figure(name="a", value=3.0, uncertainty=0.0, at_least=0.0, at_most=3.0), "3", "0 to 3"),
    ],
)
def test_figures_in_words(figure: Figure, words: str, within: str) -> None:
    assert measured(figure) == words
    assert limits(figure) == within
