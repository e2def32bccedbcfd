"""The accuracy at every eps as a step function, against counting."""

import numpy as np
import torch

from featsplit.outcomes import packed_numbers
from featsplit.report.distances import Curve, accuracy_by_eps, curves, quantile
from featsplit.rows import Row

DISTANCES = torch.tensor([0.0, 0.0, 0.1, 0.3, 0.3, 0.7, torch.inf, torch.inf])
ROW: Row = {"distances": packed_numbers(DISTANCES), "attack": "closest", "norm": "l2", "eps": None, "n": 8, "seed": 0}


def test_the_steps_are_those_of_counting() -> None:
    eps, held = accuracy_by_eps([ROW])
    values = DISTANCES.numpy()
    assert eps == sorted({float(value) for value in values if np.isfinite(value)})
    assert held == [float((values > radius).mean()) for radius in np.array(eps, dtype=np.float32)]
    assert (eps[0], held[0], held[-1]) == (0.0, 0.75, 0.25)


def test_over_seeds_it_is_their_mean() -> None:
    other: Row = {**ROW, "distances": packed_numbers(torch.full((8,), torch.inf)), "seed": 1}
    assert accuracy_by_eps([ROW, other])[1][0] == (0.75 + 1.0) / 2


def test_a_quantile_is_of_the_images_for_which_something_was_found() -> None:
    assert quantile([ROW], 1.0) == np.float32(0.7)
    assert quantile([{**ROW, "distances": packed_numbers(torch.full((2,), torch.inf))}], 0.5) == 0.0


def test_a_picture_has_the_name_of_each_curve_and_a_point_for_each_attack() -> None:
    point: Row = {**ROW, "attack": "pgd", "eps": 0.2, "accuracy": 0.6}
    without = curves([Curve("one <&>", [ROW]), Curve("two", [ROW])])()
    drawn = curves([Curve("one <&>", [ROW], [point]), Curve("two", [ROW])])()
    assert "one &lt;&amp;&gt;" in drawn
    assert "two" in drawn
    assert "eps (l2)" in drawn
    assert drawn.count("<use") == without.count("<use") + 1
