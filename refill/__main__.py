"""`python -m refill`, for processes that one of ours starts."""

from refill.cli import main

main()
