"""The accuracy at every eps as a step function, against counting; and what is drawn of it, read off its axes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from featsplit.outcomes import packed_numbers
from featsplit.report import distances
from featsplit.report.distances import COLOURS, Curve, accuracy_by_eps, curves, quantile
from featsplit.rows import Row

DISTANCES = torch.tensor([0.0, 0.0, 0.1, 0.3, 0.3, 0.7, torch.inf, torch.inf])
ROW: Row = {"distances": packed_numbers(DISTANCES), "attack": "closest", "norm": "l2", "eps": None, "n": 8, "seed": 0}


def test_the_steps_are_those_of_counting() -> None:
    eps, held = accuracy_by_eps([ROW])
    values = DISTANCES.numpy()
    assert eps == sorted({float(value) for value in values if np.isfinite(value)})
    assert held == [float((values > radius).mean()) for radius in np.array(eps, dtype=np.float32)]
    assert (eps[0], held[0], held[-1]) == (0.0, 0.75, 0.25)


def test_before_the_nearest_all_that_is_predicted_rightly_is_right() -> None:
    row: Row = {**ROW, "distances": packed_numbers(torch.tensor([0.5, 0.25, torch.inf, 0.5]))}
    assert accuracy_by_eps([row]) == ([0.0, 0.25, 0.5], [1.0, 0.75, 0.25])


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


@pytest.fixture
def axes_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Curve]], Any]:
    """Called with curves: the axes that they are drawn on."""

    def figure_of(width: float, height: float, draw: Callable[[Figure], None]) -> Figure:
        figure = Figure(figsize=(width, height))
        draw(figure)
        return figure

    monkeypatch.setattr(distances, "drawn", figure_of)

    def axes(found: Sequence[Curve]) -> Any:
        figure: Any = curves(found)
        return figure.axes[0]

    return axes


def points(**accuracies: tuple[tuple[float, float], ...]) -> list[Row]:
    """A row for each attack at each of its (eps, accuracy)."""
    of = [(name, *pair) for name, pairs in accuracies.items() for pair in pairs]
    return [{**ROW, "attack": name, "eps": eps, "accuracy": accuracy} for name, eps, accuracy in of]


def test_a_curve_goes_where_counting_says_to_the_end_of_the_picture(axes_of: Callable[..., Any]) -> None:
    near: Row = {**ROW, "distances": packed_numbers(DISTANCES / 10)}
    axes = axes_of([Curve("far", [ROW]), Curve("near", [near])])
    furthest = float(np.quantile(DISTANCES[DISTANCES.isfinite()].numpy(), 0.98))
    assert axes.get_xlim() == (0, pytest.approx(furthest * 1.05))
    for line, found in zip(axes.lines, (DISTANCES, DISTANCES / 10), strict=True):
        eps, held = line.get_data()
        assert line.get_drawstyle() == "steps-post"
        assert eps[-1] > axes.get_xlim()[1]
        for radius in (0.0, 0.005, 0.02, 0.2, 0.5, axes.get_xlim()[1]):
            drawn = held[np.searchsorted(eps, radius, side="right") - 1]
            assert drawn == pytest.approx(float((found > radius).float().mean()))
    assert axes.get_ylabel() == "accuracy, n 8"


def test_a_point_stands_at_its_eps_and_accuracy_in_the_colour_of_its_curve(axes_of: Callable[..., Any]) -> None:
    one = points(pgd=((0.2, 0.6), (0.5, 0.3)), autoattack=((0.2, 0.55),))
    other = points(pgd=((0.2, 0.1),))
    first, *of_first, second, of_second = axes_of([Curve("one", [ROW], one), Curve("two", [ROW], other)]).lines
    found = [(*line.get_xdata(), *line.get_ydata(), line.get_marker()) for line in (*of_first, of_second)]
    assert found == [(0.2, 0.6, "o"), (0.5, 0.3, "o"), (0.2, 0.55, "x"), (0.2, 0.1, "o")]
    assert {line.get_color() for line in of_first} == {first.get_color()}
    assert of_second.get_color() == second.get_color() != first.get_color()


def test_where_nothing_was_found_or_curves_are_many_a_picture_is_drawn(axes_of: Callable[..., Any]) -> None:
    never: Row = {**ROW, "distances": packed_numbers(torch.full((8,), torch.inf))}
    axes = axes_of([Curve(f"{number}", [never]) for number in range(len(COLOURS) + 1)])
    assert axes.get_xlim() == (0, 1.05)
    assert [list(line.get_ydata()) for line in axes.lines] == [[1.0, 1.0]] * (len(COLOURS) + 1)
