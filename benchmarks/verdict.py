"""A target held against a figure, as every campaign prints it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """One target, whether it is met, and the figure."""

    target: str
    met: bool
    figure: str

    @property
    def line(self) -> str:
        """The verdict as one line."""
        return f"{'met    ' if self.met else 'NOT MET'}  {self.target}: {self.figure}"
