"""The child of `refill.curve_process`: traces on standard input, drawings on standard output, until that ends."""

import os
import signal
import sys
from contextlib import suppress

from contract.reading import PressRecord
from device.child_pipe import receive, send
from device.stored_trace import StoredTraceError, read_stored_trace
from trial.page.curve_plot import curve_plot
from trial.page.curve_sheet import CurveError

NICER: int = 5


def drawn(text: bytes, press: PressRecord) -> str | CurveError:
    """Return the drawing of a stored trace, or why there is none."""
    try:
        stored = read_stored_trace(text)
    except StoredTraceError as error:
        return CurveError(f"The trace is here and cannot be read: {error}.")
    return str(curve_plot(stored.analysis(), press, stored.doubt()))


def main() -> None:
    """Answer until the other end goes."""
    # Ctrl-C is for the page, which ends this one by going.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # a sandbox may refuse even that
        os.nice(NICER)
    while True:
        try:
            text, press = receive(sys.stdin.buffer)
        except EOFError:
            return
        # What fails here ends this worker, with its traceback in the log; the next curve has a new one.
        send(sys.stdout.buffer, drawn(text, PressRecord.model_validate_json(press)))


if __name__ == "__main__":
    main()
