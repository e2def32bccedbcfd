"""The theorems beside their simulations, and the paper's Figure 4, on a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from featsplit.engine.pages import Page, assembled, seeds_of
from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Plot, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.charts import Chart, Measured, as_bars
from featsplit.report.intervals import with_errors
from featsplit.report.known import concluded
from featsplit.report.plots import BLUE, GREEN, ORANGE, RED, Figured, drawn, plot
from featsplit.report.rows import picked
from featsplit.studies.gaussians.claims import agreement, numbers, theorems
from featsplit.studies.gaussians.rows import GaussiansRow
from featsplit.studies.gaussians.settings import Settings
from featsplit.studies.gaussians.theory import robust_variances

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    "rule": "The rule of each solution under attack: the share of examples predicted rightly",
}
PLANE = "The paper's Figure 4: samples, the solution's covariance, and the direction of its gradient, by eps in l2."
RULES = (
    "The share of examples that the rule of each solution predicts rightly, simulated: lines are 95 % intervals, rings "
    "the seeds. The formula's are in the last table."
)


def page(results: Results[Settings]) -> list[Block]:
    """The page of a run."""
    settings, rows = results.settings, results.rows
    plane = [plot("gaussians", solutions(settings), PLANE)] if len(settings.mean) == 2 else []
    tables: list[Block] = []
    for theorem, title in THEOREMS.items():
        tables += [Heading(title, 3), Table(theorem_table(picked(rows, theorem=theorem)))]
    return assembled(
        results,
        Page(
            "Two Gaussians: the paper's theory and its simulation",
            _did(results),
            f"{_found(rows)} {concluded(theorems(rows))}",
            agreement(rows),
            figure=[*plane, rules(rows)],
            claims=theorems(rows),
            over=f"{settings.samples} samples",
            sections=[Heading("Formula and simulation"), Text(GAUSSIANS), Table(agreement(rows), main=True), *tables],
        ),
    )


def _did(results: Results[Settings]) -> str:
    settings = results.settings
    eps = ", ".join(f"{one:g}" for one in settings.eps)
    return (
        f"Two Gaussians of {len(settings.mean)} dimensions were fitted by maximum likelihood, as usual and against an "
        f"adversary in l2 (eps {eps}), by formula and by a simulation of {settings.samples} samples that does not know "
        f"it, after section 4 of Ilyas et al. 2019 (arXiv:1905.02175): {seeds_of(results)}."
    )


def _found(rows: Sequence[GaussiansRow]) -> str:
    """How far simulation and formula are apart, in a sentence."""
    apart = ", ".join(f"{name} {largest} (asked: {asked})" for name, largest, asked, _ in agreement(rows)[1:])
    return f"Formula and simulation differ at most by {apart}."


def rules(rows: Sequence[GaussiansRow]) -> Plot:
    """The share that the rule of each solution predicts rightly, simulated, when examples are moved."""
    series: dict[str, dict[str, Measured]] = {}
    for of in numbers(picked(rows, theorem="rule")):
        values = [row["simulated"] for row in of]
        found = with_errors(values, [row["error"] for row in of], count=of[0]["samples"])
        place = of[0]["of"].replace("accuracy, ", "")
        series.setdefault(f"solution for l2 {of[0]['eps']:g}", {})[place] = Measured(found, tuple(values))
    return as_bars("rules", Chart(series, "share predicted rightly", "examples, in l2"), RULES)


def theorem_table(rows: Sequence[GaussiansRow]) -> Cells:
    """Each number in closed form and simulated, a mean over seeds, with the standard error of one simulation."""
    table = [["number", "solution for eps (l2)", "closed form", "simulated", "standard error"]]
    for of in numbers(rows):
        eps = "" if of[0]["eps"] is None else f"{of[0]['eps']:g}"
        error = f"{of[0]['error']:.4f}" if of[0]["error"] else ""
        table.append(
            [of[0]["of"], eps, f"{of[0]['closed']:.4f}", spread([row["simulated"] for row in of], digits=4), error]
        )
    return table


def solutions(settings: Settings) -> Figured:
    """Figure 4: for each eps the samples of both classes, the covariance of the solution, and its gradient."""
    mean, variances = (torch.tensor(values, dtype=torch.float64) for values in (settings.mean, settings.variances))
    noise = torch.randn(150, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * variances.sqrt()

    def draw(figure: "Figure") -> None:
        from matplotlib.patches import Ellipse

        panels: Any = figure.subplots(1, len(settings.eps), sharex=True, sharey=True, squeeze=False)[0]
        for axes, eps in zip(panels, settings.eps, strict=True):
            solution = robust_variances(variances, eps)
            for sign, colour in ((1, BLUE), (-1, ORANGE)):
                points = sign * mean + noise
                axes.scatter(points[:, 0], points[:, 1], s=3, color=colour, alpha=0.6)
                size = 4 * solution.sqrt()  # two standard deviations to each side
                axes.add_patch(
                    Ellipse(
                        (sign * settings.mean[0], sign * settings.mean[1]), *size.tolist(), fill=False, color=colour
                    )
                )
            for vector, colour, name in ((mean, GREEN, "mu"), (mean / solution, RED, "gradient")):
                end = vector / vector.norm() * mean.norm()
                axes.annotate("", end.tolist(), (0, 0), arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.8})
                axes.plot([], [], color=colour, label=name)
            axes.set(title=f"solution for l2 {eps:g}", aspect="equal")
            axes.title.set_fontsize(10)
        panels[0].legend(loc="upper left", fontsize=9)

    return drawn(3 * len(settings.eps), 3.2, draw)
