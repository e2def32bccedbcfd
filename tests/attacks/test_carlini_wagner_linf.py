"""The Linf attack of Carlini and Wagner on linear networks, at the walls of the box too."""

import pytest
import torch

from featsplit.attacks import carlini_wagner_linf
from featsplit.errors import FeatsplitError
from tests.attacks.networks import images, small_network
from tests.attacks.test_minimum_norm import easy, placed


@pytest.mark.parametrize("place", ["inside", "walls"])
@pytest.mark.parametrize("targeted", [False, True])
def test_it_finds_the_nearest_input_of_a_linear_network(place: str, targeted: bool) -> None:
    known, inputs = easy(5, only_two=targeted), placed(place)
    labels = known.network()(inputs).argmax(dim=1)
    ends = 1 - labels if targeted else labels
    truth = torch.tensor(
        [
            known.distance(image, int(label), "linf", int(end) if targeted else None)
            for image, label, end in zip(inputs, labels, ends, strict=True)
        ]
    )
    found = carlini_wagner_linf(
        known.network(), inputs, ends, steps=200, step_size=0.01, shrink=0.97, targeted=targeted
    )
    assert (found.distance <= 1.05 * truth).all(), found.distance / truth
    assert (found.distance >= truth - 1e-6).all()


def test_as_in_the_source_it_ends_within_a_tenth_of_the_nearest() -> None:
    """tau goes down by tenths, and the last run that wins leaves every pixel within it."""
    known, inputs = easy(2, only_two=False), placed("inside", 4)
    labels = known.network()(inputs).argmax(dim=1)
    pairs = zip(inputs, labels.tolist(), strict=True)
    truth = torch.tensor([known.distance(image, label, "linf") for image, label in pairs])
    found = carlini_wagner_linf(known.network(), inputs, labels, steps=200, step_size=0.01, early_stop=False)
    assert (found.distance <= 1.12 * truth).all(), found.distance / truth


def test_options_out_of_range_are_refused() -> None:
    labels = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(
        FeatsplitError, match=r"^carlini_wagner_linf.shrink = 1: must be greater than 0 and less than 1"
    ):
        carlini_wagner_linf(small_network(), images(1), labels, shrink=1.0)
    with pytest.raises(FeatsplitError, match=r"^carlini_wagner_linf.constant = 0: must be greater than 0, and finite$"):
        carlini_wagner_linf(small_network(), images(1), labels, constant=0.0)
