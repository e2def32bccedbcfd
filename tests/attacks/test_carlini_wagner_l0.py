"""The L0 attack of Carlini and Wagner on linear networks, and its rule of what is set back against a loop in numpy."""

from functools import partial
from typing import cast

import numpy as np
import pytest
import torch

from featsplit.attacks import carlini_wagner_l0
from featsplit.attacks.carlini_wagner_l0 import COUNTS, Count, _least
from featsplit.errors import FeatsplitError
from featsplit.geometry import lengths
from tests.attacks.exact import Linear
from tests.attacks.networks import draw, images, small_network
from tests.attacks.test_minimum_norm import coloured, curved

norms = pytest.mark.parametrize("norm", COUNTS)


@pytest.mark.parametrize("early_stop", [True, False])
@pytest.mark.parametrize("targeted", [False, True])
def test_it_changes_at_most_one_component_more_than_it_must(targeted: bool, early_stop: bool) -> None:
    """Several are needed: the label leads by more than any one of 48 components can take."""
    others = -100.0 if targeted else 0.0
    known = Linear(draw(5, 48, seed=1), torch.tensor([18, 0, others, others, others]))
    inputs, ends = coloured(8, targeted=False)[0], torch.full((8,), int(targeted))
    assert (known.network()(inputs).argmax(dim=1) == 0).all()
    truth = torch.tensor([known.distance(image, 0, "l0", 1 if targeted else None) for image in inputs])
    found = carlini_wagner_l0(
        known.network(),
        inputs,
        ends,
        norm="l0",
        steps=60,
        step_size=0.1,
        largest=10,
        early_stop=early_stop,
        targeted=targeted,
    )
    assert truth.mean() >= 3
    assert ((found.distance >= truth) & (found.distance <= truth + 1)).all(), found.distance - truth


@norms
def test_what_it_counts_is_what_it_makes_few(norm: Count) -> None:
    """Of three channels the pixels are fewer where pixels are counted, and the components where these are."""
    inputs, labels = coloured(12, targeted=False)
    attack = partial(carlini_wagner_l0, curved, inputs, labels, steps=50, step_size=0.1, largest=1e3)
    found = {which: attack(norm=which) for which in COUNTS}
    other = next(which for which in COUNTS if which != norm)
    assert found[norm].success.all()
    counted = [lengths(found[which].inputs - inputs, norm) for which in (norm, other)]
    torch.testing.assert_close(found[norm].distance, counted[0])
    assert counted[0].mean() < counted[1].mean()


@norms
def test_components_are_set_back_by_the_rule_of_the_source(norm: Count) -> None:
    """In rising order, up to the first that matters more than .01, or .3 times the root of how many are changed."""
    n, size = 40, (3, 12, 12)
    delta = draw(n, *size, seed=1) * (torch.rand(n, *size, generator=torch.Generator().manual_seed(2)) < 0.9)
    gradient = draw(n, *size, seed=3) * torch.logspace(-4, 3, n)[:, None, None, None]
    shape = (n, 1, *size[1:]) if norm == "l0-pixels" else (n, *size)
    allowed = (draw(*shape, seed=4) > -0.5).expand(n, *size)
    back = _least(delta, gradient, allowed, norm)
    counts = set()
    for row in range(n):
        expected = by_loop(delta[row].numpy(), gradient[row].numpy(), allowed[row].numpy(), norm)
        assert (back[row].numpy() == expected).all()
        counts.add(int(expected.sum()))
    assert len(counts) > 1


def by_loop(delta: np.ndarray, gradient: np.ndarray, allowed: np.ndarray, norm: str) -> np.ndarray:
    """What of one image (C, H, W) is set back."""
    if norm == "l0-pixels":
        matters = np.abs(delta.sum(axis=0, keepdims=True)) * np.abs(gradient).sum(axis=0, keepdims=True)
        changed, free = (np.abs(delta) >= 1e-4).any(axis=0).sum(), allowed[:1]
    else:
        matters, changed, free = np.abs(delta * gradient), (np.abs(delta) >= 1e-4).sum(), allowed
    back = np.zeros(matters.shape, dtype=bool)
    done = 0
    for place in np.argsort(matters, axis=None, kind="stable"):
        where = np.unravel_index(place, matters.shape)
        if not free[where]:
            continue
        back[where], done = True, done + 1
        if matters[where] > 0.01 or done >= 0.3 * changed**0.5:
            break
    return np.broadcast_to(back, delta.shape)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(FeatsplitError, match=r'^carlini_wagner_l0.norm = "l1": must be one of l0, l0-pixels; did you'):
        carlini_wagner_l0(small_network(), images(1), torch.zeros(1, dtype=torch.int64), norm=cast("Count", "l1"))
    with pytest.raises(FeatsplitError, match=r"^carlini_wagner_l0.steps = 0: must be at least 1$"):
        carlini_wagner_l0(small_network(), images(1), torch.zeros(1, dtype=torch.int64), steps=0)
    with pytest.raises(FeatsplitError, match=r"^carlini_wagner_l0.largest = -1: must be greater than 0, and finite$"):
        carlini_wagner_l0(small_network(), images(1), torch.zeros(1, dtype=torch.int64), largest=-1)
