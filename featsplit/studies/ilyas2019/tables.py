"""The tables of the paper, of the rows of a run: accuracies with their intervals, over seeds."""

from collections.abc import Sequence

from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.report.cells import Cells, Show, cell, column_name, count, spread
from featsplit.report.intervals import Interval
from featsplit.report.rows import picked
from featsplit.rows import Row
from featsplit.studies.ilyas2019.rows import PlantedRow, in_order


def title_of(train_set: str, training: str = "standard") -> str:
    """What tables call the network that is trained on a set."""
    if train_set == "source":
        return f"D, {training} training"
    return DERIVED_SETS[train_set].label if train_set in DERIVED_SETS else train_set


def accuracy_table(rows: Sequence[Row], *, experiments: Sequence[str] = ("main", "noise"), show: Show = str) -> Cells:
    """One line for each network, one column for each attack on the source's test set; the head comes first."""
    on_test = [row for one in experiments for row in in_order(picked(rows, experiment=one, test_set="source"))]
    attacks = list(dict.fromkeys((row["attack"], row["norm"], row["eps"]) for row in on_test))
    table = [[f"trained on (n {count(on_test)})", *(column_name(*attack) for attack in attacks)]]
    for train_set, training in dict.fromkeys((row["train_set"], row["training"]) for row in on_test):
        line = picked(on_test, train_set=train_set, training=training)
        measured = [picked(line, attack=attack, norm=norm, eps=eps) for attack, norm, eps in attacks]
        table.append([title_of(train_set, training), *(cell(each, show) for each in measured)])
    shifted = picked(rows, experiment="main", train_set="det", test_set="source", labels="next")
    if shifted and "main" in experiments:
        table.append(["D_det, on labels y + 1", cell(shifted, show), *([""] * (len(attacks) - 1))])
    return table


def control_table(rows: Sequence[Row], *, show: Show = str) -> Cells:
    """The share of D_rand and D_det on which the robust network predicts the new label, before and after."""
    lines: dict[str, list[list[Row]]] = {}
    for name in ("rand", "det"):
        shares = [
            picked(rows, experiment="construction", test_set=name, moment=moment) for moment in ("before", "after")
        ]
        if all(shares):
            lines[name] = shares
    n = count([row for shares in lines.values() for share in shares for row in share])
    head = [f"the robust network predicts the new label (n {n})", "before", "after"]
    return [head, *([f"on D_{name}", *(cell(share, show) for share in shares)] for name, shares in lines.items())]


def planted_table(rows: Sequence[PlantedRow]) -> Cells:
    """The share of each planted component's class signal that each set keeps."""
    table, measured = (
        [["set", "robust component", "non-robust component"]],
        in_order(picked(rows, experiment="planted")),
    )
    for name in dict.fromkeys(row["train_set"] for row in measured):
        line = picked(measured, train_set=name)
        shares = [[row["kept"] for row in picked(line, component=one)] for one in ("robust", "nonrobust")]
        table.append([title_of(name), *map(spread, shares)])
    return table


def source_table(rows: Sequence[Row]) -> Cells:
    """Tables 9 and 10: what D_rand and D_det teach, made with the standard and with the robust network."""
    table = [["made with", "D_rand", "D_det", "D_det, on labels y + 1"]]
    for name, experiment, end in (("the standard network", "main", ""), ("the robust network", "control", "-control")):
        lines = [(f"rand{end}", None), (f"det{end}", None), (f"det{end}", "next")]
        measured = [
            picked(rows, experiment=experiment, train_set=of, test_set="source", labels=labels, attack="none")
            for of, labels in lines
        ]
        table.append([name, *map(cell, measured)])
    return table


