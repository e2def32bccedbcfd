"""The pages of the constructions with a known answer: two Gaussians, adversarial squares, planted truth."""

import statistics
from dataclasses import asdict
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from featsplit.report.answers import (
    agreement,
    concluded,
    gaussians_verdicts,
    judged,
    numbers,
    planted_verdicts,
    squares_verdicts,
)
from featsplit.report.markup import Block, Code, Heading, Plot, Table, Text
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, drawn
from featsplit.report.rows import SETS, Row, picked, spread
from featsplit.report.tables import NAMES, Cells
from featsplit.toys.gaussians import Gaussians
from featsplit.toys.squares import SMALL, Squares
from featsplit.toys.theory import robust_variances
from featsplit.training import Adversary

GAUSSIANS = (
    "Two classes, y in {-1, 1}, x drawn from a Gaussian around y mu* with covariance S*; maximum likelihood against an "
    "adversary who moves the examples (section 4 of the paper). Features that vary little are the most useful to the "
    "standard rule sign(x' S^-1 mu), and the cheapest to change. The robust solution widens them most, so the gradient "
    "of its rule turns towards the vector between the means: the robust gradient looks meaningful."
)
THEOREMS = {
    1: "Theorem 1: what the adversary adds to the loss, at a price C for its distance; least where variances are equal",
    2: "Theorem 2: the robust solution; by adversarial training beside the formula",
    3: "Theorem 3: the cosine between the gradient of the rule and the vector of the means",
    "rule": "The rule of each solution under attack: the share of examples read rightly",
}
SQUARES = (
    "Squares of one colour with a little noise on each pixel; a tenth of the training labels is wrong (Nakkiran 2019). "
    "Only the colour can be learned, and it is robust: a linear model uses it. A deep network that also fits the wrong "
    "labels must read the noise of each image, and then a change of the noise, far smaller than the colour, decides: "
    "its adversarial examples are bugs, and no feature of the data. Test squares are scored by their colour."
)


def gaussians_page(asked: Gaussians, rows: list[Row], command: str) -> list[Block]:
    """The theorems beside their simulations, and the paper's Figure 4."""
    blocks: list[Block] = [Heading("Two Gaussians: the paper's theory and its simulation", 1), Text(GAUSSIANS)]
    if len(asked.mean) == 2:
        says = "The paper's Figure 4: samples, the solution's covariance, and the direction of its gradient, by eps."
        blocks += [Plot("gaussians", solutions(asked), says)]
    blocks += [Heading("Formula and simulation"), Text(concluded(gaussians_verdicts(rows))), Table(agreement(rows))]
    for theorem, title in THEOREMS.items():
        blocks += [Heading(title, 3), Table(theorem_table(picked(rows, theorem=theorem)))]
    return [*blocks, Heading("To make it again"), Code(command), Code(_settings(asked))]


def theorem_table(rows: list[Row]) -> Cells:
    """Each number in closed form and simulated, a mean over seeds, with the standard error of one simulation."""
    table = [["number", "solution for eps", "closed form", "simulated", "standard error"]]
    for of in numbers(rows):
        eps = "" if of[0]["eps"] is None else f"{of[0]['eps']:g}"
        error = f"{of[0]['error']:.4f}" if of[0]["error"] else ""
        table.append(
            [of[0]["of"], eps, f"{of[0]['closed']:.4f}", spread([r["simulated"] for r in of], digits=4), error]
        )
    return table


def solutions(asked: Gaussians) -> str:
    """Figure 4: for each eps the samples of both classes, the covariance of the solution, and its gradient."""
    mean, variances = (torch.tensor(values, dtype=torch.float64) for values in (asked.mean, asked.variances))
    noise = torch.randn(150, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * variances.sqrt()

    def draw(figure: Figure) -> None:
        panels: Any = figure.subplots(1, len(asked.eps), sharex=True, sharey=True, squeeze=False)[0]
        for axes, eps in zip(panels, asked.eps, strict=True):
            solution = robust_variances(variances, eps)
            for sign, colour in ((1, BLUE), (-1, ORANGE)):
                points = sign * mean + noise
                axes.scatter(points[:, 0], points[:, 1], s=3, color=colour, alpha=0.6)
                size = 4 * solution.sqrt()  # two standard deviations to each side
                axes.add_patch(
                    Ellipse((sign * asked.mean[0], sign * asked.mean[1]), *size.tolist(), fill=False, color=colour)
                )
            for vector, colour, name in ((mean, GREEN, "mu"), (mean / solution, RED, "gradient")):
                end = vector / vector.norm() * mean.norm()
                axes.annotate("", end.tolist(), (0, 0), arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.8})
                axes.plot([], [], color=colour, label=name)
            axes.set(title=f"eps {eps:g}", aspect="equal")
            axes.title.set_fontsize(10)
        panels[0].legend(loc="upper left", fontsize=9)

    return drawn(3 * len(asked.eps), 3.2, draw)


