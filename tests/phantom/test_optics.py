"""Skin optics against what is known of skin."""

import numpy as np
import pytest

from phantom.optics import SITE_BLOOD, WAVELENGTHS_NM, band_values, skin_reflectance, skin_table
from phantom.tones import FOREARM_BLOOD, MELANIN, TONES, lab, typology_angle_deg

ANGLE_CLASSES_DEG = {
    "I": (55, 90),
    "II": (41, 55),
    "III": (28, 41),
    "IV": (10, 28),
    "V": (-30, 10),
    "VI": (-90, -30),
}


def test_reflectance_falls_with_melanin_at_every_wavelength() -> None:
    spectra = np.vstack([skin_reflectance(melanin, SITE_BLOOD, 0.7) for melanin in (0.0, 0.05, 0.2, 0.4)])
    assert np.all(np.diff(spectra, axis=0) < 0)
    assert np.all((spectra > 0) & (spectra < 1))


def test_oxygenated_blood_shows_its_two_bands_and_deoxygenated_blood_its_one() -> None:
    at = {int(nm): index for index, nm in enumerate(WAVELENGTHS_NM)}
    oxy, deoxy = (skin_reflectance(0.02, 0.05, saturation)[0] for saturation in (1.0, 0.0))
    assert oxy[at[560]] > oxy[at[540]]
    assert oxy[at[560]] > oxy[at[580]]
    assert deoxy[at[560]] < deoxy[at[530]]
    assert deoxy[at[660]] < oxy[at[660]]


def test_a_perfect_white_is_one_in_every_channel() -> None:
    assert band_values(np.ones((1, len(WAVELENGTHS_NM)))) == pytest.approx(1.0)


@pytest.mark.parametrize("tone", TONES)
def test_green_falls_with_blood_more_than_red(tone: str) -> None:
    ln_rgb = skin_table(tone, 0.7).ln_linear_rgb(np.array([0.01, 0.02, 0.04]))
    red, green = np.diff(ln_rgb[:, 0]), np.diff(ln_rgb[:, 1])
    assert np.all(green < red)
    assert np.all(red < 0)


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("step", [0.03, 0.1, 0.25, 0.5])
def test_the_blanch_step_is_the_asked_one(tone: str, step: float) -> None:
    table = skin_table(tone, 0.7)
    blanched, settled = table.blanch_pair(step)
    assert 0 < blanched < settled
    got = table.ln_linear_rgb(blanched)[1] - table.ln_linear_rgb(settled)[1]
    assert got == pytest.approx(step, rel=0.02)


def test_the_table_agrees_with_the_spectra_it_stands_for() -> None:
    blood = np.array([0.0031, 0.0173, 0.0442, 0.121])
    exact = np.log(band_values(skin_reflectance(MELANIN["IV"], blood, 0.7)))
    assert skin_table("IV", 0.7).ln_linear_rgb(blood) == pytest.approx(exact, abs=1e-4)


def test_a_step_that_no_skin_can_make_is_refused() -> None:
    with pytest.raises(ValueError, match="no dermis blanches by 5"):
        skin_table("III", 0.7).blanch_pair(5.0)


@pytest.mark.parametrize("tone", TONES)
def test_a_forearm_has_the_typology_angle_of_its_tone(tone: str) -> None:
    angle = typology_angle_deg(skin_reflectance(MELANIN[tone], FOREARM_BLOOD, 0.7)[0])
    low, high = ANGLE_CLASSES_DEG[tone]
    assert low < angle < high


def test_lightness_falls_from_tone_to_tone_within_what_is_measured_on_skin() -> None:
    lightness = [lab(skin_reflectance(MELANIN[tone], FOREARM_BLOOD, 0.7)[0])[0] for tone in TONES]
    assert np.all(np.diff(lightness) < -2)
    assert 65 < lightness[0] < 78
    assert 20 < lightness[-1] < 40


def test_a_grey_has_no_colour() -> None:
    lightness, red, yellow = lab(np.full(len(WAVELENGTHS_NM), 0.1842))
    assert lightness == pytest.approx(50, abs=0.1)
    assert (red, yellow) == pytest.approx((0, 0), abs=0.01)
