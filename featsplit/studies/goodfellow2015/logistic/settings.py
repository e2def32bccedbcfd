"""The settings of the experiment "logistic": which two classes, which ways to train, which eps."""

from dataclasses import dataclass

from featsplit.errors import FeatsplitError, check_count, check_positive
from featsplit.studies.goodfellow2015.logistic.model import Arm


@dataclass(frozen=True)
class Logistic:
    """What decides the numbers of logistic regression, but for the data.

    Of `classes` the first is y = -1; images have their own size or `resize`, and as many train as `limit` says.
    `adversarial` are the eps to train against, each with the exact loss and with the printed one; `l1` and `l2` the
    weights of penalties. `eps` are those of the attack, in linf, and `steps` those of PGD. `iterations` are the
    optimiser's, of a loss that has a minimum; without regularisation it has none where the classes can be separated,
    and weights only grow: there the optimiser stops after `early`.
    """

    classes: tuple[str, ...] = ("3 - three", "7 - seven")
    resize: int | None = None
    limit: int | None = None
    adversarial: tuple[float, ...] = (0.1, 0.25)
    l1: tuple[float, ...] = (0.0025, 0.025)
    l2: tuple[float, ...] = (0.01,)
    eps: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
    iterations: int = 100
    early: int = 20
    steps: int = 10

    def check(self, place: str = "logistic") -> None:
        """Raise FeatsplitError at `place` for the first setting out of its range."""
        if len(self.classes) != 2:
            raise FeatsplitError(f'{place}.classes: must be two, the first as y = -1, such as ["3", "7"]')
        for name in ("adversarial", "l1", "l2", "eps"):
            sizes: tuple[float, ...] = getattr(self, name)
            for size in sizes:
                check_positive(f"{place}.{name}", size)
            if len(set(sizes)) < len(sizes):
                raise FeatsplitError(f"{place}.{name} = {list(sizes)}: give each once")
        if not self.eps:
            raise FeatsplitError(f"{place}.eps: is empty; give sizes in linf, such as [0.1, 0.25]")
        for name in ("iterations", "early", "steps"):
            check_count(f"{place}.{name}", getattr(self, name))

    def arms(self) -> list[Arm]:
        """The ways to train, in the order of the tables."""
        return [
            Arm("plain"),
            *(Arm("adversarial", eps) for eps in self.adversarial),
            *(Arm("l1", size) for size in self.l1),
            *(Arm("l2", size) for size in self.l2),
            *(Arm("as printed", eps) for eps in self.adversarial),
        ]

    def iterations_of(self, arm: Arm) -> int:
        """How many iterations the classifier of `arm` is trained for."""
        return self.early if arm.kind in ("plain", "as printed") else self.iterations
