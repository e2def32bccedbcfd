"""The destruction rate of each transformation over its strengths: the paper's Figure 6 as plots and as numbers."""

from statistics import fmean
from typing import TYPE_CHECKING, Any

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, cell
from featsplit.report.intervals import Interval
from featsplit.report.plots import Figured, drawn, each_seed, plot, reaches
from featsplit.report.rates import rate
from featsplit.report.rows import picked
from featsplit.studies.kurakin2017.checks import NAMES
from featsplit.studies.kurakin2017.examples import METHODS
from featsplit.studies.kurakin2017.methods.page import COLOURS
from featsplit.studies.kurakin2017.rows import counted_of
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.transformations.claims import counted, measured
from featsplit.studies.kurakin2017.transformations.images import RANGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNITS = {
    "brightness": "added, in 255ths",
    "contrast": "factor about 128",
    "blur": "sigma, in pixels",
    "noise": "sigma, in 255ths",
    "jpeg": "quality",
}
WHAT = (
    "The destruction rate (equation 1): of the images that are predicted rightly when clean and wrongly when "
    "adversarial, the share that is predicted rightly again after the transformation. Everything is rounded to 8 bits "
    "before the network sees it. Beside it stands the accuracy on clean images under the same transformation: one that "
    "ruins these says nothing of adversarial ones. Contrast is g (x - 128) + 128; the paper does not print its form, "
    "and Figure 6 has no numbers on its axes in its text. Blur and JPEG of a small image are harsher than at 299 "
    "pixels: the strengths do not compare. A - is a rate of no images."
)


def blocks(results: Results[Settings]) -> list[Block]:
    """The tables of the experiment."""
    found: list[Block] = [Heading("What transformations destroy"), Text(WHAT)]
    for levels in sorted(results.settings.transformed):
        found += [Heading(f"linf {levels}/255", 3), Table(table(results, levels))]
    return found


def plots(results: Results[Settings]) -> list[Block]:
    """The rates at the eps in the middle."""
    levels = middle(results)
    says = f"Destruction rate at linf {levels}/255, with 95 % intervals; in grey the accuracy on clean images."
    return [plot("transformations", curves(results, levels), says)]


def middle(results: Results[Settings]) -> int:
    """The eps in the middle of those of the run."""
    sizes = sorted(results.settings.transformed)
    return sizes[len(sizes) // 2]


def table(results: Results[Settings], levels: int) -> Cells:
    """A line for each transformation and strength; a column for each method, of the top 1 and of the top k."""
    rows, lines = results.rows, []
    for name, strengths in RANGES.items():
        for strength in strengths:
            clean = cell(measured(rows, "none", None, name, strength), Interval.short)
            found = [rate(counted(rows, method, levels, name, strength)) for method in METHODS]
            cells = ["-" if one is None else one.short() for one in found]
            lines.append([f"{name} {strength:g}", clean, *cells, *_top_k(results, levels, name, strength)])
    lines.insert(0, ["8 bits", "", *_stored(results, levels), *[""] * (len(lines[0]) - 2 - len(METHODS))])
    first = [row for method in METHODS for row in measured(rows, method, levels, "identity", 0.0)]
    k = next((row["top_k"] for row in first if "top_k" in row), 0)
    of = {method: fmean(row["of"] for row in measured(rows, method, levels, "identity", 0.0)) for method in METHODS}
    head = ["", "clean accuracy", *(f"{NAMES[method]} (n {of[method]:.0f})" for method in METHODS)]
    return [[*head, *([f"{NAMES[method]}, top {k}" for method in METHODS] if k else [])], *lines]


def _stored(results: Results[Settings], levels: int) -> list[str]:
    """What a file alone destroys."""
    of = {method: picked(results.rows, experiment="stored", attack=method, levels=levels) for method in METHODS}
    found = [rate(counted_of(rows)) for rows in of.values()]
    return ["-" if one is None else one.short() for one in found]


def _top_k(results: Results[Settings], levels: int, name: str, strength: float) -> list[str]:
    found = []
    for method in METHODS:
        rows = measured(results.rows, method, levels, name, strength)
        rates = [row["top_k_rate"] for row in rows if row["top_k_rate"] is not None]
        if any("top_k" in row for row in rows):
            found.append(f"{fmean(rates):.3f}" if rates else "-")
    return found


def curves(results: Results[Settings], levels: int) -> Figured:
    """A panel for each transformation, a curve for each method."""

    def draw(figure: "Figure") -> None:
        panels: Any = figure.subplots(1, len(RANGES), sharey=True)
        for axes, (name, strengths) in zip(panels, RANGES.items(), strict=True):
            places = range(len(strengths))
            clean = [measured(results.rows, "none", None, name, strength) for strength in strengths]
            axes.plot(
                places, [fmean(row["accuracy"] for row in rows) for rows in clean], color="#999999", linestyle=":"
            )
            for method in METHODS:
                found = [rate(counted(results.rows, method, levels, name, strength)) for strength in strengths]
                there = [(place, one) for place, one in zip(places, found, strict=True) if one is not None]
                if there:
                    ends = reaches([one for _, one in there])
                    at, heights = [place for place, _ in there], [one.value for _, one in there]
                    label = NAMES[method] if name == "brightness" else None
                    axes.errorbar(at, heights, ends, color=COLOURS[method], marker="o", markersize=3, label=label)
                    seeds = [counted(results.rows, method, levels, name, strengths[place]) for place in at]
                    each_seed(axes, at, [[one.rate for one in of] for of in seeds])
            axes.set_xticks(places, [f"{strength:g}" for strength in strengths])
            axes.set(xlabel=UNITS[name], title=name, ylim=(-0.02, 1.02))
        panels[0].set_ylabel("destruction rate")
        figure.legend(loc="outside lower center", ncols=len(METHODS), fontsize=9)

    return drawn(10, 3.2, draw)
