"""`refill config`: what is wrong with the files of a site, what holds in the end, and what the Pi has to be told."""

from pathlib import Path
from typing import Annotated

import typer

from refill.common import SITE_CONFIG, Config, device_file, fail

app = typer.Typer(help="The configuration of a site.", no_args_is_help=True, rich_markup_mode=None)

NOT_VALID = 2


@app.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER|FILE]...", help=f"default: {SITE_CONFIG.parent}, or the packaged files without one"
        ),
    ] = None,
) -> None:
    """Print every error of every file, `FILE: key: what is wrong`, or how many files are valid. Exit 2 with errors."""
    from firmware_config.checking import check as look

    found = look(paths or [_site_folder()])
    if found.errors:
        fail("\n".join(found.errors), NOT_VALID)
    typer.echo(f"{len(found.files)} file{'s' if len(found.files) != 1 else ''} valid")


@app.command()
def show(
    file: Annotated[
        Path | None, typer.Argument(help=f"default: {SITE_CONFIG}, or the packaged device file without one")
    ] = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="every value that holds, defaults included, each with its origin")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON: key, value, origin, ceiling")] = False,
) -> None:
    """Print a file as it stands; with --effective as it holds, each value with file and line, or as default."""
    import dataclasses
    import json

    from firmware_config.checking import FILES, model_of
    from firmware_config.effective import as_text
    from firmware_config.effective import effective as values_of
    from firmware_config.loading import ConfigurationError

    path = file or _site_folder() / SITE_CONFIG.name
    model = model_of(path)
    if model is None:
        fail(
            f"{path}: file: nobody reads a file of this name; there are {', '.join(FILES)}, studies/ and protocols/", 2
        )
    try:
        values = values_of(path, model)
    except ConfigurationError as error:
        fail(str(error), NOT_VALID)
    if not effective:
        values = [value for value in values if not value.origin.startswith("default")]
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(value) for value in values], ensure_ascii=False))
    else:
        typer.echo(as_text(values))


@app.command()
def boot(
    config: Config = None,
    out: Annotated[Path | None, typer.Option("--out", help="folder to write the files to; default: print them")] = None,
    tuning: Annotated[
        Path | None,
        typer.Option("--tuning", help="libcamera's file for the sensor: write it with our choices in it too"),
    ] = None,
) -> None:
    """Make the Pi's boot settings from the device file: config.txt, chrony, journald, watchdog, fstab."""
    from firmware_config.boot_files import files

    texts = files(device_file(config, simulate=False))
    if tuning is not None:
        texts["camera-tuning.json"] = _tuned(tuning)
    if out is None:
        typer.echo("\n".join(f"==> {name} <==\n{text}" for name, text in texts.items()), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", 1)
    typer.echo(f"wrote {', '.join(texts)} to {out}")


def _site_folder() -> Path:
    """Return the folder of a site's files; the packaged ones where this machine has none."""
    from firmware_config.loading import PACKAGED

    return SITE_CONFIG.parent if any(SITE_CONFIG.parent.glob("*.toml")) else PACKAGED


def _tuned(base: Path) -> str:
    import json

    from firmware_config.camera_tuning import TuningError, tuned

    try:
        return json.dumps(tuned(json.loads(base.read_text(encoding="utf-8"))), indent=4) + "\n"
    except OSError as error:
        fail(f"{base}: {error.strerror}", 2)
    except (ValueError, TuningError) as error:
        fail(f"{base}: {error}", 2)
