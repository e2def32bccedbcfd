"""The part of the page on units and random directions."""

from typing import TYPE_CHECKING

from featsplit.report.blocks import Block, Heading, Picture, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, Figured, drawn, each_seed, plot, reaches
from featsplit.report.rows import picked
from featsplit.studies.szegedy2014.rows import SzegedyRow
from featsplit.studies.szegedy2014.statements import Run
from featsplit.studies.szegedy2014.units.claims import lines, purity
from featsplit.studies.szegedy2014.units.measure import PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = "Test images that point furthest along a unit of the representation, and along a random direction of it."
WHAT = (
    "For a unit or a random direction v of a layer phi, the 8 test images of largest <phi(x), v>. The paper looks at "
    "them, and finds those of random directions as alike as those of units. Purity is the share of the commonest label "
    "among the 8, cosine the mean cosine of two of the images, each less the mean image; ± is the standard error over "
    "directions, or with several seeds the deviation over seeds."
)
CONTROLS = (
    "What the paper has no control for: random images have some purity too, so do random directions of the pixels "
    "themselves, and of a network that is not trained. And the equality of units and random directions is one of the "
    "directions in which a layer varies most: a random direction of a whitened layer, in which each direction varies "
    "as much as any other, is less pure."
)
COLOURS = {"units": BLUE, "random": ORANGE, "units, untrained": GREEN, "random, untrained": RED}


def blocks(results: Run) -> list[Block]:
    """The part, or nothing where it was not measured."""
    if "units" not in results.settings.experiments:
        return []
    return [
        Heading("Units and random directions"),
        Text(WHAT),
        Table(table(results), main=True),
        Text(CONTROLS),
    ]


def pictures(results: Run, folder: str) -> list[Block]:
    """What stands first on the page."""
    if "units" not in results.settings.experiments:
        return []
    says = "The purity by depth: the pixels, each ReLU and the representation. Dotted: random images."
    found = [f"{basis} {purity(results, ('representation', basis)).value:.2f}" for basis in ("units", "random")]
    shown = f"{SHOWN} Mean purity of the 8 images: {', '.join(found)}."
    return [Picture(f"{folder}/pictures/units.png", shown), plot("purity", by_depth(results), says)]


def table(results: Run) -> Cells:
    """A line for each layer and basis."""
    rows: list[SzegedyRow] = picked(results.rows, experiment="units")
    found = [["layer, directions", "purity", "cosine", "directions", "dead units left out"]]
    for layer, basis in dict.fromkeys((row["layer"], row["basis"]) for row in rows):
        of = lines(results, (layer, basis))
        counts = sorted({row["n"] for row in of})
        dead = sorted({row["dead"] for row in of})
        cells = [_cell([row["purity"] for row in of], of[0]["purity_error"])]
        cells += [_cell([row["cosine"] for row in of], of[0]["cosine_error"])]
        name = "random images" if basis == "images" else f"{layer}, {basis}"
        found.append([name, *cells, " to ".join(map(str, counts)), " to ".join(map(str, dead))])
    return found


def _cell(values: list[float], error: float) -> str:
    return spread(values) if len(values) > 1 else f"{values[0]:.3f} ± {error:.3f}"


def by_depth(results: Run) -> Figured:
    """A curve for each basis over the layers."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        rows: list[SzegedyRow] = picked(results.rows, experiment="units", basis="units")
        layers = list(dict.fromkeys(row["layer"] for row in rows))
        for basis, colour in COLOURS.items():
            found = [
                (place, purity(results, (layer, basis)))
                for place, layer in enumerate(layers)
                if lines(results, (layer, basis))
            ]
            places, values = [place for place, _ in found], [one for _, one in found]
            style = "--" if "untrained" in basis else "-"
            heights = [one.value for one in values]
            axes.errorbar(
                places, heights, reaches(values), color=colour, linestyle=style, marker="o", label=basis, capsize=2
            )
            each_seed(axes, places, [[row["purity"] for row in lines(results, (layers[p], basis))] for p in places])
        white = [
            (layers.index(layer), purity(results, (layer, "random, whitened"))) for layer in (PIXELS, "representation")
        ]
        for place, one in white:
            axes.plot([place], [one.value], "s", color=INK, label="random, whitened" if place == 0 else None)
        axes.axhline(purity(results, ("none", "images")).value, color=INK, linestyle=":", linewidth=0.8)
        axes.set_xticks(range(len(layers)), layers, fontsize=8)
        axes.set(ylabel="purity of 8 images", ylim=(0, 1.02))
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(7.5, 3.6, draw)
