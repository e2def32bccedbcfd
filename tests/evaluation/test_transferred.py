"""Transferred examples: by hand, on images of two pixels and networks that look at one of them."""

import pytest
import torch
from torch import Tensor, nn

from featsplit.data.images import ImageData, Split
from featsplit.evaluation import Attack, accuracy_transferred
from featsplit.models import Classifier, build
from featsplit.runtime import Machine

LEFT, RIGHT = 0, 1


class Pixel(nn.Module):
    """How far a pixel is above a threshold, in one of two directions: (N, 1)."""

    def __init__(self, place: int, edge: float, sign: float) -> None:
        super().__init__()
        self.place, self.edge, self.sign = place, edge, sign

    def forward(self, inputs: Tensor) -> Tensor:
        return self.sign * 20 * (inputs.flatten(1)[:, self.place : self.place + 1] - self.edge)


def reader(place: int, edge: float, *, above: int = 1, sign: float = 1.0) -> Classifier:
    """Of three classes it reads `above` where the pixel is above `edge`, else 0."""
    head = nn.Linear(1, 3)
    weight, bias = torch.zeros(3, 1), torch.full((3,), -50.0)
    weight[0], weight[above], bias[0], bias[above] = -1.0, 1.0, 0.0, 0.0
    head.load_state_dict({"weight": weight, "bias": bias})
    return Classifier(Pixel(place, edge, sign), head, shape=(1, 1, 2))


SPLIT = Split(
    torch.tensor([[0.6, 0.9], [0.9, 0.9], [0.4, 0.9], [0.45, 0.1]]).view(4, 1, 1, 2), torch.tensor([1, 1, 1, 0])
)
"""The source reads 1 above 0.5 of the left pixel, and its examples move that pixel by 0.2: the first image goes to 0.4
and fools it; the second to 0.7, and does not; the third was misread before; the fourth, of class 0, goes to 0.65 and
fools it."""
JUDGES = {
    "itself": reader(LEFT, 0.5),
    "right": reader(RIGHT, 0.5),
    "higher": reader(LEFT, 0.62),
    "lower": reader(LEFT, 0.3),
    "third": reader(LEFT, 0.6001, above=2),
    "contrary": reader(LEFT, 0.5, sign=-1.0),
}


def transferred(*, targeted: bool) -> dict[str, tuple[int, float]]:
    found = accuracy_transferred(
        reader(LEFT, 0.5),
        JUDGES,
        SPLIT,
        attack=Attack("pgd", norm="l2", eps=0.2, steps=5, step_size=0.1),
        targeted=targeted,
    )
    assert all(
        (row["attack"], row["eps"], row["steps"], row["step_size"]) == ("pgd", 0.2, 5, 0.1) for row in found.values()
    )
    return {name: (row["n"], row["accuracy"]) for name, row in found.items()}


def test_untargeted_counts_what_fools_the_source_and_both_read_rightly_before() -> None:
    found = transferred(targeted=False)
    assert found["itself"] == (2, 0.0)
    assert found["right"] == (2, 1.0), "it looks at the pixel that does not move"
    assert found["higher"] == (1, 0.0), "the first image, at 0.6, it misread before"
    assert found["lower"] == (1, 1.0), "the first image at 0.4 is still above; the fourth it misread before"
    assert found["third"] == (1, 0.0), "to read a third class is to be fooled"
    assert "contrary" not in found, "it reads none rightly"


def test_targeted_counts_what_is_read_as_the_next_class() -> None:
    """From 1 the next class is 2, which the source never reads; so the fourth image alone counts, from 0 to 1."""
    found = transferred(targeted=True)
    assert found["itself"] == (1, 1.0)
    assert found["right"] == (1, 0.0)
    assert found["higher"] == (1, 1.0)
    assert found["third"] == (1, 0.0), "fooled, but not to the class that was aimed at"
    assert "lower" not in found


@pytest.mark.parametrize("targeted", [False, True])
def test_an_example_that_fools_the_source_fools_the_same_network(
    standard: Classifier, robust: Classifier, digits: ImageData, targeted: bool
) -> None:
    split = digits.test.take(torch.arange(60))
    others = {"itself": standard, "robust": robust, "linear": build("linear", shape=digits.shape, classes=10)}
    found = accuracy_transferred(
        standard,
        others,
        split,
        attack=Attack("pgd", norm="l2", eps=0.6, steps=8, step_size=0.2),
        targeted=targeted,
        machine=Machine(precision="float32"),
    )
    assert found["itself"]["n"] > 10
    assert found["itself"]["accuracy"] == float(targeted)
    assert found["robust"]["n"] > 5
    assert targeted or found["robust"]["accuracy"] > 0.5, "the robust network is not so easily fooled"
    few = found["linear"]["n"] if "linear" in found else 0
    assert few < found["itself"]["n"], "an untrained network reads few rightly"
