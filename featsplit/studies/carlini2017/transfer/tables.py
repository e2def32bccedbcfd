"""Transfer by confidence as a table and a plot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featsplit.report.cells import Cells
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BLUE, ORANGE, Figured, drawn, each_seed, reaches
from featsplit.studies.carlini2017.cells import distance_cell
from featsplit.studies.carlini2017.networks import Network
from featsplit.studies.carlini2017.rows import CarliniRow
from featsplit.studies.carlini2017.transfer.claims import AIMS, confidences, line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {"average": "targeted", "untargeted": "untargeted"}


def transfer_table(rows: Sequence[CarliniRow], networks: Sequence[Network]) -> Cells:
    """A line for each confidence: how far the examples are, and how many of them fool each network."""
    head = [f"{TITLES[aim]}: {what}" for aim in AIMS for what in ("l2", *(f"to {one.name}" for one in networks))]
    table = [["confidence", *head]]
    for kappa in confidences(rows):
        cells = []
        for aim in AIMS:
            cells.append(distance_cell(line(rows, kappa, aim, None)))
            shares = [line(rows, kappa, aim, one.name) for one in networks]
            cells += [accuracy(own).short() if own else "-" for own in shares]
        table.append([f"{kappa:g}", *cells])
    return table


def by_confidence(rows: Sequence[CarliniRow], networks: Sequence[Network]) -> Figured:
    """Figures 9 and 10: the share that transfers by confidence, as it is and as a share of the source's logits."""
    found = confidences(rows)
    size = sum(row["logits"] for row in rows if "kappa" in row) / max(1, sum("kappa" in row for row in rows))

    def draw(figure: "Figure") -> None:
        axes: Any = figure.add_subplot()
        for network, colour in zip(networks, (BLUE, ORANGE), strict=False):
            for aim, style in zip(AIMS, ("-", "--"), strict=True):
                lines = {kappa: own for kappa in found if (own := line(rows, kappa, aim, network.name))}
                shares: list[Interval] = [accuracy(own) for own in lines.values()]
                look: Any = {"color": colour, "linestyle": style, "capsize": 2, "marker": "o", "markersize": 4}
                heights = [share.value for share in shares]
                label = f"{network.name}, {TITLES[aim]}"
                axes.errorbar([*lines], heights, yerr=reaches(shares), label=label, **look)
                each_seed(axes, [*lines], [[row["accuracy"] for row in own] for own in lines.values()])
        axes.set(xlabel="confidence of the examples on the source", ylabel="share that transfers", ylim=(-0.02, 1.05))
        beside = axes.secondary_xaxis("top", functions=(lambda value: value / size, lambda value: value * size))
        beside.set_xlabel(f"as a share of the source's logits, summed without sign ({size:.0f})")
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(8, 3.6, draw)
