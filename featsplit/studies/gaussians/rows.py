"""The rows of this study: a number of the theory beside its simulation."""

from typing import Literal

from featsplit.rows import Row

Theorem = Literal[1, 2, 3, "rule"]


class GaussiansRow(Row, total=False):
    """A number of a `theorem`, or of the "rule" of each solution: its `closed` form, and the same `simulated`.

    `of` says what; `eps` is that of the solution. `error` is the standard error of a simulation with as many `samples`,
    `scale` what a difference is a share of, and `converged` False where the descent has not.
    """

    theorem: Theorem
    of: str
    closed: float
    simulated: float
    error: float
    scale: float
    converged: bool
    samples: int
