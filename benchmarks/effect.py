"""python -m benchmarks.effect: docs/effect.svg, the picture in the README, from the rows of results/digits.json."""

import json
from pathlib import Path

from matplotlib.figure import Figure

from featsplit.report.intervals import Interval, accuracy
from featsplit.report.plots import BLUE, ORANGE, drawn
from featsplit.report.rows import picked
from featsplit.rows import Row

ROOT = Path(__file__).parents[1]
ROWS, PICTURE = ROOT / "benchmarks" / "results" / "digits.json", ROOT / "docs" / "effect.svg"
EPS, CHANCE = 0.6, 0.1
NETWORKS = {
    "D, as usual": ("source", "standard"),
    "D, adversarially": ("source", "adversarial"),
    "D_R": ("robust", "standard"),
    "D_NR": ("nonrobust", "standard"),
    "D_rand": ("rand", "standard"),
    "D_det": ("det", "standard"),
}


def effect(rows: list[Row]) -> str:
    """As SVG on white: what each network gets right, clean and under attack, each bar with its 95 % interval."""
    of = picked(rows, experiment="main", test_set="source")

    def measured(eps: float | None) -> list[Interval]:
        return [accuracy(picked(of, train_set=name, training=how, eps=eps)) for name, how in NETWORKS.values()]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for shift, found, colour, name in (
            (-0.2, measured(None), BLUE, "clean"),
            (0.2, measured(EPS), ORANGE, f"under attack (PGD, L2 {EPS:g})"),
        ):
            heights, places = [each.value for each in found], [place + shift for place in range(len(found))]
            reach = [
                [max(each.value - each.low, 0) for each in found],
                [max(each.high - each.value, 0) for each in found],
            ]
            error = {"ecolor": "#555555", "capsize": 2, "elinewidth": 0.8}
            axes.bar(places, heights, 0.38, yerr=reach, error_kw=error, color=colour, label=name)
            for place, each in zip(places, found, strict=True):
                axes.annotate(f"{each.value:.2f}", (place, each.high + 0.015), ha="center", fontsize=9)
        axes.axhline(CHANCE, color="#555555", linewidth=0.8, linestyle=":", label="chance")
        axes.set(ylim=(0, 1.1), ylabel="accuracy on the test images", xlabel="trained on")
        axes.set_xticks(range(len(NETWORKS)), list(NETWORKS))
        axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.16))

    white = '<rect width="100%" height="100%" fill="white"/>'
    start, end = drawn(8, 3.6, draw)().replace("currentColor", "#222222").split(" <defs>", 1)
    return f"{start} {white}\n <defs>{end}"


def main() -> None:
    """Draw it."""
    PICTURE.write_text(effect(json.loads(ROWS.read_text())["rows"]))


if __name__ == "__main__":
    main()
