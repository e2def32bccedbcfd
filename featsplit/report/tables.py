"""Rows to tables: accuracies with their intervals, and means and standard deviations of what else was measured."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from featsplit.data.places import is_derived
from featsplit.metadata.derived_sets import DERIVED_SETS
from featsplit.report.intervals import Interval, accuracy
from featsplit.report.rows import Row, column_name, picked, spread

Cells = list[list[str]]
Show = Callable[[Interval], str]
"""How an accuracy is written in a cell: `str`, with its interval, or `Interval.short`."""

NAMES = {
    ("source", "standard"): "D, standard training",
    ("source", "adversarial"): "D, adversarial training",
    **{(name, "standard"): derived.label for name, derived in DERIVED_SETS.items()},
}


def cell(rows: list[Row], show: Show = str) -> str:
    """The accuracy that `rows`, one a seed, measured; empty where there are none."""
    return show(accuracy(rows)) if rows else ""


def accuracy_table(rows: list[Row], *, parts: tuple[str, ...] = ("main", "noise"), show: Show = str) -> Cells:
    """One line for each network, one column for each attack on the source's test set; the head comes first."""
    own = [row for part in parts for row in picked(rows, part=part)]
    on_test = picked(own, test_set="source")
    attacks = list(dict.fromkeys((row["attack"], row["norm"], row["eps"]) for row in on_test))
    head: list[str] = [f"trained on (n {_count(on_test)})", *(column_name(*attack) for attack in attacks)]
    networks: list[tuple[str, str]] = list(dict.fromkeys((row["train_set"], row["training"]) for row in on_test))
    table: Cells = [head]
    for train_set, training in networks:
        of = picked(on_test, train_set=train_set, training=training)
        found = [picked(of, part=_part(of), attack=a, norm=n, eps=e) for a, n, e in attacks]
        table.append([NAMES.get((train_set, training), train_set), *(cell(each, show) for each in found)])
    shifted = picked(own, part="main", train_set="det", test_set="source:next")
    if shifted:
        table.append(["D_det, on labels y + 1", cell(shifted, show), *([""] * (len(attacks) - 1))])
    return table


def _count(rows: list[Row]) -> str:
    """Of how many images the rows are: one number, or the least and the largest."""
    counts = sorted({row["n"] for row in rows}) or [0]
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _part(rows: list[Row]) -> str:
    return str(rows[0].get("part", "main"))


def control_table(rows: list[Row], *, show: Show = str) -> Cells:
    """The share of D_rand and D_det on which the robust network reads the new label, before and after."""
    own = [row for row in rows if row["test_set"].endswith((":before", ":after"))]
    table = [[f"the robust network reads the new label (n {_count(own)})", "before", "after"]]
    for name in ("rand", "det"):
        shares = [picked(own, part="construction", test_set=f"{name}:{when}") for when in ("before", "after")]
        if all(shares):
            table.append([f"on D_{name}", *(cell(share, show) for share in shares)])
    return table


def planted_table(rows: list[Row]) -> Cells:
    """The share of each planted component's class signal that each set keeps."""
    table = [["set", "robust component", "non-robust component"]]
    for name in dict.fromkeys(row["train_set"] for row in picked(rows, part="planted")):
        of = picked(rows, part="planted", train_set=name)
        shares = [[row["kept"] for row in picked(of, part="planted", component=c)] for c in ("robust", "nonrobust")]
        table.append([NAMES[name, "standard"], *map(spread, shares)])
    return table


def source_table(rows: list[Row]) -> Cells:
    """Tables 9 and 10: what D_rand and D_det teach, made with the standard and with the robust network."""
    table = [["made with", "D_rand", "D_det", "D_det, on labels y + 1"]]
    for name, part, end in (("the standard network", "main", ""), ("the robust network", "control", "-control")):
        cells = [("rand", "source"), ("det", "source"), ("det", "source:next")]
        found = [picked(rows, part=part, train_set=s + end, test_set=t, attack="none") for s, t in cells]
        table.append([name, *map(cell, found)])
    return table


def splits_table(rows: list[Row]) -> Cells:
    """Table 8: one network of D_R on three sets, under each attack."""
    own = picked(rows, part="splits")
    attacks = list(dict.fromkeys((row["attack"], row["norm"], row["eps"]) for row in own))
    ends = {":train": "D_R's training images", ":test": "a D_R of the test images", "source": "the test set"}
    table = [["tested on", *(column_name(*attack) for attack in attacks)]]
    for end, name in ends.items():
        of = [row for row in own if row["test_set"].endswith(end)]
        found = [picked(of, part="splits", attack=a, norm=n, eps=e) for a, n, e in attacks]
        table.append([f"{name} (n {_count(of)})", *map(cell, found)])
    return table


