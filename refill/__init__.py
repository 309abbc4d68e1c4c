"""The command: the one room that may import all others, and the one place where they are wired together.

`refill.cli` is the command line. Each area has a module of its own and imports what it needs when it runs, so that
`refill --help` answers at once. `refill.simulation` is where simulated hardware is chosen, by name, and nowhere else.
"""

import os

# Matrices here are small. A second BLAS thread makes them slower, keeps the camera from its turn, and lets the last
# digit of a result depend on the number of cores. Read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
