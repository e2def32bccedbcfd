"""How a linear head is fitted on a representation, as records."""

from dataclasses import dataclass, field
from typing import Literal

from featsplit.errors import FeatsplitError, check_count, check_positive


@dataclass(frozen=True)
class Ridge:
    """Least squares of the labels, one-hot, with a `penalty` on the weights: in closed form.

    The representation is scaled to mean 0 and variance 1 first. `penalty` None: the best on a tenth of the training
    images, of powers of ten.
    """

    name: Literal["ridge"] = "ridge"
    penalty: float | None = field(
        default=None,
        metadata={"help": "On the weights.", "default": "the best on a tenth of the training images", "of": ("ridge",)},
    )

    def check(self, place: str = "probe") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        check_positive(f"{place}.penalty", 1.0 if self.penalty is None else self.penalty)


@dataclass(frozen=True)
class SGD:
    """Softmax regression by SGD with momentum .9, its rate falling to 0 as a cosine; scaled as for `Ridge`."""

    name: Literal["sgd"] = "sgd"
    epochs: int = field(default=30, metadata={"help": "Passes over the training images.", "of": ("sgd",), "min": 1})
    batch_size: int = field(default=256, metadata={"help": "Images a step.", "of": ("sgd",), "min": 1})
    lr: float = field(default=0.1, metadata={"help": "The rate at first.", "of": ("sgd",)})
    weight_decay: float = field(default=1e-4, metadata={"help": "On the weights.", "of": ("sgd",)})

    def check(self, place: str = "probe") -> None:
        """Raise FeatsplitError at `place` where a field is out of its range."""
        for name in ("epochs", "batch_size"):
            check_count(f"{place}.{name}", getattr(self, name))
        check_positive(f"{place}.lr", self.lr)
        if not 0 <= self.weight_decay < float("inf"):
            raise FeatsplitError(f"{place}.weight_decay = {self.weight_decay:g}: must be at least 0")


LinearProbe = Ridge | SGD
