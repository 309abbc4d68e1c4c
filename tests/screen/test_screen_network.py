"""The page for a tablet: over TLS, behind a PIN, in a real Chromium; and what it refuses at the start."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Error as Refused
from playwright.sync_api import expect
from screen_bench import TABLET, a_browser
from typer.testing import CliRunner

from benchmarks.servers import free_port
from device.screen.access import TRIES, sealed
from firmware_config.device import DEFAULT_PATH
from refill.cli import app

pytestmark = pytest.mark.slow

NURSE = "4711"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bed7")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = folder / "screen.pem", folder / "screen.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    return files


def device_file(folder: Path, screen: str) -> Path:
    text = DEFAULT_PATH.read_text(encoding="utf-8")
    before, _, after = text.partition("[screen]")
    rest = after[after.index("\n[storage]") :]
    path = folder / "device.toml"
    path.write_text(f"{before}[screen]\n{screen}\n{rest}", encoding="utf-8")
    return path


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    pem, key = certificate(folder)
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "screen-pins").write_text(sealed("nurse", NURSE) + "\n", encoding="ascii")
    config = device_file(
        folder, f'port = {port}\ncertificate_file = "{pem}"\nkey_file = "{key}"\npins_credential = "screen-pins"\n'
    )
    command = [sys.executable, "-m", "refill", "screen", "serve", "--config", str(config), "--data", str(folder)]
    process = subprocess.Popen(
        [*command, "--console", str(folder / "none.sock")],
        env=os.environ | {"CREDENTIALS_DIRECTORY": str(credentials)},
        stderr=(folder / "log").open("wb"),
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(credentials)


def test_a_tablet_comes_in_by_tls_and_pin_and_is_locked_out_for_guessing(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, port), a_browser() as browser:
        page = browser.new_context(viewport=TABLET, ignore_https_errors=True).new_page()  # type: ignore[arg-type] # a dict
        url = f"https://127.0.0.1:{port}/"
        until_s = time.monotonic() + 30
        while True:
            try:
                page.goto(url)
                break
            except Refused:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.3)
        assert page.locator("script").count() == 0

        def enter(pin: str) -> None:
            page.locator("input[name=pin]").fill(pin)
            page.get_by_role("button", name="OK").click()

        enter("0000")
        expect(page.get_by_text("Wrong PIN")).to_be_visible()
        enter(NURSE)
        expect(page.get_by_text("The measuring program does not answer")).to_be_visible(timeout=20_000)
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
        page.goto(f"{url}logout")
        expect(page.locator("input[name=pin]")).to_be_visible()
        for _ in range(TRIES):
            enter("9999")
        enter(NURSE)
        expect(page.get_by_text("Too many wrong PINs")).to_be_visible()
    assert NURSE not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("screen", "words"),
    [
        ('host = "0.0.0.0"', "screen: Value error, 0.0.0.0 is the network: needs certificate_file"),
        ('host = "bed7"\ncertificate_file = "/a"\nkey_file = "/b"', "pins_credential"),
        ('certificate_file = "/a"', "certificate_file and key_file go together"),
        ("port = 80", "screen.port"),
        ('pins_credential = "screen-pins"', "the credential screen-pins was not handed over by systemd"),
    ],
)
def test_the_network_without_a_door_is_refused_at_the_start(tmp_path: Path, screen: str, words: str) -> None:
    result = CliRunner().invoke(app, ["screen", "serve", "--config", str(device_file(tmp_path, screen))])
    assert result.exit_code in (1, 2)
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_pin_is_sealed_for_the_credential_and_not_shown() -> None:
    made = CliRunner().invoke(app, ["screen", "pin", "nurse"], input="4711\n4711\n")
    assert made.exit_code == 0
    assert made.stdout.splitlines()[-1].startswith("nurse:")
    assert "4711" not in made.stdout
    refused = CliRunner().invoke(app, ["screen", "pin", "nurse"], input="1234\n1234\n")
    assert (refused.exit_code, "nurse:" in refused.stdout) == (2, False)
    assert CliRunner().invoke(app, ["screen", "pin", "boss"]).exit_code == 2
