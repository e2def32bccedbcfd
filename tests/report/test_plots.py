"""Plots as SVG: they say what they show, in the colour of the text around them."""

import gc
import weakref
import xml.etree.ElementTree as ElementTree
from functools import partial
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from featsplit.report import plots
from featsplit.report.intervals import accuracy
from tests.rows import row

SEEDS = {0: 0.1, 1: 0.2}
SVG = "{http://www.w3.org/2000/svg}"


def curve(figure: Figure) -> None:
    """Accuracies of three seeds at two places, with the band of their intervals."""
    axes = figure.add_subplot()
    by_place = {place: [row(share * place, n=360, seed=seed) for seed, share in SEEDS.items()] for place in (1, 2)}
    plots.banded(axes, by_place, plots.BLUE)
    axes.set_xlabel("where")


def test_a_plot_is_in_the_colour_of_the_text_and_the_same_each_time() -> None:
    svg = plots.drawn(3, 2, curve)()
    assert "where" in [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert "currentColor" in svg
    assert plots.INK not in svg
    assert plots.drawn(3, 2, curve)() == svg


def test_a_band_holds_the_intervals_of_its_curve() -> None:
    figure = Figure()
    curve(figure)
    (axes,) = figure.axes
    lines = [np.asarray(line.get_ydata()).tolist() for line in axes.lines]
    assert lines == [pytest.approx([0.1, 0.2]), pytest.approx([0.2, 0.4]), pytest.approx([0.15, 0.3])], "seeds, mean"
    found = [accuracy([row(share * place, n=360, seed=seed) for seed, share in SEEDS.items()]) for place in (1, 2)]
    band: Any = axes.collections[0]
    heights = band.get_paths()[0].vertices[:, 1]
    assert {each.low for each in found} | {each.high for each in found} <= set(heights)


def test_reaches_are_down_and_up() -> None:
    low = accuracy([row(0.2, n=360)])
    assert plots.reaches([low]) == [[low.value - low.low], [low.high - low.value]]


def test_the_heat_map_says_every_number_and_what_it_is_of() -> None:
    svg = plots.heat_map(["a <set>, cnn", "b, mlp"], ["source clean", "held"], [[0.25, 0.75], [1.0, 0.0]])()
    words = {text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert words >= {"a <set>, cnn", "b, mlp", "source clean", "held", "0.25", "0.75", "1.00", "0.00"}


def test_the_heat_map_writes_light_on_dark() -> None:
    svg = plots.heat_map(["a"], ["b", "c"], [[0.9, 0.2]])()
    root = ElementTree.fromstring(svg)
    texts = {text.text: str(text.get("style")) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert "#ffffff" in texts["0.90"]
    assert "#111111" in texts["0.20"]


def test_a_name_with_dollars_is_no_formula() -> None:
    svg = plots.heat_map([r"$\wrong$"], ["us$ and ca$"], [[0.5]])()
    words = {text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")}
    assert words >= {r"$\wrong$", "us$ and ca$"}


def test_what_was_drawn_is_forgotten_with_its_plot() -> None:
    figure = plots.drawn(3, 2, partial(curve))
    first, known = figure(), weakref.ref(figure.draw)
    assert figure() is first, "it is drawn once"
    del figure
    gc.collect()
    assert known() is None