def squares_page(asked: Squares, rows: list[Row], command: str) -> list[Block]:
    """Accuracy by eps for the linear and the deep model, the deep one by epoch, and what each arm changes."""
    blocks: list[Block] = [Heading("Adversarial squares: the linear model against the deep one", 1), Text(SQUARES)]
    blocks += [Text(arms_in_words(rows)), Text(concluded(squares_verdicts(rows)))]
    says = "Accuracy on the test squares by the size of the attack (linf; black is -1 and white 1)."
    blocks += [Plot("by_eps", by_eps(rows), says), Table(arms_table(rows))]
    says = f"The deep network as it learns: on its training labels, and on test squares moved by {SMALL:g}."
    blocks += [Heading("The deep network by epoch"), Plot("by_epoch", by_epoch(rows), says)]
    blocks += [Heading("By the size of the attack", 3), Table(eps_table(rows))]
    return [*blocks, Heading("To make it again"), Code(command), Code(_settings(asked))]


def arms_table(rows: list[Row]) -> Cells:
    """Each arm: how long it learned, what it fitted, and how it stands at the small eps and a large one."""
    head = ["arm", "epochs", "training labels read", "clean", f"eps {SMALL:g}", "after 1 epoch", "verdict"]
    table = [head]
    for arm in dict.fromkeys(row["arm"] for row in rows):
        last = {eps: picked(rows, arm=arm, part="grid", eps=eps) for eps in (0.0, SMALL)}
        first = picked(rows, arm=arm, part="epochs", epoch=1, eps=SMALL)
        cells = [
            spread([row["epoch"] for row in last[0.0]], digits=0),
            spread([row["train_accuracy"] for row in last[0.0]]),
            *(spread([row["accuracy"] for row in of]) for of in (last[0.0], last[SMALL], first)),
        ]
        table.append([arm, *cells, judged(rows, arm)])
    return table


def arms_in_words(rows: list[Row]) -> str:
    """Which arms are robust, in words."""
    arms = [arm for arm in dict.fromkeys(row["arm"] for row in rows) if arm not in ("linear", "deep")]
    kinds = {kind: [arm for arm in arms if judged(rows, arm) == kind] for kind in ("robust", "brittle", "between")}
    told = f"At eps {SMALL:g} the linear model is {judged(rows, 'linear')} and the deep one {judged(rows, 'deep')}."
    return told + "".join(f" {kind.capitalize()}: {', '.join(found)}." for kind, found in kinds.items() if found)


def eps_table(rows: list[Row]) -> Cells:
    """Accuracy by eps for every arm."""
    grid = picked(rows, part="grid")
    radii = list(dict.fromkeys(row["eps"] for row in grid))
    lines = [
        [arm, *(spread([row["accuracy"] for row in picked(grid, part="grid", arm=arm, eps=eps)]) for eps in radii)]
        for arm in dict.fromkeys(row["arm"] for row in grid)
    ]
    return [["arm", *(f"{eps:g}" for eps in radii)], *lines]


def by_eps(rows: list[Row]) -> str:
    """Accuracy of the linear and the deep model against eps."""

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for arm, colour in (("linear", BLUE), ("deep", ORANGE)):
            of = picked(rows, part="grid", arm=arm)
            radii = list(dict.fromkeys(row["eps"] for row in of))
            heights = [statistics.fmean(r["accuracy"] for r in picked(of, part="grid", eps=eps)) for eps in radii]
            axes.plot(radii, heights, color=colour, marker="o", markersize=4, label=arm)
        axes.set(xlabel="eps (linf)", ylabel="accuracy", ylim=(-0.02, 1.05))
        axes.legend()

    return drawn(6, 3, draw)


