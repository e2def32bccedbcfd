"""The settings of the two Gaussians."""

import math
from dataclasses import dataclass

from featsplit.engine.study import StudySettings
from featsplit.errors import FeatsplitError

MOST_DIMENSIONS, MOST_MEAN, VARIANCES, MOST_EPS, LEAST_SAMPLES = 10, 1e3, (1e-3, 1e3), 1e3, 100
"""The range in which the simulation converges; `MOST_EPS` is in units of the least standard deviation."""
UNITS = "; only ratios matter, so take another unit of length"


@dataclass(frozen=True, kw_only=True)
class Settings(StudySettings):
    """The mean mu* of class 1, the variances s, the radii `eps`, and how many samples to simulate with.

    `penalty` is Theorem 1's C, above 1 / min(s); None: twice that. The defaults are those of the paper's Figure 4.
    """

    study: str = "gaussians"
    name: str = "gaussians"
    mean: tuple[float, ...] = (10.0, -1.0)
    variances: tuple[float, ...] = (21.6, 0.86)
    eps: tuple[float, ...] = (0.0, 1.0, 10.0)
    penalty: float | None = None
    samples: int = 50_000

    def check(self) -> None:
        """Raise FeatsplitError for the first setting out of its range."""
        if not len(self.mean) == len(self.variances) >= 2 or len(self.mean) > MOST_DIMENSIONS:
            raise FeatsplitError(
                f"mean and variances: have {len(self.mean)} and {len(self.variances)} numbers; give as many to "
                f"each, 2 to {MOST_DIMENSIONS}"
            )
        low, high = VARIANCES
        if not all(low <= variance <= high for variance in self.variances):
            raise FeatsplitError(f"variances = {list(self.variances)}: must be from {low:g} to {high:g}{UNITS}")
        if not any(self.mean):
            raise FeatsplitError(f"mean = {list(self.mean)}: the two classes would be one; give a number other than 0")
        if not all(abs(value) <= MOST_MEAN for value in self.mean):
            raise FeatsplitError(f"mean = {list(self.mean)}: must be from -{MOST_MEAN:g} to {MOST_MEAN:g}{UNITS}")
        self._check_adversary()
        if self.samples < LEAST_SAMPLES:
            raise FeatsplitError(f"samples = {self.samples}: must be at least {LEAST_SAMPLES}")
        if self.precision != "auto":
            raise FeatsplitError(f'precision = "{self.precision}": the simulation is in float64 always; leave it out')

    def _check_adversary(self) -> None:
        most, least = MOST_EPS * math.sqrt(min(self.variances)), 1 / min(self.variances)
        if not self.eps:
            raise FeatsplitError("eps: is empty; give the adversary's radii, such as [0.0, 1.0]")
        if not all(0 <= eps <= most for eps in self.eps):
            raise FeatsplitError(
                f"eps = {list(self.eps)}: must be from 0 to {most:g}, {MOST_EPS:g} times the least standard deviation"
            )
        if self.penalty is not None and not least * (1 + 1e-6) <= self.penalty < math.inf:
            raise FeatsplitError(
                f"penalty = {self.penalty:g}: must be above 1 / the least variance = {least:g}, by a millionth of it "
                "or more, or the adversary's gain has no bound"
            )

    @property
    def price(self) -> float:
        """C, what the adversary of Theorem 1 pays."""
        return self.penalty or 2 / min(self.variances)

    def is_small(self) -> bool:
        """False: a simulation takes less time than it takes to start a process."""
        return False
