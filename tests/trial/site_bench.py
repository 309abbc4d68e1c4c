"""What the tests of a site's folder share: the commands as a person types them, and looks into the folder."""

from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from refill.site_cli import app
from trial.certificates import read_certificate, revoked_serials

NOW = datetime.now(UTC)
DEVICE = ("--study", "demo", "--site", "00")


def run(folder: Path, command: str, *arguments: object, code: int = 0) -> str:
    where = [str(folder)] if command == "init" else ["--folder", str(folder)]
    result = CliRunner().invoke(app, [command, *where, *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def acl_of(folder: Path) -> str:
    return (folder / "broker" / "acl").read_text()


def serial(bundle: Path) -> int:
    return read_certificate((bundle / "client.crt").read_bytes()).serial_number


def revoked(folder: Path) -> set[int]:
    return revoked_serials((folder / "broker" / "crl.pem").read_bytes())
