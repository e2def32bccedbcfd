"""Charts draw and say the numbers that they are given: each mean, its interval, each seed, and chance."""

import math
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from matplotlib.figure import Figure

from featsplit.report import plots
from featsplit.report.charts import Chart, Measured, apart, as_bars, as_lines, measured, within
from featsplit.report.intervals import Interval, accuracy
from tests.rows import row

SEEDS = {"D": (0.9, 0.8), "D_R": (0.6, 0.5)}
ROWS = {name: [row(value, n=360, seed=seed) for seed, value in enumerate(values)] for name, values in SEEDS.items()}
CHART = Chart({"clean": {name: measured(rows) for name, rows in ROWS.items()}}, "accuracy", "trained on", 0.1)


def axes_of(figured: plots.Figured) -> Any:
    """The panel of a plot, drawn again."""
    figure = Figure()
    figured.draw(figure)
    (axes,) = figure.axes
    return axes


@pytest.fixture(params=[as_bars, as_lines], ids=["bars", "lines"])
def drawn(request: pytest.FixtureRequest) -> Any:
    """The chart as bars, and as lines."""
    figured = request.param("one", CHART, "says").drawing
    assert isinstance(figured, plots.Figured)
    return axes_of(figured)


def test_a_measured_number_is_the_mean_with_its_interval_and_the_seeds() -> None:
    found = measured(ROWS["D"])
    assert found.value == accuracy(ROWS["D"])
    assert found.seeds == SEEDS["D"]


def test_every_seed_is_a_ring_beside_its_mean(drawn: Any) -> None:
    rings = [line for line in drawn.lines if line.get_marker() == "o" and line.get_markerfacecolor() == "none"]
    assert [tuple(map(float, line.get_ydata())) for line in rings] == list(SEEDS.values())
    for line, place in zip(rings, (0, 1), strict=True):
        assert all(abs(float(across) - place) < 0.4 for across in line.get_xdata()), "where its mean stands"


def test_one_seed_has_no_ring() -> None:
    alone = Chart({"clean": {"D": measured(ROWS["D"][:1])}}, "accuracy")
    figured = as_bars("one", alone, "says").drawing
    assert isinstance(figured, plots.Figured)
    assert not [line for line in axes_of(figured).lines if line.get_markerfacecolor() == "none"]


def test_chance_is_a_line_with_its_name(drawn: Any) -> None:
    (chance,) = [line for line in drawn.lines if line.get_label() == "chance"]
    assert set(map(float, chance.get_ydata())) == {0.1}


def test_bars_stand_as_high_as_the_means_with_their_intervals() -> None:
    figured = as_bars("one", CHART, "says").drawing
    assert isinstance(figured, plots.Figured)
    axes = axes_of(figured)
    found = [accuracy(rows) for rows in ROWS.values()]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([each.value for each in found])
    (lines,) = [one for one in axes.collections if one.get_label() == "_nolegend_"]
    ends = [[float(point[1]) for point in path.vertices] for path in lines.get_paths()]
    assert ends == [pytest.approx([each.low, each.high]) for each in found]


def test_the_words_are_the_numbers_that_are_drawn() -> None:
    words = as_bars("one", CHART, "Accuracy of two networks.").alternative
    for name, rows in ROWS.items():
        assert f"{name}: {accuracy(rows)}" in words
    assert words.startswith("Accuracy of two networks. ")
    assert words.endswith("; chance 0.1.")
    both = Chart({**CHART.series, "pgd l2 0.5": {"D": measured(ROWS["D_R"])}}, "accuracy")
    assert both.in_words() == (
        f"D: clean {accuracy(ROWS['D'])}, pgd l2 0.5 {accuracy(ROWS['D_R'])}; D_R: clean {accuracy(ROWS['D_R'])}."
    )


def test_lines_stand_where_their_numbers_are() -> None:
    figured = as_lines("one", CHART, "says", at=(0.0, 0.5)).drawing
    assert isinstance(figured, plots.Figured)
    line = axes_of(figured).lines[0]
    assert list(map(float, line.get_xdata())) == [0.0, 0.5]
    texts = {text.text for text in ElementTree.fromstring(figured()).iter("{http://www.w3.org/2000/svg}text")}
    assert {"D", "D_R", "accuracy", "trained on", "clean", "chance"} <= texts


def test_of_places_too_near_for_their_names_the_first_has_it() -> None:
    near = {"0": 0.0, "0.01": 0.01, "0.03": 0.03, "0.1": 0.1, "0.9": 0.9}
    assert apart(near) == ["0", "", "", "0.1", "0.9"]
    assert apart({"1": 1.0, "0.5": 0.5, "0.51": 0.51}) == ["1", "0.5", ""], "in whatever order"
    assert apart({"one": 3.0}) == ["one"]


def test_accuracies_have_an_axis_up_to_one() -> None:
    for whole, top in ((True, 1.03), (False, 0.95)):
        chart = Chart({"clean": {"D": measured(ROWS["D"][:1])}}, "accuracy", whole=whole)
        figured = as_lines("one", chart, "says").drawing
        assert isinstance(figured, plots.Figured)
        assert (axes_of(figured).get_ylim()[1] >= 1.03) == (top > 1)


def test_a_bar_without_a_known_end_has_its_number_and_every_place_its_name() -> None:
    endless = Measured(Interval(0.5, -math.inf, math.inf, 4, 1))
    chart = Chart({"best": {"a": endless, "b": endless}, "worst": {"b": endless, "c": endless}}, "distance")
    figured = as_bars("one", chart, "says").drawing
    assert isinstance(figured, plots.Figured)
    axes = axes_of(figured)
    assert [text.get_text() for text in axes.texts] == ["0.50"] * 4
    assert all(math.isfinite(text.xy[1]) for text in axes.texts)
    low, high = axes.get_xlim()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a", "b", "c"]
    assert all(low < place < high for place in axes.get_xticks())


def test_a_share_and_its_interval_stay_within_what_can_be() -> None:
    found = within(Measured(Interval(0.75, 0.26, 1.24, 4, 1), (0.75,)), 0.0, 1.0)
    assert found == Measured(Interval(0.75, 0.26, 1.0, 4, 1), (0.75,))
    assert within(Measured(Interval(0.1, -0.1, 9.0, 4, 1)), 0.0).value == Interval(0.1, 0.0, 9.0, 4, 1)


def test_the_names_of_many_places_are_turned_and_their_bars_without_numbers() -> None:
    for count, turned in ((3, False), (20, True)):
        series = {str(place): measured(ROWS["D"]) for place in range(count)}
        figured = as_bars("one", Chart(dict.fromkeys("abc", series), "error"), "says").drawing
        assert isinstance(figured, plots.Figured)
        axes = axes_of(figured)
        assert all((text.get_rotation() > 0) == turned for text in axes.get_xticklabels())
        assert bool(axes.texts) != turned
