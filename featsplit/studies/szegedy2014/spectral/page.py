"""The part of the page on the spectral norm of each layer."""

import math
from typing import TYPE_CHECKING

import numpy as np

from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, Figured, drawn, plot
from featsplit.studies.szegedy2014.convolutional import arms
from featsplit.studies.szegedy2014.intervals import packed_values
from featsplit.studies.szegedy2014.spectral.claims import layers, whole
from featsplit.studies.szegedy2014.spectral.published import ALEXNET
from featsplit.studies.szegedy2014.statements import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"standard": INK, "adversarial": BLUE, "penalised": ORANGE}
WHAT = (
    "The largest singular value of each layer, by Lanczos on the layer itself, with its stride, its padding "
    "and its size of image; BatchNorm is in the convolution before it, the normalisation of pixels in the first layer. "
    "ReLU and max pooling have 1. No change r of an image moves the logits by more than the product times its length. "
    "That is a bound: the gain is the largest singular value of the whole network's Jacobian at an image, and reached "
    "is the largest that the nearest adversarial images have, |logits(x + r) - logits(x)| / |r|."
)
RESHAPED = "The norm of the kernel as a matrix, often taken for that of the convolution, is another number (reshaped)."
CERTIFIED = (
    "An image is predicted alike within margin / (sqrt(2) product), its certified radius. Beside it is the distance of "
    "the nearest adversarial image that the attack `closest` finds. Bound <= truth <= attack holds for every image; "
    "how far they are apart is what the bound is worth."
)
PENALTY = (
    "The paper ends with the suggestion that a penalty on these bounds might help. Penalised: trained as the standard "
    "network, with a multiple of the sum of all squared norms in its loss. A smaller bound is no robustness by itself: "
    "the statements above say whether adversarial images are further away."
)


def blocks(results: Run) -> list[Block]:
    """The part, or nothing where it was not measured."""
    if "spectral" not in results.settings.experiments:
        return []
    return [
        Heading("The spectral norm of each layer"),
        Text(WHAT),
        Table(norm_table(results)),
        Text(RESHAPED),
        Table(whole_table(results), main=True),
        Text(CERTIFIED),
        Text(PENALTY),
        Heading("The paper's bounds of AlexNet", 3),
        Text(
            "Not comparable: another network, other images. Here are the paper's numbers, and the standard network's "
            "beside them, layer by layer."
        ),
        Table(alexnet_table(results)),
    ]


def pictures(results: Run, folder: str) -> list[Block]:
    """What stands first on the page."""
    if "spectral" not in results.settings.experiments:
        return []
    says = "Each image: its certified radius, and the distance at which an adversarial image was found."
    return [plot("radii", radii(results), says)]


def norm_table(results: Run) -> Cells:
    """A line for each layer, a column for each way to train."""
    found, names = {arm: layers(results, arm) for arm in arms(results.settings)}, sorted(arms(results.settings))[::-1]
    table = [["layer", *names, "standard, reshaped"]]
    for layer in found[names[0]]:
        norms = [spread([row["spectral_norm"] for row in found[name][layer]], digits=2) for name in names]
        kernels = [row["reshaped"] for row in found["standard"][layer] if row["reshaped"] is not None]
        table.append([layer, *norms, spread(kernels, digits=2)])
    return table


def whole_table(results: Run) -> Cells:
    """A line for each way to train."""
    head = ["trained", "accuracy", "product", "gain", "reached", "certified radius, median", "distance found, median"]
    table = [head]
    for arm in sorted(arms(results.settings))[::-1]:
        rows = whole(results, arm)
        right = [row["accuracy"] for row in rows]
        radius, far = (
            [float(np.median(packed_values(row, name))) for row in rows] for name in ("certified", "distances")
        )
        numbers = [spread([row[name] for row in rows], digits=1) for name in ("product", "gain", "reached")]
        table.append([arm, spread(right), *numbers, spread(radius, digits=5), spread(far)])
    return table


def alexnet_table(results: Run) -> Cells:
    """The published bounds beside those of the standard network."""
    own = [
        (name, spread([row["spectral_norm"] for row in rows], digits=2))
        for name, rows in layers(results, "standard").items()
    ]
    table = [["AlexNet, layer", "published", "here, layer", "here"]]
    for place in range(max(len(own), len(ALEXNET))):
        theirs = (ALEXNET[place][0], f"{ALEXNET[place][1]:g}") if place < len(ALEXNET) else ("", "")
        table.append([*theirs, *(own[place] if place < len(own) else ("", ""))])
    product = math.prod(value for _, value in ALEXNET)
    return [
        *table,
        [
            "product",
            f"{product:.2g}",
            "product",
            spread([row["product"] for row in whole(results, "standard")], digits=0),
        ],
    ]


def radii(results: Run) -> Figured:
    """A point for each image, both axes logarithmic."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        ends = [math.inf, 0.0]
        for arm in arms(results.settings):
            row = whole(results, arm)[0]
            bound, found = packed_values(row, "certified"), packed_values(row)
            shown = (bound > 0) & (found > 0) & np.isfinite(found)
            axes.plot(bound[shown], found[shown], ".", color=COLOURS[arm], label=arm, markersize=4)
            ends = [min(ends[0], *bound[shown]), max(ends[1], *found[shown])]
        if ends[1]:
            axes.plot(ends, ends, color=GREEN, linewidth=0.8, label="bound = attack")
        axes.set(xscale="log", yscale="log", xlabel="certified radius (l2)", ylabel="distance found (l2)")
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(7, 3.4, draw)
