"""`refill demo`: one bedside measurement from press to CRF row, every process as at the bedside, on the phantom."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    data: Annotated[Path, typer.Option(help="where journal, database, plot and CRF rows go; kept")] = Path("var/demo"),
    crt: Annotated[float, typer.Option(help="true refill time of the simulated skin, 0.3 to 8 s")] = 2.4,
    tone: Annotated[str, typer.Option(help="simulated skin tone, I to VI")] = "IV",
    kind: Annotated[str, typer.Option(help="refill curve: exp, biexp, delayed, sigmoid, overshoot")] = "biexp",
    fault: Annotated[str | None, typer.Option(help="a fault of the picture, see `refill phantom faults`")] = None,
    seed: Annotated[int, typer.Option(help="seed of the simulated skin")] = 1,
    protocol: Annotated[str, typer.Option(help="protocol of the measurement")] = "demo",
) -> None:
    """Measure once on simulated skin, feed it to a trial database over MQTT, and show what came of it.

    Exit 0 once the reading is stored and its receipt is home, 1 where that could not be reached.
    """
    from device.journal import JournalError
    from refill.demo import DemoError, Skin, run_demo

    try:
        run_demo(data, Skin(crt, tone, kind, fault, seed), protocol)
    except (DemoError, JournalError) as error:
        typer.echo(f"refill: {error}", err=True)
        raise typer.Exit(1) from error