def splits_table(rows: Sequence[Row]) -> Cells:
    """Table 8: one network of D_R on three sets, under each attack."""
    measured = picked(rows, experiment="splits")
    attacks = list(dict.fromkeys((row["attack"], row["norm"], row["eps"]) for row in measured))
    names = {"train": "D_R's training images", "test": "a D_R of the test images", None: "the test set"}
    table = [["tested on", *(column_name(*attack) for attack in attacks)]]
    for split, name in names.items():
        line = picked(measured, split=split)
        cells = [cell(picked(line, attack=attack, norm=norm, eps=eps)) for attack, norm, eps in attacks]
        table.append([f"{name} (n {count(line)})", *cells])
    return table


def steps_table(rows: Sequence[Row]) -> Cells:
    """Figure 8 in numbers: a line for each number of PGD steps, a column for each loss."""
    measured = picked(rows, experiment="steps")
    losses = list(dict.fromkeys(row["loss"] for row in measured))
    table = [[f"PGD steps (n {count(measured)})", *(str(loss) for loss in losses)]]
    for steps in sorted({row["steps"] or 0 for row in measured}):
        table.append([f"{steps}", *(cell(picked(measured, steps=steps, loss=loss)) for loss in losses)])
    return table


def distance_table(rows: Sequence[Row]) -> Cells:
    """A line for each network: the median distance of the nearest adversarial image, and the accuracy at each eps."""
    measured = in_order(picked(rows, experiment="distance"))
    whole = [row for row in measured if "distances" in row]
    told = dict.fromkeys((row["attack"], row["norm"], row["eps"]) for row in measured if row["eps"] is not None)
    columns = sorted(told, key=lambda column: (column[2] or 0.0, column[0]))
    head = [f"trained on (n {count(whole)})", "median distance", "mean, where found", "found", "calls an image"]
    table = [[*head, *(column_name(*column) for column in columns)]]
    for train_set, training in dict.fromkeys((row["train_set"], row["training"]) for row in whole):
        of = picked(whole, train_set=train_set, training=training)
        medians = [row["distance"] for row in of]
        finite = [median for median in medians if median is not None]
        means = [row["mean_distance"] for row in of if row["mean_distance"] is not None]
        cells = [spread(finite) if len(finite) == len(medians) else "infinite", spread(means)]
        cells += [spread([row["success"] for row in of]), spread([row["calls"] for row in of], digits=0)]
        line = picked(measured, train_set=train_set, training=training)
        cells += [cell(picked(line, attack=attack, eps=eps), Interval.short) for attack, _, eps in columns]
        table.append([title_of(train_set, training), *cells])
    return table


def architecture_table(rows: Sequence[Row]) -> Cells:
    """Figures 3 and 13 in numbers: what each architecture learns from D_det, and how often it is fooled."""
    table = [["architecture", "on D", "on D_det", "untargeted transfer", "targeted transfer"]]
    for arch in dict.fromkeys(row["architecture"] for row in picked(rows, test_set="transferred")):
        line = picked(rows, architecture=arch)
        compared = picked(line, experiment="architectures", test_set="source", attack="none")
        clean, learned = (picked(compared, train_set=name) for name in ("source", "det"))
        learned = learned or picked(line, experiment="main", train_set="det", test_set="source", attack="none")
        kept: list[Row] = picked(line, test_set="transferred")
        fooled: list[Row] = [{**row, "accuracy": 1 - row["accuracy"]} for row in kept]
        aimed = picked(line, test_set="transferred", labels="next")
        table.append([arch, *map(cell, (clean, learned, fooled, aimed))])
    return table


def prediction_table(rows: Sequence[Row]) -> Cells:
    """How often, and with what mean probability, the maker of a perturbed set predicts its new labels."""
    measured, moments = picked(rows, experiment="construction"), ("found", "stored", "augmented")
    shown = [name for name in DERIVED_SETS if any(row["test_set"] == name for row in measured)]
    shares = [f"as {moment}" for moment in moments]
    table = [["its maker predicts the new label", *shares, *(f"probability {share}" for share in shares)]]
    for name in shown:
        lines = [picked(measured, test_set=name, moment=moment) for moment in moments]
        probabilities = [spread([row["confidence"] or 0.0 for row in line]) for line in lines]
        table.append([title_of(name), *map(cell, lines), *probabilities])
    return table