def steps_table(rows: list[Row]) -> Cells:
    """Figure 8 in numbers: a line for each number of PGD steps, a column for each loss."""
    own = picked(rows, part="steps")
    losses = list(dict.fromkeys(row["loss"] for row in own))
    table = [[f"PGD steps (n {_count(own)})", *losses]]
    for count in sorted({row["steps"] for row in own}):
        table.append([f"{count}", *(cell(picked(own, part="steps", steps=count, loss=loss)) for loss in losses)])
    return table


def architecture_table(rows: list[Row]) -> Cells:
    """Figures 3 and 13 in numbers: what each architecture learns from D_det, and how often it is fooled."""
    head = ["architecture", "on D", "on D_det", "untargeted transfer", "targeted transfer"]
    table = [head]
    for arch in dict.fromkeys(row["architecture"] for row in picked(rows, test_set="transferred")):
        of = picked(rows, architecture=arch)
        clean = picked(of, part="architectures", train_set="source", test_set="source", attack="none")
        on = {"train_set": "det", "test_set": "source", "attack": "none"}
        learned = picked(of, part="architectures", **on) or picked(of, part="main", **on)
        fooled = [{**row, "accuracy": 1 - row["accuracy"]} for row in picked(of, test_set="transferred")]
        table.append([arch, *map(cell, (clean, learned, fooled, picked(of, test_set="transferred:next")))])
    return table


def reading_table(rows: list[Row]) -> Cells:
    """How often, and with what mean probability, the maker of a perturbed set reads its new labels."""
    own, whens = picked(rows, part="construction"), ("found", "stored", "augmented")
    names = list(dict.fromkeys(row["test_set"].partition(":")[0] for row in own))
    table = [["its maker reads the new label", *("as " + w for w in whens), *(f"probability as {w}" for w in whens)]]
    for name in names:
        of = [picked(own, part="construction", test_set=f"{name}:{when}") for when in whens]
        sure = [spread([row["confidence"] for row in rows]) for rows in of]
        table.append([NAMES[name, "standard"], *map(cell, of), *sure])
    return table


def listing(rows: list[Row]) -> Cells:
    """A line for each row, with the fields that differ between attacks."""
    head = ["model", "test set", "attack", "norm", "eps", "steps", "restarts", "n", "accuracy ± 95 %"]
    table = [head]
    for row in rows:
        attack = ["-" if row[key] is None else f"{row[key]}" for key in ("norm", "eps", "steps", "restarts")]
        table.append(
            [Path(row["model"]).stem, _tested(row), row["attack"], *attack, f"{row['n']}", cell([row], Interval.short)]
        )
    return table


def _tested(row: Row) -> str:
    """Which images a row is of: its test set's test images, or as it says."""
    name, split = row["test_set"], row.get("split", "test")
    images, source = ("training" if split == "train" else split), row.get("images_of", name)
    if source != name:
        return f"{name}: the source's {images} images"
    return f"{name}: its own images" if is_derived(name) else name if split == "test" else f"{name}: {images} images"


def transfer_table(rows: list[Row]) -> Cells:
    """What each training set is worth: a line for each set and architecture, a column for each test set and attack."""
    found = _matrix(rows)
    head = ["trained on", "network", *(_test_name(test) for test in next(iter(found.values())))]
    lines = [[Path(name).stem, arch, *map(cell, line.values())] for (name, arch), line in found.items()]
    return [head, *lines]


def transfer_matrix(rows: list[Row]) -> tuple[list[str], list[str], list[list[float]]]:
    """The same as numbers, means over seeds: the names of its lines, of its columns, and the accuracies."""
    found = _matrix(rows)
    names = [f"{Path(name).stem}, {arch}" for name, arch in found]
    tests = [_test_name(test) for test in next(iter(found.values()))]
    means = [[statistics.fmean(row["accuracy"] for row in cell) for cell in line.values()] for line in found.values()]
    return names, tests, means


def _matrix(rows: list[Row]) -> dict[tuple[str, str], dict[tuple[Any, ...], list[Row]]]:
    """The rows of the seeds by training set and architecture, then by test set and attack."""
    found: dict[tuple[str, str], dict[tuple[Any, ...], list[Row]]] = {}
    for row in rows:
        line = found.setdefault((row["train_set"], row["architecture"]), {})
        line.setdefault((row["test_set"], row["attack"], row["norm"], row["eps"]), []).append(row)
    return found


def _test_name(test: tuple[Any, ...]) -> str:
    return f"{Path(test[0]).stem} {column_name(*test[1:])}"


def as_text(table: Cells) -> str:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in table
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def as_markdown(table: Cells) -> str:
    """The same as a Markdown table."""
    rule = ["---", *(["---:"] * (len(table[0]) - 1))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [table[0], rule, *table[1:]])
