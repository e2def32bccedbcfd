"""The chain from a float to another network, stage by stage; and rounding of the nearest images, with its repair."""

from statistics import fmean
from typing import TYPE_CHECKING

from featsplit.engine.results import Results
from featsplit.report.blocks import Block, Heading, Table, Text
from featsplit.report.cells import Cells, spread
from featsplit.report.plots import BLUE, GREEN, INK, ORANGE, RED, Figured, drawn, each_seed, plot, reaches
from featsplit.report.rates import rate
from featsplit.studies.kurakin2017.checks import NAMES
from featsplit.studies.kurakin2017.examples import METHODS
from featsplit.studies.kurakin2017.rows import counted_of
from featsplit.studies.kurakin2017.settings import Settings
from featsplit.studies.kurakin2017.storage.chain import STAGES
from featsplit.studies.kurakin2017.storage.claims import AS_FILE, fooled, measured, refused
from featsplit.studies.kurakin2017.storage.measure import CLOSEST, REPAIRED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHAT = (
    "This chain is lecture B's, and not of the paper: there the share of errors falls from 99.9 to about 10 % where "
    "CIFAR-10 images are stored as PNG, uploaded to a recognition service, and only sure predictions are taken. Here "
    "each stage is on its own: float32 as the attack found it; a PNG of 8 bits; enlarged twofold, cropped and made "
    "small again; shown to another network; and at every stage the gate, which takes predictions of a probability of "
    "{gate:g} or more. Those images count that both networks predict rightly when clean, and whose float32 image fools "
    "the network that it was made for."
)
ROUNDING = (
    "A pixel of 8 bits moves by up to 1/510 when it is rounded. The three methods move pixels by whole 255ths, and "
    "lose nothing. The nearest adversarial images lie just behind the boundary, and rounding takes many back over it; "
    "then single pixels are changed by one level, the best first, until the image fools again (Carlini and Wagner "
    "2017, section V.D)."
)


def blocks(results: Results[Settings]) -> list[Block]:
    """The tables of the experiment."""
    return [
        Heading("Storage, another network, and the gate"),
        Text(WHAT.format(gate=results.settings.gate)),
        Table(chain_table(results), caption="Beside each method its eps in linf, in 255ths."),
        Heading("The nearest adversarial images, in 8 bits", 3),
        Text(ROUNDING),
        Table(rounding_table(results)),
    ]


def plots(results: Results[Settings]) -> list[Block]:
    """The chain as curves."""
    return [plot("storage", curves(results), "What still fools, stage by stage, with 95 % intervals.")]


def sets(results: Results[Settings]) -> dict[str, tuple[str, int | None]]:
    """What is sent through the chain: each by its name, with its method and eps."""
    own = {f"{NAMES[method]} {levels}": (method, levels) for levels in results.settings.stored for method in METHODS}
    return {**own, **{name + end: (name + end, None) for name in CLOSEST for end in ("", REPAIRED)}}


def chain_table(results: Results[Settings]) -> Cells:
    """A line for each set and stage: what still fools, what of this the gate refuses, and what is left of all."""
    lines = []
    for name, (method, levels) in sets(results).items():
        for stage in STAGES:
            still, taken = (rate(of(results.rows, method, levels, stage)) for of in (fooled, refused))
            passed = rate(counted_of(measured(results.rows, method, levels, stage), missed=True, accepted=True))
            cells = ["-" if one is None else one.short() for one in (still, taken, passed)]
            n = fmean(row["of"] for row in measured(results.rows, method, levels, stage))
            lines.append([f"{name}: {stage}", f"{n:.0f}", *cells])
    return [
        ["", "n", "still fool", "of these, refused by the gate", "fool and pass the gate"],
        *lines,
        *_clean(results),
    ]


def _clean(results: Results[Settings]) -> Cells:
    """What the chain does to clean images: the share that is predicted wrongly."""
    lines = []
    for stage in STAGES:
        wrong = rate(fooled(results.rows, "none", None, stage))
        passed = rate(counted_of(measured(results.rows, "none", None, stage), missed=True, accepted=True))
        taken = rate(refused(results.rows, "none", None, stage))
        cells = ["-" if one is None else one.short() for one in (wrong, taken, passed)]
        n = fmean(row["of"] for row in measured(results.rows, "none", None, stage))
        lines.append([f"clean, wrong: {stage}", f"{n:.0f}", *cells])
    return lines


def rounding_table(results: Results[Settings]) -> Cells:
    """For each norm: what rounding undoes, what is undone after the repair, and how many components that took."""
    lines = []
    for name in CLOSEST:
        undone, left = (rate(counted_of(measured(results.rows, name + end, None, AS_FILE))) for end in ("", REPAIRED))
        changes = spread([row["repaired"] for row in measured(results.rows, name + REPAIRED, None, AS_FILE)], digits=1)
        n = "0" if undone is None else f"{undone.n}"
        lines.append([name, n, *("-" if one is None else f"{one}" for one in (undone, left)), changes])
    return [["", "n", "undone by 8 bits", "undone after the repair", "components changed, where needed"], *lines]


def curves(results: Results[Settings]) -> Figured:
    """A curve for each set over the stages."""

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        colours = (BLUE, ORANGE, GREEN, RED, INK, "#8a63c9", "#2a9d9d")
        mended = [method + REPAIRED for method in CLOSEST]
        for number, (name, (method, levels)) in enumerate(sets(results).items()):
            found = [rate(fooled(results.rows, method, levels, stage)) for stage in STAGES]
            there = [(place, one) for place, one in enumerate(found) if one is not None]
            if there:
                ends, at = reaches([one for _, one in there]), [place for place, _ in there]
                colour = colours[number % len(colours)]
                line = "--" if name in mended else "-"
                heights = [one.value for _, one in there]
                axes.errorbar(at, heights, ends, color=colour, marker="o", markersize=4, linestyle=line, label=name)
                seeds = [fooled(results.rows, method, levels, STAGES[place]) for place in at]
                each_seed(axes, at, [[one.rate for one in of] for of in seeds])
        axes.set_xticks(range(len(STAGES)), STAGES)
        axes.set(ylabel="still fool", ylim=(-0.02, 1.02))
        figure.legend(loc="outside right upper", fontsize=9)

    return drawn(8, 3.6, draw)
