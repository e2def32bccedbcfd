"""The part of the page that tells of adversarial training and its controls."""

from typing import TYPE_CHECKING, Any

from featsplit.engine.results import Results
from featsplit.models import load_model
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.plots import Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.adversarial.measure import first_weights
from featsplit.studies.goodfellow2015.networks import adversarial, clipped, controls, plain
from featsplit.studies.goodfellow2015.rows import UNCLIPPED
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import value
from featsplit.studies.goodfellow2015.tables import CLEAN, Column, cell, errors_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12
WHAT = (
    "Adversarial training descends half of the cost of the image and half of that of its fast example, as it is then, "
    "held fixed. The controls are trained on noise of the same size, fresh each time: eps times a random sign, and "
    "uniform from -eps to eps. As in the paper examples are not clipped; one more network is trained on clipped ones."
)
LESSON = (
    "The paper's number, the error on unclipped fast examples at the eps of training, is the kindest of all columns: "
    "the network has met these examples. Put into [0, 1] they are others, and those of PGD are others again. A "
    "network may err less at the eps that it was trained at than at a smaller one (see FGSM 0.1 in the table of "
    "weight decay), which no robust network does; and the median of the least distances says how much was gained "
    "without any eps."
)


def section(results: Results[Settings]) -> list[Block]:
    """What came out of adversarial training."""
    settings, rows = results.settings, results.rows
    names = [one.name for one in (plain(settings), adversarial(settings), clipped(settings), *controls(settings))]
    columns = (
        CLEAN,
        Column("FGSM", UNCLIPPED),
        Column("FGSM in [0, 1]", "fgsm"),
        Column("PGD in [0, 1]", "pgd", sure=False),
    )
    table = errors_table(rows, names, settings.eps, columns, head=f"error at linf {settings.eps:g}")
    table = [
        [*line, extra]
        for line, extra in zip(table, ["least linf, median", *(nearest(results, n) for n in names)], strict=True)
    ]
    return [
        Heading("Adversarial training, and noise in its place"),
        plot(
            "filters",
            filters(results),
            f"Filters of the first layer, seed {results.seeds[0]}: plain above, adversarial below.",
        ),
        Text(WHAT),
        Table(table),
        Text(LESSON),
        Heading("Each on the other's examples; how local the filters are", 3),
        Table(compared_table(results)),
    ]


def nearest(results: Results[Settings], name: str) -> str:
    """The median distance of the nearest adversarial images in linf."""
    rows = picked(results.rows, model=name, attack="closest")
    return spread([row["distance"] for row in rows if row["distance"] is not None])


def compared_table(results: Results[Settings]) -> Cells:
    """The error of both networks on the other's examples, and the share of energy in a tenth of a filter's pixels."""
    table = [["network", "error on the other's FGSM", "energy in a tenth of the pixels"]]
    for network in (plain(results.settings), adversarial(results.settings)):
        moved = picked(results.rows, experiment="adversarial", model=network.name, attack=UNCLIPPED)
        local = picked(
            results.rows, experiment="adversarial", model=network.name, measure="energy in a tenth of the pixels"
        )
        table.append([network.name, cell(moved), f"{value(local)}"])
    return table


def filters(results: Results[Settings]) -> Figured:
    """The first layer's filters of both networks, those of most energy, each on its own scale (Figure 3)."""

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(2, SHOWN, squeeze=False)
        for line, network in zip(panels, (plain(results.settings), adversarial(results.settings)), strict=True):
            model = load_model(results.seed_folder(results.seeds[0]) / network.file)
            weights = first_weights(model)
            chosen = weights.square().sum(dim=1).argsort(descending=True)[:SHOWN]
            for axes, row in zip(line, chosen, strict=False):
                image = weights[row].reshape(model.shape).sum(dim=0).numpy()
                reach = max(float(abs(image).max()), 1e-9)
                axes.imshow(image, cmap="gray", vmin=-reach, vmax=reach, interpolation="nearest")
            for axes in line:
                axes.set_axis_off()

    return drawn(8, 1.6, draw)
