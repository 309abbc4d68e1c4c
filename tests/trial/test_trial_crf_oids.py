"""The study's own identifiers of the CRF: in every place of the ODM file, and refused with file and key where wrong."""

from pathlib import Path

import pytest
from feed_bench import LATER, STUDY, small_trial
from sqlalchemy import Engine

from firmware_config.loading import ConfigurationError, load_named
from firmware_config.study import Study
from firmware_config.study_crf import FIELDS, Crf
from trial import crf_csv, crf_mottling
from trial.crf.odm import export_odm

FILE = 'name = "x"\ntitle = "X"\nsites = ["12"]\nevents = ["inclusion", "day-1"]\n[crf]\n'


def test_the_fields_are_those_of_the_export() -> None:
    assert FIELDS["refill"] == tuple(column.name for column in crf_csv.COLUMNS)
    assert FIELDS["mottling"] == tuple(column.name for column in crf_mottling.COLUMNS)


@pytest.mark.slow
def test_the_file_speaks_the_studys_identifiers_and_no_default_in_their_place(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    crf = Crf(study_oid="S.OWN", events={"inclusion": "SE.INCL"}, refill={"crt_s": "I.CRT"})
    out = tmp_path / "odm.xml"
    assert export_odm(engine, STUDY.model_copy(update={"crf": crf}), out, "Transactional", LATER) == 7
    text = out.read_text(encoding="utf-8")
    for own, default in (("S.OWN", "S.demo"), ("SE.INCL", "SE.inclusion"), ("I.CRT", "I.refill.crt_s")):
        assert f'"{own}"' in text
        assert f'"{default}"' not in text
    assert 'ItemData ItemOID="I.CRT"' in text
    assert 'StudyEventData StudyEventOID="SE.INCL"' in text
    assert 'StudyEventData StudyEventOID="SE.day-1"' in text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('refill = { crt_s = "1.CRT" }', "crf.refill.crt_s"),
        ('refill = { crt_s = "I CRT" }', "crf.refill.crt_s"),
        ('study_oid = "S:X"', "crf.study_oid"),
        ('refill = { crt = "I.CRT" }', "crf.refill.crt: is no field"),
        ('refill = { crt_s = "I.A" }\nmottling = { side = "I.A" }', "crf.mottling.side: I.A stands there twice"),
        ('refill = { crt_s = "I.refill.side" }', "I.refill.side stands there twice"),
        ('events = { day-9 = "SE.9" }', "crf.events.day-9: is not among events"),
        ('events = { inclusion = "SE.day-1" }', "crf.events.day-1: SE.day-1 stands there twice"),
    ],
)
def test_wrong_identifiers_are_refused_with_file_and_key(tmp_path: Path, lines: str, words: str) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "x.toml").write_text(FILE + lines + "\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_named("studies", "x", Study, tmp_path)
    assert "x.toml" in str(caught.value)
    assert words in str(caught.value)
