"""What `refill bedside`, `publish` and `journal` refuse in one sentence, and the journal's commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from device_bench import DEVICE, reading

from device.journal import Journal

pytestmark = pytest.mark.slow


def run_cli(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "refill", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("bedside", "--crt", "2"), 2, "go with --simulate"),
        (("bedside",), 2, "device.toml"),
        (("bedside", "--simulate", "--subject", "99-0001"), 2, "no site 99"),
        (("bedside", "--simulate", "--subject", "nobody"), 2, "site and inclusion number"),
        (("bedside", "--simulate", "--subject", "00-0001", "--protocol", "none"), 2, "no such file; there are"),
        (
            ("bedside", "--simulate", "--subject", "00-0001", "--protocol", "chiba-5n", "--body-site", "knee"),
            2,
            "not for the knee",
        ),
        (("bedside", "--simulate", "--subject", "00-1", "--operator", "Dr X"), 2, "operator"),
        (("bedside", "--simulate", "--event", "inclusion"), 2, "go with --subject"),
        (("bedside", "--simulate", "--tone", "XII", "--data", "{}"), 2, "phantom cannot be that"),
        (("publish", "--simulate", "--host", "broker.example"), 2, "tls"),
        (("journal", "show", "--data", "{}"), 1, "no journal"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    folder: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run_cli(*(argument.format(folder) for argument in arguments))
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_the_journal_commands_show_check_and_export(folder: Path) -> None:
    with Journal.open(folder / "journal.sqlite", DEVICE) as journal:
        journal.append(reading)
    shown = run_cli("journal", "show", "--data", str(folder))
    assert "2.00 s  waiting simulated" in shown.stdout
    assert "1 records, 1 without a receipt" in shown.stdout
    assert run_cli("journal", "verify", "--data", str(folder)).stdout == "1 records, 0 traces: the chain is whole\n"
    exported = run_cli("journal", "export", "--data", str(folder), "--out", str(folder / "out"))
    assert exported.returncode == 0
    assert run_cli("journal", "export", "--data", str(folder), "--out", str(folder / "out")).returncode == 1
