"""The part of the page that tells of the linear explanation."""

from typing import TYPE_CHECKING

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.plots import BLUE, ORANGE, Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.studies.goodfellow2015.networks import by_size
from featsplit.studies.goodfellow2015.rows import FREE_NOISE, UNCLIPPED, NetworkRow
from featsplit.studies.goodfellow2015.settings import Settings
from featsplit.studies.goodfellow2015.statements import of, value
from featsplit.studies.goodfellow2015.tables import cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHAT = (
    "A change of eps in every pixel, each in the direction in which its weight points, moves w.x by eps |w|_1; the "
    "same change with random signs moves it by about eps |w|_2. The first is larger by as much as the square root of "
    "the number of pixels, if the weights are alike: so a change that no one sees is enough, once there are many "
    "pixels. Softmax regression is trained on the same images at several sizes; w is the difference of the weights "
    "of the label and of the class that comes next. The largest size may be made of smaller images: that adds pixels "
    "and no information, and the ratio grows all the same."
)
LINE = (
    "Figure 4 of the paper: the logits of one test image as it is moved along the sign of the gradient, straight "
    "piece by piece. Where the wrong class has won it stays ahead over a wide range of eps."
)


def section(results: Results[Settings]) -> list[Block]:
    """What came out of the linear explanation."""
    return [
        Heading("The linear explanation, by the size of the images"),
        plot("shifts", shifts(results), "By how much eps = 1 would move w.x; means over test images and seeds."),
        Text(WHAT),
        Table(sizes_table(results)),
        plot("line", line(results), f"Logits of a test image by eps, maxout network, seed {results.seeds[0]}."),
        Text(LINE),
        Table(line_table(results)),
    ]


def _mean(results: Results[Settings], measure: str, model: str | None = None) -> list[NetworkRow]:
    more = {} if model is None else {"model": model}
    return picked(results.rows, experiment="linear", measure=measure, **more)


def sizes_table(results: Results[Settings]) -> Cells:
    """For each size both shifts, their ratio, and the errors at one eps."""
    settings = results.settings
    eps = min(settings.at(), key=lambda one: abs(one - 0.1))
    head = [
        "softmax on",
        "pixels",
        "sign(w) moves by",
        "random signs by",
        "ratio",
        "clean",
        f"FGSM linf {eps:g}",
        f"noise linf {eps:g}",
    ]
    table = [head]
    for network in by_size(settings):
        signs, chance = (_mean(results, name, network.name) for name in ("sign shift", "random shift"))
        first, second = ([row["value"] for row in rows] for rows in (signs, chance))
        ratios = [a / b for a, b in zip(first, second, strict=True)]
        clean = of(results.rows, network.name)
        side = clean[0]["side"]
        errors = [clean, *(of(results.rows, network.name, attack, eps) for attack in (UNCLIPPED, FREE_NOISE))]
        numbers = (spread(values, digits=2) for values in (first, second, ratios))
        table.append([f"{side} x {side}", f"{side * side}", *numbers, *(cell(rows, sure=False) for rows in errors)])
    slope = value(_mean(results, "slope"))
    return [*table, ["slope of log ratio by log pixels", "", "", "", f"{slope}", "", "", ""]]


def line_table(results: Results[Settings]) -> Cells:
    """R^2 to either side, and how often the mistake stays."""
    names = ("straight, away from the label", "straight, towards the label", "the same mistake from eps on")
    heads = (
        "R^2 of a straight line, eps > 0",
        "R^2, eps < 0",
        f"the mistake is the same from linf {results.settings.eps:g} to 0.5",
    )
    return [
        ["maxout, mean over test images", "(95 % interval)"],
        *([head, f"{value(_mean(results, name))}"] for head, name in zip(heads, names, strict=True)),
    ]


def shifts(results: Results[Settings]) -> Figured:
    """Both shifts by the number of pixels, on logarithmic scales."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for name, colour, label in (("sign shift", BLUE, "signs of w"), ("random shift", ORANGE, "random signs")):
            by_side: dict[int, list[float]] = {}
            for row in _mean(results, name):
                by_side.setdefault(row["side"], []).append(row["value"])
            sides = sorted(by_side)
            means = [sum(by_side[side]) / len(by_side[side]) for side in sides]
            axes.loglog([side * side for side in sides], means, "o-", color=colour, label=label)
            axes.set_xticks([side * side for side in sides], [f"{side} x {side}" for side in sides])
        axes.minorticks_off()
        axes.set(xlabel="pixels", ylabel="change of w.x / eps")
        axes.legend(fontsize=9)

    return drawn(5, 3, draw)


def line(results: Results[Settings]) -> Figured:
    """The logits of one image by eps; the label's is thick."""
    (row,) = [row for row in _mean(results, "curve") if row["seed"] == results.seeds[0]]

    def draw(figure: "Figure") -> None:
        axes, label = figure.add_subplot(), int(row["value"])
        for number, curve in enumerate(zip(*row["logits"], strict=True)):
            own = number == label
            name = results.data.classes[number] if results.data else f"{number}"
            axes.plot(row["grid"], curve, linewidth=2.4 if own else 1, label=f"{name} (label)" if own else name)
        axes.set(xlabel="eps along the sign of the gradient", ylabel="logit")
        figure.legend(loc="outside right upper", fontsize=8)

    return drawn(7, 3.6, draw)
