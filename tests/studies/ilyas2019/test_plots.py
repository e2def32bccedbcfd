"""The plots of a run say what they show."""

import xml.etree.ElementTree as ElementTree
from functools import partial

import pytest

from featsplit.report.distances import Curve
from featsplit.report.plots import INK
from featsplit.studies.ilyas2019 import plots
from tests.rows import row as any_row

row = partial(any_row, n=360, architecture="resnet8")
CURVE = [
    row(1 / count, experiment="steps", loss=loss, steps=count, eps=0.25)
    for loss in ("cross-entropy", "margin")
    for count in (1, 10)
]
NETS = ("cnn", "vgg7", "resnet8")
FOOLED = [
    one
    for place, arch in enumerate(NETS)
    for one in (
        row(0.1 * place, experiment="architectures", train_set="det", architecture=arch),
        row(0.5, experiment="architectures", architecture=arch, test_set="transferred", eps=0.5),
        row(0.3, experiment="architectures", architecture=arch, test_set="transferred", labels="next", eps=0.5),
    )
]
DRAWN = {
    "by_steps": (
        plots.by_steps(CURVE),
        ["cross-entropy", "margin", "PGD steps", "accuracy at l2 0.25, n 360"],
    ),
    "by_architecture": (plots.by_architecture(FOOLED), [*NETS, "untargeted", "targeted", "transfer rate"]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_xml_that_says_what_it_shows_in_the_colour_of_the_text(name: str) -> None:
    drawing, words = DRAWN[name]
    svg = drawing()
    root = ElementTree.fromstring(svg)
    said = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(words) <= set(said)
    assert "currentColor" in svg
    assert INK not in svg


def test_a_curve_of_distances_has_the_attacks_on_the_same_images_as_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of its network, in its norm: by the run's attack and by AutoAttack; what follows from it is no point."""
    here = {"experiment": "distance"}
    robust = [row(0.0, **here, attack="closest", training="adversarial", distances="", seed=seed) for seed in (0, 1)]
    source = [row(0.0, **here, attack="closest", distances="")]
    points = [row(0.4, **here, eps=0.25), row(0.3, experiment="autoattack", attack="autoattack", eps=0.25)]
    other = [
        row(0.5, **here, training="adversarial", eps=0.25),
        row(0.6, **here, attack="closest", eps=0.25),
        row(0.4, experiment="autoattack", attack="autoattack", eps=0.1, norm="linf"),
        row(0.9, **here, norm=None),
        row(0.8, eps=0.25),
    ]
    found = list[Curve]()
    monkeypatch.setattr(plots, "curves", found.extend)
    plots.by_distance([*robust, *other, *source, *points])
    assert found == [
        Curve("D, standard training", source, points),
        Curve("D, adversarial training", robust, other[:1]),
    ]


def test_a_plot_is_the_same_each_time() -> None:
    assert plots.by_steps(CURVE)() == DRAWN["by_steps"][0]()