def by_epoch(rows: list[Row]) -> str:
    """What the deep network fits and what survives, epoch by epoch, of the first seed."""
    of = picked(rows, part="epochs", arm="deep", eps=SMALL, seed=rows[0]["seed"])

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        epochs = [row["epoch"] for row in of]
        for key, colour, name in (
            ("train_accuracy", BLUE, "training labels read"),
            ("accuracy", ORANGE, f"test squares at eps {SMALL:g}"),
        ):
            axes.plot(epochs, [row[key] for row in of], color=colour, label=name)
        axes.set(xlabel="epoch", ylabel="share", ylim=(-0.02, 1.05))
        axes.legend()

    return drawn(6, 3, draw)


def _settings(asked: Gaussians | Squares) -> str:
    return "\n".join(f"{name} = {value}" for name, value in asdict(asked).items())


PLANTED = (
    "Images made of a robust component (each pixel moved far, slow patterns, red and green) and a non-robust one (each "
    "pixel moved little, fast patterns, blue), with a pattern for each class, so the split has a right answer. What a "
    "set keeps of each component's class signal is read off by matched filters, not by a network: 1 is all that the "
    "source has, 0 nothing; below 0 the set points to other classes. As the non-robust component outgrows the "
    "adversary's eps it becomes robust."
)


def planted_page(rows: list[Row], adversary: Adversary, known: dict[float, list[str]], command: str) -> list[Block]:
    """What each set keeps of either component as the non-robust one grows; `known` as in `planted_verdicts`."""
    blocks: list[Block] = [Heading("Planted truth: what survives in each set", 1), Text(PLANTED)]
    says = f"The adversary may move an image by {adversary.eps:g} ({adversary.norm})."
    limit = adversary.eps if adversary.norm == "linf" else None
    if limit:
        says += " A component that moves no pixel further than that (left of the dotted line) is not robust."
    blocks += [Text(concluded(planted_verdicts(rows, known)))]
    blocks += [Plot("planted", survival(rows, limit), says), Table(survival_table(rows))]
    return [*blocks, Heading("To make it again"), Code(command)]


def survival_table(rows: list[Row]) -> Cells:
    """A line for each set and component, a column for each amplitude of the non-robust component."""
    own = picked(rows, part="planted")
    amplitudes = list(dict.fromkeys(row["amplitude"] for row in own))
    table = [["set keeps of", "component", *(f"amplitude {amplitude:g}" for amplitude in amplitudes)]]
    for name in dict.fromkeys(row["train_set"] for row in own):
        for component in ("robust", "nonrobust"):
            of = picked(own, part="planted", train_set=name, component=component)
            shares = [[row["kept"] for row in of if row["amplitude"] == amplitude] for amplitude in amplitudes]
            table.append([NAMES[name, "standard"], component, *map(spread, shares)])
    return table


def survival(rows: list[Row], limit: float | None) -> str:
    """The shares kept of each component against the amplitude of the non-robust one, a panel for each set.

    `limit` is the amplitude above which a component is robust, where that is known.
    """
    own = picked(rows, part="planted")

    def draw(figure: Figure) -> None:
        panels: Any = figure.subplots(1, len(SETS), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (name, title) in zip(panels, SETS.items(), strict=True):
            for component, colour in (("robust", BLUE), ("nonrobust", ORANGE)):
                of = picked(own, part="planted", train_set=name, component=component)
                amplitudes = list(dict.fromkeys(row["amplitude"] for row in of))
                heights = [
                    statistics.fmean(r["kept"] for r in of if r["amplitude"] == amplitude) for amplitude in amplitudes
                ]
                axes.plot(amplitudes, heights, color=colour, marker="o", markersize=4, label=component)
            if limit:
                axes.axvline(limit, color=INK, linewidth=0.8, linestyle=":")
            axes.set(title=title, xlabel="amplitude of the\nnon-robust component")
            axes.title.set_fontsize(10)
        panels[0].set_ylabel("share of the class signal kept")
        panels[0].legend(fontsize=9)

    return drawn(9, 3, draw)
