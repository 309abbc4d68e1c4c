"""The child of `device.analysis_process`: recordings on standard input, answers on standard output, until that ends."""

import ctypes
import os
import signal
import sys

import numpy as np

from device.child_pipe import receive, send
from vision.press import Settings, analyse_recording, analyse_trace
from vision.pressure import PressureTrace
from vision.trace import Trace

WARM_UP_RATE_HZ: float = 60.0
PR_SET_PDEATHSIG: int = 1
NICE: int = 5


def warm_up() -> None:
    """Analyse a made-up press, so that tables and imports are there before somebody waits for them."""
    time_s = np.arange(0.0, 20.0, 1 / WARM_UP_RATE_HZ)
    blanched = np.clip(time_s - 3.0, 0.0, 1.0) * 0.1
    back = np.where(time_s > 9.0, np.exp(-(time_s - 9.0)), 1.0)
    noise = np.random.default_rng(0).normal(0.0, 0.001, time_s.size)
    pressure_s = np.arange(0.0, 20.0, 0.01)
    kpa = np.where((pressure_s > 3.0) & (pressure_s < 9.0), 40.0, 0.0)
    analyse_trace(Trace(time_s, -blanched * back + noise), PressureTrace(pressure_s, kpa), Settings(target_kpa=40.0))


def main() -> None:
    """Answer until the other end goes."""
    # Ctrl-C is for the bedside, which ends this one by going; and it goes with it, whatever it is computing.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Behind camera and probe where there are not enough cores: a reading may be a little late, a pressure may not.
    os.nice(NICE)
    warm_up()
    while True:
        try:
            recording, pressure, target_kpa = receive(sys.stdin.buffer)
        except EOFError:
            return
        # What fails here ends this worker, with its traceback in the log; the next press has a new one.
        send(sys.stdout.buffer, analyse_recording(recording, pressure, Settings(target_kpa=target_kpa)))


if __name__ == "__main__":
    main()
