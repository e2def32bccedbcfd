"""The page of the study: error by eps, the weights, the formula beside the attack, and the published numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featsplit.engine.results import Results
from featsplit.models import load_model
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, Show, spread
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, Figured, drawn, each_seed, plot
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.goodfellow2015.logistic.claims import measured
from featsplit.studies.goodfellow2015.logistic.jobs import CLIPPED, WORST, LogisticRow, as_linear, model_file
from featsplit.studies.goodfellow2015.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"plain": INK, "adversarial": BLUE, "l1": ORANGE, "l2": GREEN, "as printed": RED}
WHAT = (
    "Logistic regression with y in {-1, 1} and f(x) = w.x + b. Within eps in linf an adversary lowers the margin y "
    "f(x) by eps |w|_1, no more and no less: so the error under the worst attack, and training against it by softplus("
    "eps |w|_1 - y f(x)), are exact. L1 decay adds a multiple of |w|_1 outside of the softplus, where it does not "
    "switch off when margins are large."
)
PRINTED = (
    "The paper prints the loss as softplus(y (eps |w|_1 - f(x))). For y = -1 that rewards large weights, and all in "
    "all it is the usual loss of the bias b - eps |w|_1: the unregularised classifier, its bias too large by eps "
    "|w|_1. Here it is trained so too (as printed)."
)
TRAINED: Row = {"split": "train"}
TESTED: Row = {"test_set": "source", "attack": "none"}
CLIPPING = (
    "The paper does not speak of clipping. In [0, 1] a pixel at 0 can only rise and one at 1 only fall: the worst "
    "image is the clipped one, pixel by pixel, and the error is less. Both formulas are held against the package's "
    "attack, which always clips: without bounds it is run on images scaled into the middle of [0, 1]. PGD finds no "
    "more. Where a margin is above 103 the gradient of the cross-entropy is 0 in float32, and FGSM moves nothing."
)
PULL = (
    "The pull is the derivative of the mean training loss by |w|_1 alone: of L1 decay its weight, always; of "
    "adversarial training eps times the mean probability of an error under attack, which vanishes as margins grow."
)


def section(results: Results[Settings]) -> list[Block]:
    """What came out of logistic regression."""
    own = results.settings.logistic
    return [
        Heading("Logistic regression of two classes: the exact worst case"),
        plot("error-by-eps", error_by_eps(results), "Error by eps in the worst case; dashed, with pixels in [0, 1]."),
        Text(_setting(results)),
        Text(WHAT),
        Text(PRINTED),
        *(Text(note) for note in notes(results.settings)),
        Table(error_table(results, show=Interval.short, most=len(own.eps)), main=True),
        Heading("Clipped to [0, 1]: the formula beside the attack", 3),
        Text(CLIPPING),
        Table(clipped_table(results)),
        Heading("The weights", 3),
        plot(
            "weights", weights(results), f"w of seed {results.seeds[0]}, each on its own scale: blue votes for y = 1."
        ),
        Text(PULL),
        Table(weights_table(results)),
    ]


def in_brief(results: Results[Settings]) -> Cells:
    """Errors in the worst case, not clipped, as a terminal shows them."""
    return error_table(results, show=Interval.short, most=SHOWN)


def notes(settings: Settings) -> list[str]:
    """That seeds differ by the images that are taken, and by nothing else."""
    drawn = settings.two_classes(1) != settings.two_classes(0)
    return [] if drawn else ["Nothing here is random: without logistic.limit all seeds are alike, and one says it all."]


def _setting(results: Results[Settings]) -> str:
    negative, positive = results.settings.logistic.classes
    rows = results.rows
    trained, tested = (picked(rows, experiment="logistic", training="plain", **of)[0]["n"] for of in (TRAINED, TESTED))
    return (
        f"{negative} (y = -1) against {positive} (y = 1): {trained} training and {tested} test images. After sections "
        "4 and 5 of the paper."
    )


def error(rows: Sequence[LogisticRow], show: Show) -> str:
    """One less the accuracy of `rows`, with its interval; empty where there are none."""
    return show(accuracy(rows).negative().moved(1.0)) if rows else ""


def error_table(results: Results[Settings], show: Show, most: int) -> Cells:
    """A line for each way to train, a column for each eps; for `most`, those that were trained against come first."""
    names, eps = [arm.name for arm in results.settings.logistic.arms()], results.settings.logistic.eps
    eps = tuple(sorted(sorted(eps, key=lambda one: one not in results.settings.logistic.adversarial)[:most]))
    return [
        ["error of", "clean", *(f"linf {one:g}" for one in eps)],
        *(
            [
                name,
                error(measured(results.rows, name, "none"), show),
                *(error(measured(results.rows, name, WORST, one), show) for one in eps),
            ]
            for name in names
        ),
    ]


SHOWN = 3
"""How many eps a terminal of 80 columns shows."""


def clipped_table(results: Results[Settings]) -> Cells:
    """At the largest eps that was trained against, or attacked with: each formula, and the attacks."""
    settings = results.settings.logistic
    eps = max([one for one in settings.adversarial if one in settings.eps] or settings.eps)
    names = (WORST, CLIPPED, "fgsm", "pgd")
    table = [[f"error at linf {eps:g} of", *names, "differs in eps by"]]
    for arm in settings.arms():
        lines = [measured(results.rows, arm.name, name, eps) for name in names]
        gap = max(row["gap"] for line in lines[:2] for row in line)
        table.append([arm.name, *(f"{accuracy(line).negative().moved(1).value:.3f}" for line in lines), f"{gap:.0e}"])
    return table


def weights_table(results: Results[Settings]) -> Cells:
    """|w|_1, the training error and the pull of each way to train; means over seeds."""
    table = [["trained", "abs(w) summed", "training error", "pull at it"]]
    for arm in results.settings.logistic.arms():
        rows: list[LogisticRow] = picked(results.rows, experiment="logistic", training=arm.name, split="train")
        numbers = (
            [row["length"] for row in rows],
            [1 - row["accuracy"] for row in rows],
            [row["pull"] for row in rows],
        )
        table.append(
            [arm.name, *(spread(values, digits=places) for values, places in zip(numbers, (2, 3, 5), strict=True))]
        )
    return table


def error_by_eps(results: Results[Settings]) -> Figured:
    """A curve for each way to train: the worst case without bounds on the pixels, and dashed with them."""
    settings = results.settings.logistic

    def draw(figure: "Figure") -> None:
        axes, faded = figure.add_subplot(), dict.fromkeys(COLOURS, 1.0)
        for arm in settings.arms():
            for name, line in ((WORST, "-"), (CLIPPED, "--")):
                points = [(0.0, measured(results.rows, arm.name, "none"))]
                points += [(eps, measured(results.rows, arm.name, name, eps)) for eps in sorted(settings.eps)]
                heights = [1 - accuracy(rows).value for _, rows in points]
                label = arm.name if name == WORST else None
                look: Any = {"color": COLOURS[arm.kind], "alpha": faded[arm.kind], "linestyle": line, "label": label}
                axes.plot([eps for eps, _ in points], heights, **look)
                each_seed(axes, [eps for eps, _ in points], [[1 - row["accuracy"] for row in of] for _, of in points])
            faded[arm.kind] *= 0.6
        axes.set(xlabel="eps in linf", ylabel=f"error on the test set, n {points[0][1][0]['n']}", ylim=(0, 1.02))
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(7, 3.6, draw)


def weights(results: Results[Settings]) -> Figured:
    """The weights of each classifier as an image, colour for colour."""
    arms = [arm for arm in results.settings.logistic.arms() if arm.kind != "as printed"]

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, len(arms), squeeze=False)[0]
        for axes, arm in zip(panels, arms, strict=True):
            model = load_model(results.path / model_file(results.seeds[0], arm))
            image = as_linear(model).w.reshape(model.shape).sum(axis=0)
            reach = max(float(abs(image).max()), 1e-9)
            axes.imshow(image, cmap="RdBu", vmin=-reach, vmax=reach, interpolation="nearest")
            axes.set_title(arm.name, fontsize=9)
            axes.set_axis_off()

    return drawn(1.35 * len(arms), 1.7, draw)
