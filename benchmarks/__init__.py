"""Measures the product from outside and writes what it found under docs/evidence: each module is a command
(`python -m benchmarks.<name>`) that checks before it counts, ends non-zero where a promise is broken, and says in its
report what was simulated. May import every room; no room imports it."""

import os

# As in `refill`: one BLAS thread, also in every worker process.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
