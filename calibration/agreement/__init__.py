"""How well the device agrees with a nurse's stopwatch: paired readings in, statistics with their confidence out.

Arrays in, results out: no files, no clock. `limits` is Bland and Altman's method for repeated pairs, `regression` the
line that allows errors in both, `raters` what raters share, `threshold` what becomes of a study's yes and no. A
stopwatch in a hand is no reference standard: what is told here is agreement, never accuracy.
"""
