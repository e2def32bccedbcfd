"""The part of the page on the six networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from featsplit.report.blocks import Block, Heading, Picture, Plot, Table, Text
from featsplit.report.cells import Cells
from featsplit.report.charts import Chart, Measured, as_bars, within
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, RING, Figured, drawn, plot
from featsplit.studies.szegedy2014.intervals import Array, mean_of, wrong
from featsplit.studies.szegedy2014.models.claims import error
from featsplit.studies.szegedy2014.models.numbers import LINEAR, NAMES, distorted, distortion, fooled, rms
from featsplit.studies.szegedy2014.rows import Packed
from featsplit.studies.szegedy2014.statements import Run, read, shown_to

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHORT = dict(zip(NAMES, ("FC 1e-4", "FC 1e-2", "FC 1", "FC100", "FC200", "AE400"), strict=True))
COLOURS = dict(zip(NAMES, (INK, BLUE, GREEN, ORANGE, RED, "#8a63c9"), strict=True))
SHOWN = (
    "Training images as each network is to misread them: the class and the rms a pixel are above each. The noise is "
    "clipped in the picture alone."
)
WHAT = (
    "Each line: images made for one network, by box-constrained L-BFGS, to be predicted as a wrong class drawn at "
    "random. Each column: the share of them that another network predicts wrongly. All lines are made of the same "
    "training images, which all six networks predict rightly without a change; so an error is one of the distortion. "
    "Distortion is the root of the mean squared change of a pixel in [0, 1]."
)
FOOLS = (
    "The share of the other five networks that images made for one network fool: means over images and seeds, lines "
    "95 % intervals, rings the seeds."
)
NOISE = (
    "Gaussian noise is not clipped: on a black background that would make it a shift. The paper's line of noise lies "
    "below its own training error for two linear networks, so it counts something else than the error; here the error "
    "is given on all training images, on those that the network predicts rightly without noise, and on test images. "
    "What noise of a given rms does is asked of images of 28 x 28 pixels or more alone: beside an attack noise is the "
    "stronger the fewer pixels there are."
)
EXACT = (
    "For a linear network the least distortion is known: to the class that is drawn, to the nearest class and to the "
    "furthest. That to a class is where its logit passes that of the label; where a third class lies above both, the "
    "attack has to go further."
)


def blocks(results: Run) -> list[Block]:
    """The part, or nothing where it was not measured."""
    if "models" not in results.settings.experiments:
        return []
    return [
        Heading("Six networks, and the images made for each"),
        Text(WHAT),
        Table(cross_table(results), main=True),
        Text(NOISE),
        Table(noise_table(results)),
        Heading("Errors and distortions", 3),
        Table(error_table(results)),
        Text(EXACT),
        Table(exact_table(results)),
    ]


def pictures(results: Run, folder: str) -> list[Block]:
    """What stands first on the page."""
    if "models" not in results.settings.experiments:
        return []
    says = "The error of the other five networks by the distortion of the images; crosses: of each network by noise."
    return [
        Picture(f"{folder}/pictures/models.png", f"{SHOWN} {distorted(results, NAMES, group='models')}"),
        plot(
            "distortions", distortions(results), "How far images have to be distorted: the share that is fooled by it."
        ),
        plot("fooled", fooled_by(results), says),
    ]


def headline(results: Run) -> Plot:
    """How many of the other five networks the images made for each fool, and how far these were distorted."""
    shares = {
        name: within(Measured(mean_of(by_seed), means(by_seed)), 0.0, 1.0)
        for name in NAMES
        if (by_seed := fooled(results, name))
    }
    chart = Chart({"fooled of the other five": shares}, "share of the other five fooled", "images made for")
    return as_bars("fools", chart, FOOLS)


def means(by_seed: Sequence[Array]) -> tuple[float, ...]:
    """The mean of each seed."""
    return tuple(float(own.mean()) for own in by_seed)


def found(results: Run) -> str:
    """What came out, in a sentence."""
    shares = {name: within(Measured(mean_of(fooled(results, name))), 0.0, 1.0).value for name in NAMES}
    least, most = (end(NAMES, key=lambda name: shares[name].value) for end in (min, max))
    far = {name: distortion(results, name) for name in NAMES}
    short, long = (end(NAMES, key=lambda name: far[name].value) for end in (min, max))
    return (
        f"Images made for one network fool of the other five a share from {shares[least]} ({least}) to "
        f"{shares[most]} ({most}); their mean distortion is from {far[short].value:.3f} ({short}) to "
        f"{far[long].value:.3f} ({long}), the root of the mean squared change of a pixel in [0, 1]."
    )


def share(interval: Interval | None) -> str:
    """An error in a cell."""
    return "" if interval is None else f"{interval.value:.3f}"


def cross_table(results: Run, names: dict[str, str] | None = None) -> Cells:
    """Table 2: a line for each network that images are made for."""
    called = names or {name: name for name in NAMES}
    table = [["made for", *called.values(), "distortion"]]
    for made_for in NAMES:
        errors = [share(error(results, made_for, name)) for name in NAMES]
        far = distortion(results, made_for)
        table.append([called[made_for], *errors, far.short() if names is None else f"{far.value:.4f}"])
    for size in results.settings.noise:
        errors = [share(_error(results, name, "train", noise=size)) for name in NAMES]
        table.append([f"noise {size:g}", *errors, f"{size:g}"])
    return table


def _error(results: Run, name: str, split: str, *, noise: float) -> Interval | None:
    rows = read(results, name, split, group="models", noise=noise)
    return accuracy(rows).negative().moved(1.0) if rows else None


def noise_table(results: Run) -> Cells:
    """The error with each noise, of all training images, of those predicted rightly without, and of test images."""
    table = [["noise, images", *NAMES]]
    for size in results.settings.noise:
        for which in ("training", "training, right without noise", "test"):
            split = "test" if which == "test" else "train"
            if "right" in which:
                cells = [f"{mean_of(_lost(results, name, size)).value:.4f}" for name in NAMES]
            else:
                cells = [f"{found.value:.4f}" for name in NAMES if (found := _error(results, name, split, noise=size))]
            table.append([f"{size:g}, {which}", *cells])
    return table


def _lost(results: Run, name: str, size: float) -> list[Array]:
    """1 for each training image that is predicted wrongly with noise, of those predicted rightly without."""
    both = zip(
        read(results, name, "train", group="models"),
        read(results, name, "train", group="models", noise=size),
        strict=True,
    )
    return [wrong(noisy)[wrong(clean) == 0] for clean, noisy in both]


def error_table(results: Run) -> Cells:
    """Table 1, with how often the attack reached its target and how many others it fools."""
    table = [
        ["network", "training error", "test error", "distortion", "median", "target reached", "fools of the others"]
    ]
    for name in NAMES:
        errors = [_error(results, name, split, noise=0.0) for split in ("train", "test")]
        rows = shown_to(results, name, name, group="models")
        success = sum(row["success"] for row in rows) / len(rows)
        median = float(np.median(np.concatenate(rms(results, name))))
        others = mean_of(fooled(results, name)).short()
        shown = [f"{one.value:.4f}" for one in errors if one]
        table.append([name, *shown, distortion(results, name).short(), f"{median:.4f}", f"{success:.3f}", others])
    return table


def exact_table(results: Run) -> Cells:
    """What L-BFGS found on the linear networks, beside the truth."""
    table = [["least distortion", "L-BFGS", "exact: class drawn", "nearest class", "furthest class"]]
    for name in LINEAR:
        fields: tuple[Packed, ...] = ("distances", "exact", "nearest", "furthest")
        table.append([name, *(f"{distortion(results, name, field=field).value:.4f}" for field in fields)])
    return table


def distortions(results: Run) -> Figured:
    """The share of the images that are fooled within each distortion."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for name in NAMES:
            found = np.sort(np.concatenate(rms(results, name)))
            held = np.arange(1, len(found) + 1) / len(found)
            axes.step([0.0, *found], [0.0, *held], where="post", color=COLOURS[name], label=name)
        axes.axvline(0.1, color=INK, linewidth=0.8, linestyle=":")
        axes.set(xlabel="distortion, rms a pixel (dotted: the noise of Table 2)", ylabel="share fooled", ylim=(0, 1.02))
        axes.legend(fontsize=9)

    return drawn(7, 3.6, draw)


def fooled_by(results: Run) -> Figured:
    """How many of the others each network's images fool, over their distortion; with the error that noise makes."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        sides = ("right", "left", "left") * 2  # neighbours have theirs on different sides
        for name, side in zip(NAMES, sides, strict=True):
            across, up = distortion(results, name), mean_of(fooled(results, name))
            axes.errorbar(
                [across.value],
                [up.value],
                [[up.value - up.low], [up.high - up.value]],
                fmt="o",
                color=COLOURS[name],
                label=name,
            )
            axes.plot(means(rms(results, name)), means(fooled(results, name)), "o", color=COLOURS[name], **RING)
            away = (5 if side == "left" else -5, 5)
            axes.annotate(
                SHORT[name], (across.value, up.value), xytext=away, textcoords="offset points", fontsize=9, ha=side
            )
            sizes = [size for size in results.settings.noise if size <= 0.3]
            errors = [found.value for size in sizes if (found := _error(results, name, "train", noise=size))]
            axes.plot(sizes, errors, "x", color=COLOURS[name])
        axes.set(xlabel="distortion, rms a pixel", ylabel="error of the other five", ylim=(-0.02, 1.02), xlim=(0, None))

    return drawn(7, 3.6, draw)
