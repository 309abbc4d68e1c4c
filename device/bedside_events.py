"""The bedside's progress events as JSON lines, for a terminal or a screen: display only, the journal is the record."""

import json
import os
import threading
from typing import IO

from device.ports import Emit


def json_lines(stream: IO[str]) -> Emit:
    """Return an `Emit` that writes JSON lines to `stream`; a reader that went away stops nothing."""
    gone = threading.Event()

    def emit(event: dict[str, object]) -> None:
        if gone.is_set():
            return
        try:
            stream.write(json.dumps(event, ensure_ascii=False) + "\n")
            stream.flush()
        except OSError:
            gone.set()
            # What is still buffered must go somewhere, or closing the stream at exit fails again.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)

    return emit
