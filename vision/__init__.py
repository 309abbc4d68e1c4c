"""Arrays in, results out: the haemoglobin signal, the refill time with its uncertainty, and whether it can be trusted.

No files, clocks, threads or hardware; no other room is imported. One press runs through `grid` (frames of any `frames`
layout to a small grid of linear colour means), `pressure` (time zero and how the press was made), `region` (where the
skin blanched), `refill` (the estimator) and `quality` (one leading reason where there is no number); `press` calls them
in that order. Same input, same digits. The mottling score of a leg from one photo is a way of its own: `mottling`.
"""

ALGORITHM_VERSION: str = "2.3"
"""Changes whenever the same trace may give other digits."""
