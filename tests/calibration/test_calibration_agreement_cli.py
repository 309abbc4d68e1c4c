"""`refill calibrate agreement` as somebody at a desk uses it."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from refill.cli import app


def table(folder: Path, rows: str | None = None) -> Path:
    rng = np.random.default_rng(5)
    lines = ["subject,rater,device_s,stopwatch_s"]
    for subject in range(24):
        true = rng.uniform(1.2, 6.0)
        for rater in "abc":
            device, watch = true + rng.normal(0, 0.2), 0.9 * true + 0.2 + rng.normal(0, 0.5)
            lines.append(f"s{subject},{rater},{max(device, 0.2):.2f},{max(watch, 0.2):.2f}")
    path = folder / "pairs.csv"
    path.write_text("\n".join(lines) if rows is None else rows, encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["calibrate", "agreement", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.mark.slow
def test_every_figure_stands_beside_the_others(tmp_path: Path) -> None:
    code, said = run(table(tmp_path), "--threshold", 3, "--pdf", tmp_path / "report.pdf")
    assert code == 0
    for word in ("bias", "lower limit", "upper limit", "stopwatch =", "ICC(2,1)", "kappa", "least significant change"):
        assert word in said
    report = (tmp_path / "report.pdf").read_bytes()
    assert report.startswith(b"%PDF")
    assert b"/Count 2" in report


def test_a_program_reads_the_same_figures(tmp_path: Path) -> None:
    code, said = run(table(tmp_path), "--json")
    told = json.loads(said)
    assert code == 0
    assert told["limits"]["subjects"] == 24
    assert told["line"]["slope_ci95"][0] < 0.9 < told["line"]["slope_ci95"][1]
    assert 0 < told["at_threshold"]["agree"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ("a,b\n1,2\n", "line 1: expected subject,rater,device_s,stopwatch_s"),
        ("subject,rater,device_s,stopwatch_s\ns1,a,2.0\n", "line 2: 3 fields, not 4"),
        ("subject,rater,device_s,stopwatch_s\ns1,a,2.0,two\n", "line 2: not a number of seconds"),
        ("subject,rater,device_s,stopwatch_s\ns1,a,2.0,2.0\n", "1 subjects are too few"),
        ("", "line 1: expected"),
    ],
)
def test_a_table_that_is_none_is_refused_by_file_and_line(tmp_path: Path, rows: str, word: str) -> None:
    code, said = run(table(tmp_path, rows))
    assert code == 2
    assert f"pairs.csv: {word}" in said
    assert said.count("\n") == 1


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    code, said = run(table(tmp_path), "--pdf", tmp_path / "no" / "report.pdf")
    assert code == 2
    assert "report.pdf: No such file" in said


def test_the_line_is_written_as_a_study_file_takes_it(tmp_path: Path) -> None:
    from firmware_config.study_stopwatch import StopwatchLine

    out = tmp_path / "line.toml"
    code, said = run(table(tmp_path), "--mapping", out, "--named", "site-01.1", "--body-site", "knee")
    assert code == 0
    (section,) = tomllib.loads(out.read_text(encoding="utf-8"))["stopwatch"]
    line = StopwatchLine.model_validate(section)
    assert (line.version, line.body_site, line.subjects, line.pairs) == ("site-01.1", "knee", 24, 72)
    assert f"{line.intercept_s:+.2f} s" in said
    assert 0.8 < line.slope < 1.0
    assert 0 < line.from_s < line.to_s < 7


@pytest.mark.slow
def test_a_line_without_a_name_or_for_no_body_site_is_not_written(tmp_path: Path) -> None:
    out = tmp_path / "line.toml"
    assert run(table(tmp_path), "--mapping", out) == (
        2,
        "refill: --mapping wants --named: the version by which verdicts will name the line\n",
    )
    code, said = run(table(tmp_path), "--mapping", out, "--named", "v1", "--body-site", "ear")
    assert (code, "body_site" in said, out.exists()) == (2, True, False)
